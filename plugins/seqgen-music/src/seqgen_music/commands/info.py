"""``seqgen music info``."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from seqgen_music.commands.group import music


@music.command(epilog="Example: seqgen music info tune.mid")
def info(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE...", help="MIDI files, and tune books in ABC, which are looked at as they are played."
        ),
    ],
    json: Annotated[bool, typer.Option("--json", help="Print a JSON list with an object for each piece.")] = False,
) -> None:
    """What is in a piece: how long it is, its metres, bars, range, instruments and pitches."""
    from seqgen_music.midi.about import about
    from seqgen_music.render.files import pieces

    told = [
        {"piece": piece.where, **_in_abc(piece.content), **about(piece.midi)}
        for file in files
        for piece in pieces(file)
    ]
    if json:
        import json as json_module

        typer.echo(json_module.dumps(told, ensure_ascii=False))
        return
    for number, piece in enumerate(told):
        typer.echo(("\n" if number else "") + "\n".join(f"{name:16} {_shown(value)}" for name, value in piece.items()))


def _in_abc(content: bytes | str) -> dict[str, Any]:
    """What a tune in ABC says of itself, and what is wrong with it; nothing of MIDI."""
    if isinstance(content, bytes):
        return {}
    from seqgen_music.abc.tune import read_tune

    tune = read_tune(content)
    found = {name: tune.fields.get(letter, "") for name, letter in (("title", "T"), ("key", "K"))}
    faults = [f"line {line}: {fault}" for line, fault in tune.faults]
    return {**found, **({"faults": faults} if faults else {})}


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {count}" for name, count in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
