"""The group ``seqgen music``, to which each module of this package adds its command."""

from __future__ import annotations

from typing import Annotated

import typer

EncodingOption = Annotated[
    str,
    typer.Option(
        "--encoding", metavar="NAME", help="Of tune books: utf-8, latin-1, ...; auto: UTF-8, or by their mark."
    ),
]

music = typer.Typer(
    epilog="Example: seqgen music info tunes.abc",
    no_args_is_help=True,
)


@music.callback()
def commands() -> None:
    """Tunes: what is in them, how good they are, and how they sound."""
