"""Repetition penalty (Keskar, McCann, Varshney, Xiong and Socher 2019, CTRL, section 4.1)."""

from __future__ import annotations

import copy
import math
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

import numpy as np
import numpy.typing as npt
from annotated_doc import Doc
from annotated_types import Ge, Le

from seqgen.core.sampler import Sampler, Stage
from seqgen.core.tokenizer import Tokenizer
from seqgen.core.types import Array, Ids
from seqgen.samplers.arrays import exact, log_mean, namespace, number, rounded

_MOST = 2**20
"""Tokens of a window; all are counted with 0."""


@dataclass(kw_only=True)
class RepetitionPenalty(Sampler):
    """Make tokens that occurred lately, in the prompt or since, less likely.

    Each becomes less likely by the factor ``penalty``.  One that is likelier than chance, 1 of V, loses more: of its lead,
    the logarithm of how many times as likely as chance it is, only a part of 1 / ``penalty`` stays.  The end token, which
    stands before a text and is not of it, is never held back.

    The paper divides logits, so their lead over the logit 0.  But a constant added to all logits changes no probability,
    and would change what that does: where no logit is above 0, as with log-probabilities, the likeliest tokens would hardly be
    held back.  Chance is the same whatever the constant; the lead over it is largest where the model is sure, as in a loop,
    and none where it only guesses.  To multiply what is below, as others do, would sharpen a row of which all tokens
    occurred; here its tokens come closer to one another.  The factor is not in the paper: by it tokens without a lead are held
    back too, and by a strong penalty any is.
    """

    stage: ClassVar[Stage] = Stage.PENALTY

    penalty: Annotated[float, Ge(1), Doc("how strongly tokens that occurred are held back; 1 changes nothing")] = 1.2
    window: Annotated[int, Ge(0), Le(_MOST), Doc("how many of the last tokens count; 0 counts all")] = 64

    _counts: list[Counter[int]] = field(init=False, repr=False, compare=False)  # B times the occurrences that count
    _recent: deque[list[int]] = field(init=False, repr=False, compare=False)  # the last `window` ids (B,), oldest first
    _occurred: npt.NDArray[np.bool_] = field(init=False, repr=False, compare=False)  # (B, V)
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
        self._occurred = np.zeros((rows, tokenizer.vocab_size), bool)
        for occurred, own in zip(self._occurred, self._counts, strict=True):
            occurred[list(own)] = True
        if self._end_id is not None:
            self._occurred[:, self._end_id] = False

    def adjust(self, logits: Array) -> Array:
        """(B, V) -> (B, V); what was finite stays finite."""
        if self.penalty == 1:
            return logits
        xp, occurred = namespace(logits), self._occurred
        if xp is not np:
            occurred = xp.asarray(occurred, device=logits.device)
        precise = exact(logits)  # in which nothing overflows, and rounding makes no difference between libraries
        share, always = 1 - 1 / self.penalty, math.log(self.penalty)
        # always + share * max(precise - chance, 0), with fewer operations on whole rows.
        held_back = xp.maximum(precise * share + (always - log_mean(precise) * share), number(precise, always))
        return xp.where(occurred, rounded(precise - held_back), logits)

    def accept(self, ids: Ids) -> None:
        """Count these ids (B,), and no longer those that fall out of the window."""
        tokens: list[int] = ids.tolist()
        for row, token in enumerate(tokens):
            self._counts[row][token] += 1
            if token != self._end_id:
                self._occurred[row, token] = True
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
                self._occurred[row, token] = False

    def __deepcopy__(self, memo: dict[int, Any]) -> RepetitionPenalty:
        """Another that remembers the same, in a tenth of the time: a beam makes one for each of its texts at each token."""
        other = copy.copy(self)
        counts = [own.copy() for own in self._counts]
        vars(other).update(_counts=counts, _recent=self._recent.copy(), _occurred=self._occurred.copy())
        return other

    def select(self, rows: Ids) -> None:
        """Keep only the counts of these rows (B',)."""
        self._counts = [self._counts[row] for row in rows]
        self._recent = deque(([tokens[row] for row in rows] for tokens in self._recent), maxlen=self.window)
        self._occurred = self._occurred[rows]
