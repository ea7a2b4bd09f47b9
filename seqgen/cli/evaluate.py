"""``seqgen evaluate``."""

from __future__ import annotations

from typing import Annotated

import typer

from seqgen.cli.environment import (
    Command,
    Environment,
    JsonOption,
    add_row,
    complete_model,
    complete_part,
    default,
    print_json,
    show,
    table,
    warn,
)


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command(cls=Command, epilog="Example: seqgen evaluate novel@best chapter-12.txt")(evaluate)


def evaluate(
    ctx: typer.Context,
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL", help="NAME, NAME:VERSION, NAME@best, or a model folder.", autocompletion=complete_model
        ),
    ],
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="Texts to predict; - for standard input.")],
    dataset: Annotated[
        str | None,
        typer.Option(
            metavar="DATASET",
            help=f"How files become documents: text, lines, NAME:key=value.  {default('as MODEL was trained')}",
            autocompletion=complete_part("dataset"),
        ),
    ] = None,
    backend: Annotated[
        str | None,
        typer.Option(
            metavar="BACKEND",
            help=f"What computes: numpy, torch, keras.  {default('numpy')}",
            autocompletion=complete_part("backend"),
        ),
    ] = None,
    device: Annotated[str, typer.Option(metavar="DEVICE", help="Where it runs: auto, cpu, cuda, mps, ...")] = "auto",
    json: JsonOption = False,
) -> None:
    """How well MODEL predicts each FILE: bits per character, perplexity per token, tokens per character."""
    from seqgen import api
    from seqgen.language_model import describe_missing

    loaded = api.load(model, backend=backend, device=device, catalog=Environment.of(ctx).catalog)
    scores = [(file, loaded.score(file, dataset=dataset)) for file in files]
    for file, score in scores:
        if score.missing:
            warn(f"{file}: {describe_missing(score.missing, loaded.reference)}")
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
            for file, score in scores
        ]
        print_json({"model": loaded.name, "version": loaded.version, "backend": loaded.backend, "files": figures})
        return
    rows = table("file", "bits/character>", "perplexity>", "tokens/character>", "characters>")
    for file, score in scores:
        add_row(
            rows,
            file,
            f"{score.bits_per_character:.4f}",
            f"{score.perplexity:.3f}",
            f"{score.tokens_per_character:.3f}",
            f"{score.characters:,}",
        )
    show(rows)
