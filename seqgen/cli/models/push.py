"""``seqgen models push``."""

from __future__ import annotations

from typing import Annotated

import typer

from seqgen.cli.environment import JsonOption, ModelArgument, command, default
from seqgen.cli.printing import print_json, say
from seqgen.cli.transfer_bar import transfer_bar


@command(epilog="Examples\n\nseqgen models push novel s3://team/models\n\nseqgen models push novel@best hf://ada/novel")
def push_model(
    model: ModelArgument,
    remote: Annotated[
        str, typer.Argument(metavar="REMOTE", help="A folder, any URL that fsspec knows, or hf://USER/NAME.")
    ],
    as_: Annotated[
        str | None,
        typer.Option("--as", metavar="NAME:VERSION", help=f"What it is called there.  {default('as here')}"),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Give a model to a team, or to everybody.

    It appears there when all of it is there.  What broke off goes on when you push again.
    """
    from seqgen import api
    from seqgen.core.redact import redacted
    from seqgen.sharing.exchange import push

    saved = api.find_model(model)
    with transfer_bar(redacted(remote)) as progress:
        pushed = push(saved, remote, as_=as_, progress=progress)
    if json:
        print_json({"model": saved.where, "where": pushed.where, "new": pushed.new})
        return
    if pushed.repaired:
        say(f"{pushed.where} was damaged there, and has its files anew.")
    elif not pushed.new:
        say(f"{pushed.where} is this model already.")
    typer.echo(pushed.where)
