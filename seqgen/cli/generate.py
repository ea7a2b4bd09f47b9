"""``seqgen generate``."""

from __future__ import annotations

import functools
import itertools
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seqgen.cli.environment import (
    Command,
    DeviceOption,
    Environment,
    JsonOption,
    command,
    complete_model,
    complete_part,
    default,
)
from seqgen.cli.printing import say, tell_rounding, warn

if TYPE_CHECKING:
    from seqgen.cli.output import Out
    from seqgen.generation.generate import Sample
    from seqgen.generation.generation import Generation
    from seqgen.generation.stream import Stream
    from seqgen.language_model import LanguageModel

EPILOG = """[bold]Examples[/bold]

seqgen generate --seed "the ice"

seqgen generate --model novel@best --seed "the ice" --temperature 0.7 --top-p 0.9 --length 400

seqgen generate --model names --num-samples 20 --output names.txt

The samplers work in this order, however they are given: penalties, constraints, temperature, truncation.  Those that truncate (top-k, top-p, min-p, typical, mirostat) follow one another as they stand on the command line.  Without a temperature, 0.8 is used; if no truncation is given either, min-p 0.05 is added."""


_ORDER = "seqgen.order"


class InOrder(Command):
    """A command that knows in which order its options were given, each as often as it was."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse, and remember the names of the options in the context."""
        given = list(args)
        rest = super().parse_args(ctx, args)
        _, _, order = self.make_parser(ctx).parse_args(given)
        ctx.meta[_ORDER] = [param.name for param in order]
        return rest


def _where_usable(interactive: bool) -> bool:
    """Refuse a session that could not be held, before a model is loaded."""
    if interactive:
        from seqgen.cli.interactive import terminal

        terminal.check_usable()
    return interactive


@command(epilog=EPILOG, cls=InOrder)
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
        str | None,
        typer.Option(
            metavar="FILE",
            help="File with the text to go on from, without its last line end; - for standard input.",
        ),
    ] = None,
    length: Annotated[
        str, typer.Option(metavar="N", help="How many tokens to write at most; with a c, as 400c, how many characters.")
    ] = "400",
    stop: Annotated[list[str] | None, typer.Option(metavar="TEXT", help="End before this text; repeatable.")] = None,
    prefix_lines: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Write a text in which each line starts with the next line of FILE (- for standard input); --length then limits what is added to each.",
        ),
    ] = None,
    num_samples: Annotated[int, typer.Option(metavar="N", min=1, help="How many texts to write.")] = 1,
    best_of: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Write N texts, and show the likeliest per character.")
    ] = None,
    beam: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Draw nothing: show the likeliest text that a beam of N texts finds."),
    ] = None,
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
            help=f"What computes: numpy, torch, keras, numba.  {default('numpy; with another --device, what the model was trained with')}",
            autocompletion=complete_part("backend"),
        ),
    ] = None,
    device: DeviceOption = "auto",
    output: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Write there instead of standard output.  FILE.jsonl holds a JSON line for each sample; "
            "the same command goes on with it after an interruption.  Where a document is a file of its own, as in MIDI, "
            "several samples are FILE-1, FILE-2, ...",
        ),
    ] = None,
    no_stream: Annotated[bool, typer.Option("--no-stream", help="Show the text when it is whole.")] = False,
    show_probabilities: Annotated[
        bool,
        typer.Option(
            "--show-probabilities",
            help="Colour each token by its probability, and list alternatives; with --output FILE.html as a page.",
        ),
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Refuse a prompt or stop text with symbols that the model does not know.")
    ] = False,
    json: JsonOption = False,
    jsonl: Annotated[bool, typer.Option("--jsonl", help="A JSON line for each sample as it is finished.")] = False,
    interactive: Annotated[
        bool,
        typer.Option(
            "--interactive",
            callback=_where_usable,
            help="Write from prompt after prompt; /help lists the commands.",
        ),
    ] = False,
) -> None:
    """Write text with a trained model, token by token as it comes."""
    from seqgen import api
    from seqgen.cli import generate_lines, generate_prompt, generate_samples
    from seqgen.generation.length import Length

    started = time.perf_counter()
    lines = "" if jsonl else ", which --output FILE.jsonl means"
    jsonl = jsonl or (output or "").lower().endswith(".jsonl")
    _refuse_together(
        {
            "--show-probabilities": show_probabilities,
            "--json": json,
            "--jsonl": jsonl,
            "--num-samples": num_samples > 1,
            "--best-of": best_of is not None,
            "--beam": beam is not None,
            "--random-seed": random_seed is not None,
            "--interactive": interactive,
            "--output": output is not None,
            "--no-stream": no_stream,
            "--prefix-lines": prefix_lines is not None,
        },
        lines=lines,
    )
    limit = Length.parse(length)
    given = generate_prompt.given_prompt(seed, seed_file, lines_file=prefix_lines)
    given_lines = generate_prompt.given_lines(prefix_lines)
    if jsonl and output is not None and random_seed is None:
        random_seed = generate_lines.recorded_random_seed(Path(output))
    load = functools.partial(api.load, catalog=Environment.of(ctx).catalog)
    loaded = load(model, backend=backend, device=device)
    tell_rounding(loaded)
    dataset = loaded.saved.config.parts.get("dataset")  # an imported model has none
    encoding = str(dataset.options.get("encoding", "auto")) if dataset else "auto"
    line_starts = generate_prompt.line_starts(given_lines, file=prefix_lines, encoding=encoding)
    text = generate_prompt.as_prompt(given, like=loaded.empty, file=seed_file, encoding=encoding)
    _refuse_for_media(loaded, {"--stop": bool(stop), "--show-probabilities": show_probabilities})
    stops = tuple(stop or ())
    _tell_backslashes(stops)
    chain = _in_order_given(
        ctx,
        {
            "sampler": sampler,
            "temperature": temperature,
            "top_k": top_k,
            "top_p": top_p,
            "min_p": min_p,
            "repetition_penalty": repetition_penalty,
        },
    )
    if interactive:
        from seqgen.cli.interactive import terminal

        terminal.run(
            loaded,
            prompt=text,
            load=load,
            length=limit,
            stop=stops,
            samplers=chain,
            random_seed=random_seed,
            strict=strict,
            backend=backend,
            device=device,
        )
        return
    generation = loaded.prepare(
        text,
        length=limit,
        stop=stops,
        prefix_lines=line_starts,
        samplers=chain,
        beam=beam,
        random_seed=random_seed,
        strict=strict,
        warn=warn,
    )
    of_draws = {"--random-seed": ctx.params["random_seed"] is not None, "--best-of": best_of is not None}
    generate_samples.tell_unused(generation.samplers, of_draws, loaded.catalog)
    _write(
        loaded,
        generation,
        num_samples=num_samples,
        best_of=best_of,
        output=output,
        json=json,
        jsonl=jsonl,
        show_probabilities=show_probabilities,
        no_stream=no_stream,
        started=started,
    )


def _write(
    loaded: LanguageModel,
    generation: Generation,
    num_samples: int,
    best_of: int | None,
    output: str | None,
    *,
    json: bool,
    jsonl: bool,
    show_probabilities: bool,
    no_stream: bool,
    started: float,
) -> None:
    """Write what is generated in the form that the options ask for."""
    from seqgen.cli import generate_lines, generate_probabilities, generate_samples
    from seqgen.cli.generate_reading import reading
    from seqgen.cli.output import open_output

    with reading(len(generation.prompt_ids)) as on_read:
        generation = replace(generation, on_read=on_read)
        if jsonl:
            generate_lines.write_lines(loaded, generation, num_samples, None if output is None else Path(output))
            return
        if loaded.tokenizer.framed and not (json or show_probabilities):
            generate_samples.write_files(generation, num_samples, best_of, output)
            return
        with open_output(output) as out:
            if json:
                out.line(generate_samples.record(loaded, generation, num_samples, best_of, started))
            elif show_probabilities and (output or "").lower().endswith((".html", ".htm")):
                generate_probabilities.write_html(generation, loaded.reference, out)
            elif show_probabilities:
                generate_probabilities.show_probabilities(generation, out)
            elif best_of is not None or num_samples == 1:
                _write_one(generation, best_of, no_stream, out)
            else:
                generate_samples.write_many(loaded, generation, num_samples, out)


def _write_one(generation: Generation, best_of: int | None, no_stream: bool, out: Out) -> None:
    """Write the one text that is shown: as it comes, or in one piece where it is asked for whole or must be."""
    from seqgen.cli.generate_samples import likeliest, tell

    written: Sample | Stream
    if generation.beam is not None or no_stream or best_of is not None:
        written = likeliest(generation, best_of or 1)
        out.write(generation.prompt)
        out.write(written.text)
    else:
        written = generation.stream()
        pieces: Iterator[Any] = iter(written)
        if out.name is not None:  # a file that is there makes room for a text that begins, and not for one that cannot
            pieces = itertools.chain([next(pieces, generation.prompt[:0])], pieces)
        out.write(generation.prompt)
        try:
            for piece in pieces:
                out.write(piece)
        except KeyboardInterrupt:
            if out.name is not None:
                say(f"stopped after {written.tokens:,} tokens, which are in {out.name}", label="note")
            raise
    out.end()
    tell(written.notes)


def _refuse_together(given: Mapping[str, bool], *, lines: str) -> None:
    """Refuse options that ask for different forms of the output.

    Args:
        given: which of them are.
        lines: what is said after ``--jsonl``, where nobody wrote that.

    Raises:
        UsageError: names both.
    """
    from seqgen.core.errors import UsageError

    for one, other in [
        ("--show-probabilities", "--json"),
        ("--show-probabilities", "--jsonl"),
        ("--show-probabilities", "--num-samples"),
        ("--show-probabilities", "--best-of"),
        ("--json", "--jsonl"),
        ("--best-of", "--num-samples"),
        ("--best-of", "--jsonl"),
        ("--show-probabilities", "--beam"),
        ("--beam", "--num-samples"),
        ("--beam", "--best-of"),
        ("--beam", "--jsonl"),
        ("--beam", "--prefix-lines"),
        ("--beam", "--random-seed"),
        ("--interactive", "--json"),
        ("--interactive", "--output"),
        ("--interactive", "--jsonl"),
        ("--interactive", "--show-probabilities"),
        ("--interactive", "--num-samples"),
        ("--interactive", "--best-of"),
        ("--interactive", "--beam"),
        ("--interactive", "--no-stream"),
        ("--interactive", "--prefix-lines"),
    ]:
        if given[one] and given[other]:
            about = (
                " shows one text for people" if one == "--show-probabilities" else f" and {other} do not go together"
            )
            raise UsageError(f"{one}{about}; leave out {other}{lines if other == '--jsonl' else ''}.")


def _refuse_for_media(loaded: LanguageModel, given: Mapping[str, bool]) -> None:
    """Refuse options that only text has a use for, where the model writes binary media.

    Raises:
        UsageError: names one.
    """
    from seqgen.core.errors import UsageError

    if not isinstance(loaded.empty, bytes):
        return
    for option, asked in given.items():
        if asked:
            raise UsageError(
                f"{option} is for text, and {loaded.reference} writes {loaded.tokenizer.media_type}.  Leave it out"
            )


def _tell_backslashes(stop: tuple[str, ...]) -> None:
    """Say it where what was to be a new line came through the shell as a backslash and an n."""
    for text in stop:
        if r"\n" in text:
            say(
                rf"""--stop "{text}" has a backslash and an n, and no new line, which bash and zsh write as $'\n'""",
                label="note",
            )


def _in_order_given(ctx: typer.Context, options: Mapping[str, Any]) -> list[Any]:
    """The samplers that the options name, in the order of the command line."""
    from seqgen.generation.selection import shorthand

    named = iter(options["sampler"] or ())
    left = {name: value for name, value in options.items() if value is not None and name != "sampler"}
    chain: list[Any] = []
    for name in ctx.meta[_ORDER]:
        if name == "sampler":
            chain.append(next(named))
        elif name in left:  # given again, an option has its last value in its first place
            chain.append(shorthand(name, left.pop(name)))
    return chain
