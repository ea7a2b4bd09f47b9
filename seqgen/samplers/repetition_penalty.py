"""Repetition penalty (Keskar, McCann, Varshney, Xiong and Socher 2019, CTRL, section 4.1)."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Annotated, ClassVar

import numpy as np
import numpy.typing as npt
from annotated_doc import Doc
from annotated_types import Ge

from seqgen.core.sampler import Sampler, Stage
from seqgen.core.tokenizer import Tokenizer
from seqgen.core.types import Array, Ids
from seqgen.samplers.arrays import LOWEST, namespace, number


@dataclass(kw_only=True)
class RepetitionPenalty(Sampler):
    """Make tokens that occurred lately, in the prompt or since, less likely.

    A positive logit is divided by the penalty and a negative one multiplied, so that either falls; the paper divides
    both, which would raise the negative ones.
    """

    stage: ClassVar[Stage] = Stage.PENALTY

    penalty: Annotated[float, Ge(1), Doc("how strongly tokens that occurred are held back; 1 changes nothing")] = 1.2
    window: Annotated[int, Ge(0), Doc("how many of the last tokens count; 0 counts all")] = 64

    _counts: npt.NDArray[np.int32] = field(init=False, repr=False, compare=False)  # (B, V) occurrences that count
    _recent: deque[Ids] = field(init=False, repr=False, compare=False)  # the last `window` ids (B,), oldest first

    def begin(self, prompt_ids: Ids, tokenizer: Tokenizer) -> None:
        """Count what occurs in the prompts (B, T)."""
        counted = prompt_ids[:, -self.window :]
        rows = np.arange(len(prompt_ids))
        self._counts = np.zeros((len(rows), tokenizer.vocab_size), np.int32)
        np.add.at(self._counts, (rows[:, None], counted), 1)
        self._recent = deque(counted.T.copy() if self.window else (), maxlen=self.window)

    def adjust(self, logits: Array) -> Array:
        """(B, V) -> (B, V); what was finite stays finite."""
        if self.penalty == 1:
            return logits
        xp = namespace(logits)
        with np.errstate(over="ignore"):
            lowered = xp.minimum(logits * self.penalty, logits / self.penalty)
        lowered = xp.maximum(lowered, xp.minimum(logits, number(logits, LOWEST)))
        occurred = self._counts > 0  # (B, V)
        if xp is not namespace(occurred):
            occurred = xp.asarray(occurred, device=logits.device)
        return xp.where(occurred, lowered, logits)

    def accept(self, ids: Ids) -> None:
        """Count these ids (B,), and no longer those that fall out of the window."""
        rows = np.arange(len(ids))
        if self.window:
            if len(self._recent) == self.window:
                self._counts[rows, self._recent[0]] -= 1
            self._recent.append(ids.copy())
        self._counts[rows, ids] += 1

    def select(self, rows: Ids) -> None:
        """Keep only the counts of these rows (B',)."""
        self._counts = self._counts[rows]
        self._recent = deque((ids[rows] for ids in self._recent), maxlen=self.window)
