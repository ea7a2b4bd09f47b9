"""``seqgen music play``."""

from __future__ import annotations

from typing import Annotated

import typer

from seqgen_music.commands.group import EncodingOption, music


@music.command(epilog="Example: seqgen music play tunes.abc")
def play(
    files: Annotated[
        list[str], typer.Argument(metavar="FILE...", help="Tune books in ABC and MIDI files; folders, globs, URLs.")
    ],
    encoding: EncodingOption = "auto",
) -> None:
    """Play tunes, one after another."""
    from seqgen_music.render import files as rendering
    from seqgen_music.render import player

    for piece in rendering.pieces(files, encoding):
        typer.echo(piece.where, err=True)
        player.play(piece.form("wav"))
