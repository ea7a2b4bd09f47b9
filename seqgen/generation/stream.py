"""One sample as a stream: pieces of text, or token by token with probabilities."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from seqgen.core.arrays import log_softmax
from seqgen.core.types import Content
from seqgen.generation.batch import Sequences
from seqgen.generation.lines import LineWriter
from seqgen.generation.memory import enough_memory
from seqgen.generation.writer import FinishReason, Writer


class Token(NamedTuple):
    """One token as it was drawn.

    Attributes:
        id: the token.
        text: what became certain with it: often its own text, but nothing while a character is incomplete or a stop
            text may be beginning, and then more at once.
        probability: under the model, before the samplers.
        alternatives: (id, probability) of the likeliest tokens there, best first.
    """

    id: int
    text: Content
    probability: float
    alternatives: tuple[tuple[int, float], ...]


class Stream(Iterator[Content]):
    """One sample, as it is written: iterate over it for pieces of text, or over ``steps`` for each token.

    Interrupt it or leave it whenever you like: what it gave is final.  Its memory does not grow.
    Made by :func:`seqgen.generation.generate.stream`.
    """

    def __init__(self, batch: Sequences, writer: Writer | LineWriter) -> None:
        self._batch = batch
        self._writer = writer
        self._run = self._with_enough_memory()
        self._pieces = (text for _, text in self._run if text)

    def __next__(self) -> Content:
        return next(self._pieces)

    def __iter__(self) -> Iterator[Content]:  # noqa: PYI034  # not itself, so that a loop calls nothing in between
        return self._pieces

    def steps(self, alternatives: int = 5) -> Iterator[Token]:
        """Each token with its probability and that of the likeliest tokens in its place; none where the text is whole before."""
        for token, text in self._run:
            if token is None:
                continue
            with np.errstate(under="ignore"):  # see Sequences; left before the step is given
                probabilities = np.exp(
                    log_softmax(self._batch.logits[0])
                )  # (V,); the batch goes on only after this step
            likeliest = np.argsort(-probabilities, kind="stable")[:alternatives]
            pairs = tuple(zip(likeliest.tolist(), probabilities[likeliest].tolist(), strict=True))
            yield Token(token, text, float(probabilities[token]), pairs)

    def texts(self) -> Iterator[Content]:
        """The text of each token as it is drawn, also where that is nothing yet; or all of it, where it is whole before."""
        return (text for _, text in self._run)

    @property
    def tokens(self) -> int:
        """How many tokens have been drawn so far."""
        return self._writer.tokens

    @property
    def finish_reason(self) -> FinishReason | None:
        """Why it ended; None while it has not."""
        return self._writer.finish_reason

    @property
    def stop_tokens(self) -> int:
        """How many of the tokens, the last ones, have no part in the text since the stop text that ended it begins before them."""
        return self._writer.stop_tokens

    @property
    def notes(self) -> tuple[str, ...]:
        """What the samplers promise and could not keep so far, a sentence each."""
        return self._batch.notes(0)

    def _with_enough_memory(self) -> Iterator[tuple[int | None, Content]]:
        with enough_memory(self._batch.model):
            yield from self._running()

    def _running(self) -> Iterator[tuple[int | None, Content]]:
        """Each token with the text that became certain with it; None with a text that is whole before its first."""
        batch, writer = self._batch, self._writer
        if writer.finish_reason is None and batch.finished() and (whole := writer.end()):
            yield None, whole
        while writer.finish_reason is None:
            forced = writer.forced
            ids = batch.draw(None if forced is None else {0: forced})
            drawn = ids.item()
            text: Any = writer.take(drawn)
            token = writer.token
            if token != drawn:
                ids[0] = token
            batch.accept(ids)
            if writer.finish_reason is None and batch.finished():
                text += writer.end()
            yield token, text
            if writer.finish_reason is None:
                batch.go_on(ids)
