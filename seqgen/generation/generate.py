r"""Generation: one text as a stream, or many samples at once.

    for piece in stream(model, tokenizer, prompt_ids, length=400, samplers=[Temperature(temperature=0.7)]):
        print(piece, end="")

    samples = generate(model, tokenizer, prompt_ids, length=400, num_samples=16, stop=["\n\n"])

Sample i is the same text whether it is streamed or not, alone or among others, and on any backend that does not round weights: its random numbers
depend on ``random_seed``, i and the position only, and a row of a model does not depend on the other rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any, Unpack

import numpy as np

from seqgen.core.arrays import log_probabilities as log_probabilities_of
from seqgen.core.backend import Model
from seqgen.core.memory import out_of_memory
from seqgen.core.tokenizer import Tokenizer
from seqgen.core.types import Content, Ids
from seqgen.generation.length import at_least
from seqgen.generation.lines import LineWriter
from seqgen.generation.memory import MOST_HELD, enough_memory, not_enough_memory
from seqgen.generation.start import Start, TextOptions
from seqgen.generation.stream import Stream
from seqgen.generation.writer import FinishReason, Writer, nothing


@dataclass(frozen=True)
class Sample:
    """One generated text.

    Attributes:
        number: which sample it is, from 0.
        text: what was generated, without the stop text, and without the prompt but where documents are framed.
        ids: (N,) all tokens drawn, or read in lines that start with a given text, those of a stop text and the end token included.
        finish_reason: ``length``, ``stop`` or ``end``.
        log_probability: natural logarithm of the probability that the model, before the samplers, gives all of ``drawn``
            together; None unless it was asked for.
        notes: what the samplers promise and could not keep here, a sentence each.
        given: where in ``ids`` the tokens stand that were not drawn but read, in lines that start with a given text.
    """

    number: int
    text: Content
    ids: Ids = field(repr=False)
    finish_reason: FinishReason
    log_probability: float | None = None
    notes: tuple[str, ...] = ()
    given: tuple[int, ...] = field(default=(), repr=False)

    @property
    def tokens(self) -> int:
        """How many tokens there are (N)."""
        return len(self.ids)

    @property
    def drawn(self) -> Ids:
        """(D,) those of ``ids`` that were drawn."""
        return np.delete(self.ids, self.given) if self.given else self.ids


def stream(
    model: Model,
    tokenizer: Tokenizer,
    prompt_ids: Ids,
    *,
    length: int | None,
    sample: int = 0,
    **options: Unpack[TextOptions],
) -> Stream:
    """One sample, as it is written.

    Args:
        model: gives logits.
        tokenizer: decodes, and is shown to the samplers.
        prompt_ids: (T,) what to go on from, at least one token; it is part of the text only where documents are framed.
        length: how many tokens to draw; None for no end.
        sample: which sample of this seed it is, as in ``generate``.
        **options: the chain, where the text ends, and more, see :class:`seqgen.generation.start.TextOptions`.

    Raises:
        PromptError: the prompt is empty.
        OptionError: a stop text that is empty or of the wrong type, or a length below 0.
        GenerationError: while it runs, when nothing can be drawn; names what left nothing.
    """
    start = Start(model, tokenizer, prompt_ids, length=length, held=None, **options)
    with enough_memory(model):
        return Stream(start.batch([sample]), start.writer())


def generate(
    model: Model,
    tokenizer: Tokenizer,
    prompt_ids: Ids,
    *,
    length: int | None,
    num_samples: int = 1,
    numbers: Iterable[int] | None = None,
    batch_size: int = 64,
    log_probabilities: bool = False,
    on_step: Callable[[int], None] | None = None,
    on_sample: Callable[[Sample], None] | None = None,
    keep: bool = True,
    **options: Unpack[TextOptions],
) -> list[Sample]:
    """Samples 0 to num_samples - 1, written side by side; the model reads the prompt once for all.

    An interruption (KeyboardInterrupt) passes through; the samples that ``on_sample`` was given by then are whole.

    Args:
        model: gives logits.
        tokenizer: decodes, and is shown to the samplers.
        prompt_ids: (T,) what to go on from, at least one token; it is part of the text only where documents are framed.
        length: how many tokens to draw for each; None where ``characters`` alone bounds them.
        num_samples: how many.
        numbers: which samples to write, in place of 0 to num_samples - 1.
        batch_size: how many run side by side at most; the texts do not depend on it.  Where memory does not suffice, half as
            many are begun anew, and so on; fewer, where they could not be held together.
        log_probabilities: sum them up, which takes a few microseconds a step.
        on_step: called after each step with the number of tokens it drew, for progress.
        on_sample: called with each sample as soon as it is finished.
        keep: whether the samples are given back; where not, their number does not matter to memory.
        **options: the chain, where a text ends, and more, see :class:`seqgen.generation.start.TextOptions`.

    Raises:
        PromptError: the prompt is empty.
        OptionError: a stop text that is empty or of the wrong type, a number that is too small, or texts that are longer
            together than what may be held, or have no length.
        GenerationError: nothing can be drawn; names the sample and what left nothing.  Or memory does not suffice.
    """
    at_least(0, num_samples=num_samples)
    at_least(1, batch_size=batch_size)
    start = Start(model, tokenizer, prompt_ids, length=length, held=num_samples if keep else 1, **options)
    batch_size = max(1, min(batch_size, MOST_HELD // max(1, start.text_length or 0)))
    left = iter(range(num_samples) if numbers is None else numbers)
    finished: list[Sample] = []
    while together := list(islice(left, batch_size)):
        whole: set[int] = set()
        try:
            for sample in _side_by_side(start, together, log_probabilities, on_step):
                whole.add(sample.number)
                if keep:
                    finished.append(sample)
                if on_sample is not None:
                    on_sample(sample)
        except Exception as error:
            if not out_of_memory(error):
                raise
            batch_size = len(together) // 2
            if not batch_size:
                raise not_enough_memory(model) from error
            # A text does not depend on those beside it, so those that were begun can be begun again.
            left = chain([number for number in together if number not in whole], left)
    return sorted(finished, key=lambda sample: sample.number)


@dataclass
class _Row:
    """A sample while it is written."""

    number: int
    writer: Writer | LineWriter
    ids: list[int] = field(default_factory=list)
    pieces: list[Any] = field(default_factory=list)  # all str or all bytes
    log_probability: float = 0.0
    given: list[int] = field(default_factory=list)  # see Sample

    @property
    def finish_reason(self) -> FinishReason | None:
        return self.writer.finish_reason

    def take(self, token: int) -> int:
        """Take the token that was drawn, and give the one to go on with, which may be another."""
        if self.writer.forced is not None:
            self.given.append(len(self.ids))
        self.pieces.append(self.writer.take(token))
        self.ids.append(self.writer.token)
        return self.writer.token

    def add(self, log_probability: float) -> None:
        """Add that of the token that was taken last, where it was drawn."""
        if self.given[-1:] != [len(self.ids) - 1]:
            self.log_probability += log_probability


def _side_by_side(
    start: Start, numbers: Sequence[int], log_probabilities: bool, on_step: Callable[[int], None] | None
) -> Iterator[Sample]:
    """The samples with these numbers, each as soon as it is finished."""
    empty = nothing(start.tokenizer)
    running = [_Row(number, start.writer()) for number in numbers]
    batch = start.batch(numbers)
    _end(running, batch.finished())
    ids: Ids | None = None  # drawn, but not read by the model yet
    while True:
        for index, row in enumerate(running):
            if row.finish_reason is not None:
                score = row.log_probability if log_probabilities else None
                text, row_ids = empty.join(row.pieces), np.array(row.ids, np.int64)
                notes, given = batch.notes(index), tuple(row.given)
                yield Sample(row.number, text, row_ids, row.finish_reason, score, notes, given)
        left = [index for index, row in enumerate(running) if row.finish_reason is None]
        if not left:
            return
        if ids is not None:
            if len(left) < len(running):
                running, ids = [running[index] for index in left], ids[left]
                batch.select(np.array(left))
            batch.go_on(ids)
        must = [row.writer.forced for row in running]
        ids = batch.draw({index: token for index, token in enumerate(must) if token is not None})
        ids = np.array([row.take(token) for row, token in zip(running, ids.tolist(), strict=True)])
        batch.accept(ids)
        _end(running, batch.finished())
        if log_probabilities:
            for row, score in zip(running, log_probabilities_of(batch.logits, ids).tolist(), strict=True):
                row.add(score)
        if on_step is not None:
            on_step(len(ids))


def _end(running: Sequence[_Row], whole: Iterable[int]) -> None:
    """End these rows, whose text is whole, where they have not ended."""
    for index in whole:
        row = running[index]
        if row.finish_reason is None:
            row.pieces.append(row.writer.end())
