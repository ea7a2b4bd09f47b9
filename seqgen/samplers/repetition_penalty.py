"""Repetition penalty (Keskar, McCann, Varshney, Xiong and Socher 2019, CTRL, section 4.1)."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Annotated, ClassVar

import numpy as np
import numpy.typing as npt
from annotated_doc import Doc
from annotated_types import Ge, Le

from seqgen.core.sampler import Sampler, Stage
from seqgen.core.tokenizer import Tokenizer
from seqgen.core.types import Array, Ids
from seqgen.samplers.arrays import LOWEST, namespace, number, ordinary

_ALMOST = 1 - 1e-6
"""So that a quotient, rounded to float32, times what divided it is no lower than the lowest number."""

_STRONGEST = 1e30
"""float32 holds it, and the logits of any model times it."""

_MOST = 2**20
"""Tokens of a window; all are counted with 0."""


@dataclass(kw_only=True)
class RepetitionPenalty(Sampler):
    """Make tokens that occurred lately, in the prompt or since, less likely.

    A positive logit is divided by the penalty and a negative one multiplied, so that either falls; the paper divides
    both, which would raise the negative ones.  The end token, which stands before a text and is not of it, is never held back.
    """

    stage: ClassVar[Stage] = Stage.PENALTY

    penalty: Annotated[
        float, Ge(1), Le(_STRONGEST), Doc("how strongly tokens that occurred are held back; 1 changes nothing")
    ] = 1.2
    window: Annotated[int, Ge(0), Le(_MOST), Doc("how many of the last tokens count; 0 counts all")] = 64

    _counts: list[Counter[int]] = field(init=False, repr=False, compare=False)  # B times the occurrences that count
    _recent: deque[list[int]] = field(init=False, repr=False, compare=False)  # the last `window` ids (B,), oldest first
    _factors: npt.NDArray[np.float32] = field(init=False, repr=False, compare=False)  # (B, V) the penalty, or 1
    _end_id: int | None = field(init=False, repr=False, compare=False)

    def begin(self, prompt_ids: Ids, tokenizer: Tokenizer) -> None:
        """Count what occurs in the prompts (B, T)."""
        rows, counted = len(prompt_ids), prompt_ids[:, -self.window :]
        self._end_id = tokenizer.end_id
        self._recent = deque(counted.T.tolist() if self.window else (), maxlen=self.window)
        if counted.strides[0] == 0:  # one prompt for all: a long one is counted once
            counted = counted[:1]
        counts = [Counter(ids) for ids in counted.tolist()]
        self._counts = counts if len(counts) == rows else [counts[0].copy() for _ in range(rows)]
        self._factors = np.ones((rows, tokenizer.vocab_size), np.float32)
        for factors, own in zip(self._factors, self._counts, strict=True):
            factors[list(own)] = self.penalty
        if self._end_id is not None:
            self._factors[:, self._end_id] = 1

    def adjust(self, logits: Array) -> Array:
        """(B, V) -> (B, V); what was finite stays finite."""
        if self.penalty == 1:
            return logits
        xp, factors = namespace(logits), self._factors
        if xp is not np:
            factors = xp.asarray(factors, device=logits.device)
        # The lower one is that which fits the sign; times 1 and over 1 both are the logit, above which none rises.
        most = LOWEST / self.penalty * _ALMOST  # so that no product overflows
        if ordinary(logits, -most):
            return np.minimum(logits * factors, logits / factors)
        within = xp.minimum(xp.maximum(logits, number(logits, most)), number(logits, -most))
        return xp.minimum(xp.minimum(within * factors, logits / factors), logits)

    def accept(self, ids: Ids) -> None:
        """Count these ids (B,), and no longer those that fall out of the window."""
        tokens: list[int] = ids.tolist()
        for row, token in enumerate(tokens):
            self._counts[row][token] += 1
            if token != self._end_id:
                self._factors[row, token] = self.penalty
        if self.window:
            if len(self._recent) == self.window:
                self._forget(self._recent[0])
            self._recent.append(tokens)

    def _forget(self, tokens: list[int]) -> None:
        for row, token in enumerate(tokens):
            counts = self._counts[row]
            counts[token] -= 1
            if not counts[token]:
                del counts[token]
                self._factors[row, token] = 1

    def select(self, rows: Ids) -> None:
        """Keep only the counts of these rows (B',)."""
        self._counts = [self._counts[row] for row in rows]
        self._recent = deque(([tokens[row] for row in rows] for tokens in self._recent), maxlen=self.window)
        self._factors = self._factors[rows]
