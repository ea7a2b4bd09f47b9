"""``seqgen music render``."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Annotated

import typer

from seqgen_music.commands.group import EncodingOption, music


@music.command(epilog="Example: seqgen music render tunes.abc --to midi,wav,svg,png")
def render(
    files: Annotated[
        list[str], typer.Argument(metavar="FILE...", help="Tune books in ABC and MIDI files; folders, globs, URLs.")
    ],
    to: Annotated[
        str,
        typer.Option(
            metavar="FORMS",
            help="midi; wav; svg and png, the score of ABC; roll, a piano roll, which is also what png is of MIDI.",
        ),
    ] = "png",
    folder: Annotated[
        Path | None,
        typer.Option("--output-folder", metavar="FOLDER", help="Where to write.  Default: beside each file"),
    ] = None,
    encoding: EncodingOption = "auto",
    json: Annotated[bool, typer.Option("--json", help="Print a JSON list of the files that were written.")] = False,
) -> None:
    """Tunes as sound, scores and piano rolls; prints the files that it writes, one for each tune and form."""
    from seqgen.core.errors import SeqgenWarning, UsageError
    from seqgen_music.render import files as rendering

    forms = [form.strip() for form in to.split(",")]
    if unknown := [form for form in forms if form not in rendering.FORMS]:
        raise UsageError(f'--to has "{unknown[0]}", but knows {", ".join(rendering.FORMS)}.  Try --to midi,wav,svg,png')
    written: list[str] = []
    try:
        for path in rendering.render(files, forms, folder, encoding):
            written.append(str(path))
            if not json:
                typer.echo(path)
    except BaseException:
        if json and written:  # what is there is told, though a later file is wrong
            _print(written)
        raise
    if not written:
        warnings.warn("What is named is MIDI already, and stays as it is.", SeqgenWarning, stacklevel=2)
    if json:
        _print(written)


def _print(written: list[str]) -> None:
    import json as json_module

    typer.echo(json_module.dumps(written, ensure_ascii=False))
