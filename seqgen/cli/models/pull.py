"""``seqgen models pull``."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from seqgen.cli.environment import JsonOption, command, default
from seqgen.cli.models.arrival import show_arrival
from seqgen.cli.transfer_bar import transfer_bar


@command(epilog="Examples\n\nseqgen models pull s3://team/models novel:3\n\nseqgen models pull hf://ada/novel@v3")
def pull_model(
    remote: Annotated[
        str,
        typer.Argument(metavar="REMOTE", help="Where it was pushed: a folder, a URL, or hf://USER/NAME\\[@REVISION]."),
    ],
    model: Annotated[
        str | None, typer.Argument(metavar="[MODEL]", help="NAME (its latest) or NAME:VERSION; not for hf://.")
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help=f"Name of the model here.  {default('as there')}")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Fetch a model that was pushed.

    Each file is held against its sha256.  What broke off goes on when you pull again.  Without MODEL it says what there is.
    """
    from pathlib import Path

    from seqgen.core.errors import ModelNotFoundError
    from seqgen.core.redact import redacted
    from seqgen.registry import Registry
    from seqgen.sharing.exchange import pull

    if "://" not in remote and "::" not in remote and not Path(os.path.expanduser(remote)).is_dir():  # noqa: PTH111
        raise ModelNotFoundError(f"There is no folder {remote}, so nothing was pushed there.")
    with transfer_bar(redacted(remote)) as progress:
        arrival = pull(remote, model, Registry.at_home(), progress=progress, name=name)
    show_arrival(arrival, json=json)
