"""The group ``seqgen lyrics``, to which each module of this package adds its command."""

from __future__ import annotations

import typer

lyrics = typer.Typer(
    epilog="Example: seqgen lyrics evaluate --model songs --scheme ABAB --pattern 8-6-8-6",
    no_args_is_help=True,
)


@lyrics.callback()
def commands() -> None:
    """Lyrics and verse: how well they rhyme, and what they are made of."""
