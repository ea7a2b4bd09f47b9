"""The group ``seqgen music``, to which each module of this package adds its command."""

from __future__ import annotations

import typer

music = typer.Typer(
    epilog="Example: seqgen music info tunes.abc",
    no_args_is_help=True,
)


@music.callback()
def commands() -> None:
    """Tunes: what is in them, how good they are, and how they sound."""
