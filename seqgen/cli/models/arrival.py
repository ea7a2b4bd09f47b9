"""What is shown of a model that came from elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from seqgen.cli.printing import print_json, say

if TYPE_CHECKING:
    from seqgen.sharing.arrival import Arrival


def show_arrival(arrival: Arrival, *, json: bool) -> None:
    """What it is called here, on standard output."""
    version = arrival.version
    if json:
        print_json({**version.record(), "new": arrival.new})
        return
    if arrival.repaired:
        say(f"{version} was damaged here, and has its files anew.")
    elif not arrival.new:
        say(f"{version} is this model already.")
    typer.echo(str(version))
