"""``seqgen generate``."""

from __future__ import annotations

import contextlib
import json as json_module
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seqgen.cli.environment import Command, Environment, JsonOption, complete_model, complete_part, default, warn

if TYPE_CHECKING:
    from seqgen.generation.generate import Sample
    from seqgen.language_model import Generation, LanguageModel

EPILOG = """[bold]Examples[/bold]

seqgen generate --seed "the ice"

seqgen generate --model novel@best --seed "the ice" --temperature 0.7 --top-p 0.9 --length 400

seqgen generate --model names --num-samples 20 --output names.txt

The samplers work in this order, however they are given: penalties, constraints, temperature, truncation.  Those that truncate (top-k, top-p, min-p, typical) follow one another as they stand on the command line.  Without a temperature it is 0.8; where nothing truncates either, min-p 0.05 does."""


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command(cls=Command, epilog=EPILOG)(generate)


def generate(
    ctx: typer.Context,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL",
            help=f"NAME, NAME:VERSION, NAME@best, or a model folder.  {default('trained last')}",
            autocompletion=complete_model,
        ),
    ] = None,
    seed: Annotated[str | None, typer.Option(metavar="TEXT", help="Text to go on from.")] = None,
    seed_file: Annotated[
        str | None, typer.Option(metavar="FILE", help="File with the text to go on from; - for standard input.")
    ] = None,
    length: Annotated[int, typer.Option(metavar="N", min=1, help="How many tokens to write at most.")] = 400,
    stop: Annotated[list[str] | None, typer.Option(metavar="TEXT", help="End before this text; repeatable.")] = None,
    num_samples: Annotated[int, typer.Option(metavar="N", min=1, help="How many texts to write.")] = 1,
    sampler: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SAMPLER",
            help="Any sampler, as NAME:key=value; repeatable.  See seqgen list-plugins",
            autocompletion=complete_part("sampler"),
        ),
    ] = None,
    temperature: Annotated[
        float | None,
        typer.Option(metavar="T", help=f"Below 1 safer, above 1 wilder, 0 always the likeliest.  {default('0.8')}"),
    ] = None,
    top_k: Annotated[int | None, typer.Option(metavar="K", help="Only the k likeliest tokens.")] = None,
    top_p: Annotated[
        float | None, typer.Option(metavar="P", help="Only the likeliest tokens that together reach p.")
    ] = None,
    min_p: Annotated[
        float | None, typer.Option(metavar="P", help="Only tokens at least p times as likely as the likeliest.")
    ] = None,
    repetition_penalty: Annotated[
        float | None, typer.Option(metavar="R", help="Above 1 makes tokens that occurred lately less likely.")
    ] = None,
    random_seed: Annotated[
        int | None, typer.Option(metavar="N", min=0, help="Fixes the draws: the same number writes the same text.")
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
    output: Annotated[str | None, typer.Option(metavar="FILE", help="Write there instead of standard output.")] = None,
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
    from seqgen.core.errors import UsageError

    started = time.perf_counter()
    if show_probabilities and (json or num_samples > 1):
        msg = f"--show-probabilities shows one text for people; leave out {'--json' if json else '--num-samples'}."
        raise UsageError(msg)
    given = _prompt(seed, seed_file)
    loaded = api.load(model, backend=backend, device=device, catalog=Environment.of(ctx).catalog)
    prompt = _as_content(given, like=loaded.empty, where=seed_file)
    generation = loaded.prepare(
        prompt,
        length=length,
        stop=tuple(_as_content(text, like=loaded.empty) for text in stop or ()),
        samplers=_in_order_given(
            ctx,
            {
                "sampler": sampler,
                "temperature": temperature,
                "top_k": top_k,
                "top_p": top_p,
                "min_p": min_p,
                "repetition_penalty": repetition_penalty,
            },
        ),
        random_seed=random_seed,
        strict=strict,
        warn=warn,
    )
    with _open(output) as out:
        if json:
            out.line(_record(loaded, generation, num_samples, started))
        elif show_probabilities:
            _show_probabilities(generation, out)
        elif num_samples == 1:
            pieces = generation.stream()
            out.write(prompt)
            for piece in [loaded.empty.join(pieces)] if no_stream else pieces:
                out.write(piece)
            out.end()
        else:
            _write_many(generation, num_samples, out)


def _in_order_given(ctx: typer.Context, options: Mapping[str, Any]) -> list[Any]:
    """The samplers that the options name, in the order of the command line, in which the context has its parameters."""
    from seqgen.language_model import shorthand

    chain: list[Any] = []
    for name in ctx.params:
        match options.get(name):
            case None:
                continue
            case list() as named:
                chain += named
            case value:
                chain.append(shorthand(name, value))
    return chain


def _prompt(seed: str | None, seed_file: str | None) -> str | bytes:
    """The prompt as given: text, or the bytes of a file; empty without one."""
    from seqgen.core.errors import PromptError

    if seed is not None and seed_file is not None:
        raise PromptError("--seed and --seed-file both give a prompt.  Leave one out.")
    if seed == "":
        raise PromptError("The prompt is empty.  Give --seed some text, or leave it out to start from nothing.")
    if seed is not None or seed_file is None:
        return seed or ""
    try:
        content = sys.stdin.buffer.read() if seed_file == "-" else Path(seed_file).read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise PromptError(f"The prompt's file {seed_file} cannot be read: {reason}.") from error
    if not content.strip(b"\xef\xbb\xbf"):
        name = "Standard input" if seed_file == "-" else f"The prompt's file {seed_file}"
        raise PromptError(f"{name} is empty.  Leave --seed-file out to start from nothing.")
    return content


def _as_content(given: str | bytes, *, like: str | bytes, where: str | None = None) -> Any:
    """What was given as the model's tokenizer takes it: text, or bytes for binary media."""
    from seqgen.core.errors import PromptError

    if isinstance(like, bytes):
        if isinstance(given, str) and given:
            raise PromptError("This model writes binary media, not text: give its prompt with --seed-file")
        return given or b""
    if isinstance(given, str):
        return given
    try:
        return given.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise PromptError(f"The prompt in {where} is not UTF-8 text: byte {error.start} does not fit.") from error


class _Out:
    """Where text goes, piece by piece: standard output, or a file that is written as it comes."""

    def __init__(self, file: Any, *, to_stdout: bool) -> None:
        self._file = file
        self.to_stdout = to_stdout
        self._binary = False

    def write(self, piece: str | bytes) -> None:
        self._binary = isinstance(piece, bytes)
        self._file.write(piece if isinstance(piece, bytes) else piece.encode("utf-8", "backslashreplace"))
        self._file.flush()

    def end(self) -> None:
        """End the line after a text; binary media has none."""
        if not self._binary:
            self.write("\n")

    def line(self, value: Any) -> None:
        self.write(json_module.dumps(value, ensure_ascii=False) + "\n")


@contextlib.contextmanager
def _open(output: str | None) -> Iterator[_Out]:
    """Standard output, or the file; a file that cannot be written is known before a token is."""
    if output is None:
        yield _Out(sys.stdout.buffer, to_stdout=True)
        return
    from seqgen import files
    from seqgen.core.errors import OutputError

    try:
        file = Path(output).open("wb")  # noqa: SIM115  closed below
    except (OSError, ValueError) as error:
        raise OutputError(f"{output} cannot be written: {getattr(error, 'strerror', None) or error}.") from error
    with files.writing(Path(output)), file:
        yield _Out(file, to_stdout=False)


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
        "prompt": _as_text(generation.prompt),
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
    """Content as JSON holds it: binary media in base64."""
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
            out.end()
            written += 1
        bar.advance(task)

    with Progress(console=console, disable=not console.is_terminal or sys.stdout.isatty(), transient=True) as bar:
        task = bar.add_task("samples", total=num_samples)
        generation.samples(num_samples, on_sample=take)


def _show_probabilities(generation: Generation, out: _Out) -> None:
    """The text with each token on a background from red (improbable) to green, then the alternatives of each."""
    import numpy as np
    from rich.console import Console
    from rich.style import Style
    from rich.text import Text

    def shown(token: int) -> str:
        return repr(generation.tokenizer.decode(np.array([token])))

    text = Text(str(generation.prompt))
    rows: list[str] = []
    for token in generation.stream().steps():
        hue = round(token.probability * 255)
        text.append(str(token.text), Style(bgcolor=f"rgb({(255 - hue) // 2},{hue // 2},40)", color="white"))
        others = "  ".join(f"{shown(other)} {probability:.3f}" for other, probability in token.alternatives)
        rows.append(f"{shown(token.id)} {token.probability:.3f}   of   {others}")
    console = Console()  # with colours only where standard output is a terminal
    with console.capture() as captured:
        console.print(text, soft_wrap=True)
    coloured = console.is_terminal and out.to_stdout
    out.write((captured.get() if coloured else f"{text.plain}\n") + "\n" + "\n".join(rows) + "\n")
