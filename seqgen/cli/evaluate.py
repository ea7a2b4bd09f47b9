"""``seqgen evaluate``."""

from __future__ import annotations

from typing import Annotated

import typer

from seqgen.cli.environment import Environment, JsonOption, print_json, show, table


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Example: seqgen evaluate novel@best chapter-12.txt")(evaluate)


def evaluate(
    ctx: typer.Context,
    model: Annotated[str, typer.Argument(help="NAME, NAME:VERSION, NAME@best, or a model folder.")],
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="Texts to predict; - for standard input.")],
    backend: Annotated[str | None, typer.Option(help="What computes: numpy, torch, keras.")] = None,
    device: Annotated[str, typer.Option(help="Where it runs.")] = "auto",
    json: JsonOption = False,
) -> None:
    """How well MODEL predicts each FILE: bits per character, perplexity per token, tokens per character."""
    from seqgen import api
    from seqgen.language_model import describe_missing

    loaded = api.load(model, backend=backend, device=device, catalog=Environment.of(ctx).catalog)
    scores = {file: loaded.score(file) for file in files}
    for file, score in scores.items():
        if score.missing:
            typer.echo(f"warning: {file}: {describe_missing(score.missing, loaded.reference)}", err=True)
    if json:
        figures = [
            {
                "file": file,
                "bits_per_character": score.bits_per_character,
                "perplexity": score.perplexity,
                "loss": score.loss,
                "tokens_per_character": score.tokens_per_character,
                "tokens": score.tokens,
                "characters": score.characters,
            }
            for file, score in scores.items()
        ]
        print_json({"model": loaded.name, "version": loaded.version, "backend": loaded.backend, "files": figures})
        return
    rows = table("file", "bits/character", "perplexity/token", "tokens/character", "characters")
    for column in rows.columns[1:]:
        column.justify = "right"
    for file, score in scores.items():
        rows.add_row(
            file,
            f"{score.bits_per_character:.4f}",
            f"{score.perplexity:.3f}",
            f"{score.tokens_per_character:.3f}",
            f"{score.characters:,}",
        )
    show(rows)
