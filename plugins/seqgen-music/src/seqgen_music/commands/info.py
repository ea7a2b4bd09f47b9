"""``seqgen music info``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from seqgen_music.commands.group import EncodingOption, music

if TYPE_CHECKING:
    from seqgen_music.render.files import Piece


@music.command(epilog="Example: seqgen music info tune.mid")
def info(
    files: Annotated[
        list[str],
        typer.Argument(metavar="FILE...", help="MIDI files and tune books in ABC; folders, globs, URLs."),
    ],
    encoding: EncodingOption = "auto",
    json: Annotated[bool, typer.Option("--json", help="Print a JSON list with an object for each piece.")] = False,
) -> None:
    """What is in a piece: its key, metre, bars, range and how often each note occurs; of MIDI also tempo and instruments."""
    from seqgen_music.render.files import pieces

    told = [{"piece": piece.where, **_about(piece)} for piece in pieces(files, encoding)]
    if json:
        import json as json_module

        typer.echo(json_module.dumps(told, ensure_ascii=False))
        return
    for number, piece in enumerate(told):
        typer.echo(("\n" if number else "") + "\n".join(f"{name:16} {_shown(value)}" for name, value in piece.items()))


def _about(piece: Piece) -> dict[str, Any]:
    """What there is to say of a piece; a tune in ABC is looked at as it is written, which needs neither symusic nor verovio."""
    if not isinstance(piece.content, bytes):
        from seqgen_music.abc import about

        return about.about(piece.content)
    from seqgen_music.midi import about as about_midi

    return about_midi.about(piece.midi)


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {count}" for name, count in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else "none" if value is None else str(value)
