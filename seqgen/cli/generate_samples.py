"""Several samples: as one record, one after another, or a file each."""

from __future__ import annotations

import contextlib
import hashlib
import json as json_module
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqgen.cli.output import Out, open_output
from seqgen.cli.printing import say

if TYPE_CHECKING:
    from seqgen.core.catalog import Catalog
    from seqgen.core.sampler import Sampler
    from seqgen.core.types import Content
    from seqgen.generation.generate import Sample
    from seqgen.generation.generation import Generation
    from seqgen.language_model import LanguageModel


LONGEST_REPEATED = 1000
"""Characters of a prompt, or of the texts that lines start with, which every line of a file repeats."""

LINES = ("seqgen", "lines")
"""The dataset of which each document is a line: the distribution that has it, and its name."""

NONE_KEPT = "were written, and none is kept; --output FILE.jsonl keeps each"


@contextlib.contextmanager
def progress(
    total: int, kept: str, *, done: int = 0, out: Out | None = None
) -> Iterator[tuple[Callable[[int], None], Callable[[], None]]]:
    """A bar on standard error where it is a terminal, of more than one sample; and at Ctrl-C a sentence on how far they came.

    Gives what shows the bar, once the first step has been made and the prompt's own bar is gone, and what advances it.

    Args:
        total: how many samples there will be.
        kept: ends the sentence that begins with "12 of 70 samples".
        done: how many there are.
        out: where their text goes meanwhile; the bar is not shown on the same terminal.
    """
    if total == 1:
        yield lambda _tokens: None, lambda: None
        return
    from rich.console import Console
    from rich.progress import Progress

    from seqgen.consoles import redraws

    console = Console(stderr=True)
    bar = Progress(
        console=console, disable=not redraws(console) or (out is not None and out.to_terminal), transient=True
    )
    task = bar.add_task("samples", total=total, completed=done)
    begun = done > 0

    def show(_tokens: int) -> None:
        nonlocal begun
        begun = True
        bar.start()

    def advance() -> None:
        nonlocal done
        done += 1
        bar.advance(task)

    try:
        yield show, advance
    except KeyboardInterrupt:
        bar.stop()
        if begun:
            say(f"{done:,} of {total:,} samples {kept}", label="note")
        raise
    finally:
        bar.stop()


def record(
    loaded: LanguageModel, generation: Generation, num_samples: int, best_of: int | None, started: float
) -> dict[str, Any]:
    """What ``--json`` prints, after writing the samples."""
    begun = time.perf_counter()
    first: list[float] = []
    samples: list[Sample]
    tokens = 0
    if generation.beam is not None:
        samples = [generation.search()]
        tokens = samples[0].tokens
    else:
        with progress(best_of or num_samples, NONE_KEPT) as (show, advance):

            def on_step(drawn: int) -> None:
                if not first:
                    first.append(time.perf_counter())
                show(drawn)

            def on_sample(sample: Sample) -> None:
                nonlocal tokens
                tokens += sample.tokens
                advance()

            if best_of is None:
                samples = generation.samples(num_samples, on_step=on_step, on_sample=on_sample)
            else:
                samples = [generation.best_of(best_of, on_step=on_step, on_sample=on_sample)]
    ended = time.perf_counter()
    return {
        **settled(loaded, generation),
        "prompt": as_text(generation.prompt),  # whole, where a line of many would have its hash
        "random_seed": generation.random_seed if generation.beam is None else None,
        "best_of": best_of,
        "beam": generation.beam,
        "backend": loaded.backend,
        "samples": [
            {
                "text": as_text(sample.text),
                "tokens": sample.tokens,
                "finish_reason": sample.finish_reason,
                "notes": sample.notes,
            }
            for sample in samples
        ],
        "seconds": ended - started,
        "first_token_seconds": (first[0] if first else ended) - started,
        "tokens_per_second": tokens / max(ended - begun, 1e-9),  # also those of samples that are not shown
    }


def tell(notes: Iterable[str], number: int | None = None) -> None:
    """What the samplers promise and could not keep, for people; with the number of the sample where there are several."""
    for note in notes:
        say(note if number is None else f"sample {number + 1}: {note}", label="note")


def tell_unused(chain: Sequence[Sampler], given: Mapping[str, bool], catalog: Catalog) -> None:
    """Say what changes nothing where the likeliest token is taken each time.

    Args:
        chain: the samplers that are used.
        given: options that are about draws, and whether each was given.
        catalog: the parts.
    """
    from seqgen.core.sampler import Stage
    from seqgen.generation.selection import takes_likeliest

    unused = [str(sampler) for sampler in chain if sampler.stage == Stage.TRUNCATION]
    unused += [option for option, is_given in given.items() if is_given]
    if unused and (sampler := takes_likeliest(chain, catalog)) is not None:
        change = "changes" if len(unused) == 1 else "change"
        say(f"{sampler} takes the likeliest token each time: {', '.join(unused)} {change} nothing", label="note")


def as_text(content: Any) -> str:
    """Content as JSON holds it: binary media in base64."""
    import base64

    return content if isinstance(content, str) else base64.b64encode(content).decode()


def write_many(loaded: LanguageModel, generation: Generation, num_samples: int, out: Out) -> None:
    """Samples in their order, each as soon as those before it are whole, with a bar on standard error.

    Between samples that may hold line ends stands an empty line.
    """
    waiting: dict[int, Sample] = {}
    written = 0
    apart = _may_hold_line_ends(loaded, generation)

    def take(sample: Sample) -> None:
        nonlocal written
        waiting[sample.number] = sample
        while written in waiting:
            next_one = waiting.pop(written)
            if apart and written:
                out.write("\n")
            out.write(generation.tokenizer.numbered(generation.whole(next_one), written + 1))
            out.end()
            tell(next_one.notes, written)
            written += 1
            advance()

    kept = "were written" if out.name is None else f"are in {out.name}"
    with progress(num_samples, kept, out=out) as (show, advance):
        generation.samples(num_samples, on_step=show, on_sample=take, keep=False)


def _may_hold_line_ends(loaded: LanguageModel, generation: Generation) -> bool:
    """Whether samples are texts in which lines may end, so that a line end does not tell where one stops."""
    if isinstance(loaded.empty, bytes):
        return False
    if generation.prefix_lines is not None:
        return True
    dataset = loaded.saved.config.parts.get("dataset")
    documents_are_lines = dataset is not None and (dataset.distribution, dataset.name) == LINES
    return not documents_are_lines and not loaded.tokenizer.missing("\n")


def write_files(generation: Generation, num_samples: int, best_of: int | None, output: str | None) -> None:
    """Each sample, with its prompt, as a document of its own: the file, or of several, the file's name with a number.

    Raises:
        UsageError: they would go to a terminal, or several into one stream.
    """
    from seqgen.core.errors import UsageError

    media = generation.tokenizer.media_type
    if output is None and num_samples > 1:
        raise UsageError(f"{num_samples} documents of {media} do not go into one stream: name a file with --output")
    if output is None and sys.stdout.isatty():
        raise UsageError(f"This model writes {media}, which a terminal cannot show: name a file with --output")
    if num_samples > 1:
        path, width = Path(str(output)), len(str(num_samples))

        def take(sample: Sample) -> None:
            name = f"{path.stem}-{sample.number + 1:0{width}}{path.suffix}"
            with open_output(str(path.with_name(name))) as out:
                out.write(generation.whole(sample))
            tell(sample.notes, sample.number)
            advance()

        with progress(num_samples, f"are in {path.stem}-N{path.suffix}") as (show, advance):
            generation.samples(num_samples, on_step=show, on_sample=take, keep=False)
        return
    with open_output(output) as out:
        one = likeliest(generation, best_of or 1)
        out.write(generation.whole(one))
    tell(one.notes)


def likeliest(generation: Generation, best_of: int) -> Sample:
    """What the beam finds, or the best of so many samples, with a bar on standard error."""
    if generation.beam is not None:
        return generation.search()
    with progress(best_of, NONE_KEPT) as (show, advance):
        return generation.best_of(best_of, on_step=show, on_sample=lambda _: advance())


def settled(loaded: LanguageModel, generation: Generation) -> dict[str, Any]:
    """What the record and each line of a file say, and a continuation must agree with: all that a sample's text depends on."""
    lines = generation.prefix_lines.texts if generation.prefix_lines is not None else ()
    files = json_module.dumps(loaded.saved.manifest["files"], sort_keys=True)  # the sha256 and size of each
    return {
        "model": loaded.name,
        "version": loaded.version,
        "files": hashlib.sha256(files.encode()).hexdigest()[:16],
        "random_seed": generation.random_seed,
        "prompt": _brief(generation.prompt, as_text(generation.prompt)),
        "length": str(generation.length),
        "stop": [as_text(text) for text in generation.stop],
        "prefix_lines": _brief("\n".join(lines), list(lines)),
        "samplers": [str(sampler) for sampler in generation.samplers],
        "rounded": loaded.model.quantised,
    }


def _brief(content: Content, shown: Any) -> Any:
    """What a line holds of content: as it is shown, or, where it would fill the file, what tells it from any other."""
    if len(content) <= LONGEST_REPEATED:
        return shown
    held = content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")
    return {"sha256": hashlib.sha256(held).hexdigest(), "bytes": len(held)}
