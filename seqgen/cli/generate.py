"""``seqgen generate``."""

from __future__ import annotations

import contextlib
import io
import json as json_module
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seqgen.cli.environment import Environment, JsonOption

if TYPE_CHECKING:
    from seqgen.generation.generate import Sample
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
    prompt = _prompt(seed, seed_file)
    loaded = api.load(model, backend=backend, device=device, catalog=Environment.of(ctx).catalog)
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
    with _open(output) as out:
        if json:
            out.line(_record(loaded, generation, num_samples, started))
        elif show_probabilities:
            _show_probabilities(generation, out)
        elif num_samples == 1:
            pieces = generation.stream()
            out.write(prompt)
            for piece in ["".join(map(str, pieces))] if no_stream else pieces:
                out.write(piece)
            out.write("\n")
        else:
            _write_many(generation, num_samples, out)


def _prompt(seed: str | None, seed_file: str | None) -> str:
    from seqgen.core.errors import PromptError

    if seed is not None and seed_file is not None:
        raise PromptError("--seed and --seed-file both give a prompt.  Leave one out.")
    if seed is None and seed_file is None:
        return ""
    text = seed if seed is not None else _read(str(seed_file))
    if not text:
        raise PromptError("The prompt is empty.  Give --seed some text, or leave it out to start from nothing.")
    return text


def _read(file: str) -> str:
    from seqgen.core.errors import PromptError

    try:
        content = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except OSError as error:
        raise PromptError(f"The prompt's file {file} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise PromptError(f"The prompt's file {file} is not UTF-8 (byte {error.start}).") from error


class _Out:
    """Where text goes, piece by piece: standard output, or a file that is written as it comes."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def write(self, piece: str | bytes) -> None:
        self._file.write(piece if isinstance(piece, bytes) else piece.encode("utf-8", "replace"))
        self._file.flush()

    def line(self, value: Any) -> None:
        self.write(json_module.dumps(value, ensure_ascii=False) + "\n")


@contextlib.contextmanager
def _open(output: Path | None) -> Iterator[_Out]:
    """Standard output, or the file; a file that cannot be written is known before a token is."""
    if output is None:
        yield _Out(sys.stdout.buffer)
        return
    from seqgen import files

    with files.writing(output), output.open("wb") as file:
        yield _Out(file)


def _record(loaded: LanguageModel, generation: Generation, num_samples: int, started: float) -> dict[str, Any]:
    begun = time.perf_counter()
    first: list[float] = []

    def note_time(_tokens: int) -> None:
        if not first:
            first.append(time.perf_counter())

    samples = generation.samples(num_samples, on_step=note_time)
    ended = time.perf_counter()
    return {
        "model": loaded.name,
        "version": loaded.version,
        "backend": loaded.backend,
        "prompt": generation.prompt,
        "random_seed": generation.random_seed,
        "samples": [
            {"text": _as_text(sample.text), "tokens": sample.tokens, "finish_reason": sample.finish_reason}
            for sample in samples
        ],
        "seconds": ended - started,
        "first_token_seconds": (first[0] if first else ended) - started,
        "tokens_per_second": sum(sample.tokens for sample in samples) / max(ended - begun, 1e-9),
    }


def _as_text(content: Any) -> str:
    import base64

    return content if isinstance(content, str) else base64.b64encode(content).decode()


def _write_many(generation: Generation, num_samples: int, out: _Out) -> None:
    """Samples in their order, each as soon as those before it are whole, with a bar on standard error."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    waiting: dict[int, Sample] = {}
    written = 0

    def take(sample: Sample) -> None:
        nonlocal written
        waiting[sample.number] = sample
        while written in waiting:
            out.write(generation.prompt)
            out.write(waiting.pop(written).text)
            out.write("\n")
            written += 1
        bar.advance(task)

    with Progress(console=console, disable=not console.is_terminal or sys.stdout.isatty()) as bar:
        task = bar.add_task("samples", total=num_samples)
        generation.samples(num_samples, on_sample=take)


def _show_probabilities(generation: Generation, out: _Out) -> None:
    """The text with each token on a background from red (improbable) to green, then the alternatives of each."""
    import numpy as np
    from rich.console import Console
    from rich.style import Style
    from rich.text import Text

    # Style and layout as for a terminal only where there is one: a file gets plain text.
    console = Console(file=io.TextIOWrapper(io.BytesIO(), "utf-8"), force_terminal=sys.stdout.isatty(), width=100)
    line = Text(str(generation.prompt))
    rows: list[str] = []
    tokenizer = generation.tokenizer
    for token in generation.stream().steps():
        hue = round(token.probability * 255)
        line.append(str(token.text), Style(bgcolor=f"rgb({(255 - hue) // 2},{hue // 2},40)", color="white"))
        others = "  ".join(f"{tokenizer.decode(np.array([i]))!r} {p:.3f}" for i, p in token.alternatives)
        rows.append(f"{tokenizer.decode(np.array([token.id]))!r} {token.probability:.3f}   of   {others}")
    with console.capture() as captured:
        console.print(line)
    out.write(captured.get() + "\n" + "\n".join(rows) + "\n")
