"""``seqgen generate``."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seqgen.cli.environment import Environment, JsonOption, print_json

if TYPE_CHECKING:
    from seqgen.language_model import Generation, LanguageModel

EPILOG = """[bold]Examples[/bold]

seqgen generate --seed "the ice"

seqgen generate --model novel@best --seed "the ice" --temperature 0.7 --top-p 0.9 --length 400

seqgen generate --model names --num-samples 20 --output names.txt

Samplers always work in this order: penalties, constraints, temperature, then truncation (top-k, top-p, min-p, typical) in the
order given."""


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog=EPILOG)(generate)


def generate(
    ctx: typer.Context,
    model: Annotated[
        str | None, typer.Option(help="NAME, NAME:VERSION, NAME@best, or a model folder.  [dim]\\[trained last][/dim]")
    ] = None,
    seed: Annotated[str | None, typer.Option(metavar="TEXT", help="Text to go on from.")] = None,
    seed_file: Annotated[
        str | None, typer.Option(metavar="FILE", help="File with the text to go on from; - for standard input.")
    ] = None,
    length: Annotated[int, typer.Option(min=1, help="How many tokens to write at most.")] = 400,
    stop: Annotated[list[str] | None, typer.Option(metavar="TEXT", help="End before this text; repeatable.")] = None,
    num_samples: Annotated[int, typer.Option(min=1, help="How many texts to write.")] = 1,
    sampler: Annotated[
        list[str] | None, typer.Option(metavar="NAME:key=value", help="Any registered sampler; repeatable.")
    ] = None,
    temperature: Annotated[
        float | None, typer.Option(help="Below 1 safer, above 1 wilder, 0 always the likeliest.  [dim]\\[0.8][/dim]")
    ] = None,
    top_k: Annotated[int | None, typer.Option(help="Only the k likeliest tokens.")] = None,
    top_p: Annotated[float | None, typer.Option(help="Only the likeliest tokens that together reach p.")] = None,
    min_p: Annotated[
        float | None, typer.Option(help="Only tokens at least p times as likely as the likeliest.")
    ] = None,
    repetition_penalty: Annotated[
        float | None, typer.Option(help="Above 1 makes tokens that occurred lately less likely.")
    ] = None,
    random_seed: Annotated[
        int | None, typer.Option(min=0, help="Fixes the draws: the same number writes the same text.")
    ] = None,
    backend: Annotated[
        str | None, typer.Option(help="What computes: numpy, torch, keras.  [dim]\\[numpy][/dim]")
    ] = None,
    device: Annotated[str, typer.Option(help="Where it runs.")] = "auto",
    output: Annotated[Path | None, typer.Option(metavar="FILE", help="Write there instead of standard output.")] = None,
    no_stream: Annotated[bool, typer.Option("--no-stream", help="Show the text when it is whole.")] = False,
    show_probabilities: Annotated[
        bool, typer.Option("--show-probabilities", help="Colour each token by its probability, and list alternatives.")
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Refuse a prompt with symbols that the model does not know.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Write text with a trained model, token by token as it comes."""
    from seqgen import api

    started = time.perf_counter()
    loaded = api.load(model, backend=backend, device=device, catalog=Environment.of(ctx).catalog)
    prompt = _prompt(seed, seed_file)
    generation = loaded.prepare(
        prompt,
        length=length,
        stop=tuple(stop or ()),
        samplers=tuple(sampler or ()),
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        min_p=min_p,
        repetition_penalty=repetition_penalty,
        random_seed=random_seed,
        strict=strict,
        warn=lambda text: typer.echo(f"warning: {text}", err=True),
    )
