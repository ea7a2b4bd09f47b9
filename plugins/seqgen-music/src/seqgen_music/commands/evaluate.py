"""``seqgen music evaluate``."""

from __future__ import annotations

from typing import Annotated

import typer

from seqgen_music.commands.group import EncodingOption, music

WORDS = {
    "tunes": "tunes",
    "bars": "bars",
    "notes": "notes",
    "well_formed_tunes": "tunes without a fault",
    "right_bars": "bars that add up",
    "notes_in_key": "notes in the key",
    "repeated_bars": "bars that repeat an earlier one",
    "pitch_class_distance": "distance of pitch classes",
    "duration_distance": "distance of note lengths",
    "copied_bars": "bars that are in the corpus",
    "copied_shingles": "runs of 8 notes that are in the corpus",
}


@music.command(epilog="Example: seqgen music evaluate tunes.abc --corpus session/")
def evaluate(
    tunes: Annotated[list[str], typer.Argument(help="Books of tunes in ABC, or MIDI files; folders, globs, URLs.")],
    corpus: Annotated[
        list[str] | None, typer.Option(metavar="SOURCE", help="What the model was trained on; repeatable.")
    ] = None,
    encoding: EncodingOption = "auto",
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """How good tunes are: whether bars add up and notes are in the key, what repeats, and what is copied from a corpus."""
    from dataclasses import asdict

    from seqgen_music.evaluation import qualities

    columns = {name: asdict(quality) for name, quality in qualities(tunes, corpus or (), encoding).items()}
    if json:
        from json import dumps

        typer.echo(dumps(columns))
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table("", *columns, box=box.SIMPLE_HEAD, pad_edge=False)
    for name, words in WORDS.items():
        cells = [_shown(name, values[name]) for values in columns.values()]
        if any(cells):
            table.add_row(words, *cells)
    Console().print(table)


def _shown(name: str, value: float | None) -> str:
    if value is None:
        return ""
    if name in ("tunes", "bars", "notes"):
        return f"{value:,}"
    return f"{value:.3f}" if name.endswith("distance") else f"{value:.1%}"
