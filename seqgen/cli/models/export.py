"""``seqgen models export``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from seqgen.cli.environment import Environment, JsonOption, ModelArgument, command, default
from seqgen.cli.printing import print_json


def _formats() -> list[str]:
    from seqgen.sharing.formats import FORMATS

    return [form.name for form in FORMATS]


@command(epilog="Example: seqgen models export novel@best novel.zip")
def export_model(
    ctx: typer.Context,
    model: ModelArgument,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What to write; a file that is there is replaced.")],
    form: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="FORMAT",
            help="zip (one file, which seqgen models import reads), safetensors (the model folder), onnx (for other programs), html "
            "(a page that writes in the browser).  " + default("by the suffix of FILE"),
            autocompletion=_formats,
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Write a model as one file, to hand to somebody or to another program.

    The file is the same, byte for byte, each time.
    """
    from seqgen import api
    from seqgen.sharing.formats import export_model as export

    saved = api.find_model(model)
    written = export(saved, file, catalog=Environment.of(ctx).catalog, form=form)
    left_out = ["n-grams"] if saved.has_ngrams and not written.holds_ngrams else []
    if left_out:
        typer.echo(
            f"{file} holds the network of {saved.where} alone, without the n-grams that seqgen mixes it with: it predicts as "
            "the network does.",
            err=True,
        )
    if json:
        print_json({"model": saved.where, "path": str(file), "format": written.name, "left_out": left_out})
    else:
        typer.echo(str(file))
