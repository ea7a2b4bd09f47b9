"""No repeated n-grams (Paulus, Xiong and Socher 2018, A Deep Reinforced Model for Abstractive Summarization, section 2.5)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, ClassVar

import numpy as np
from annotated_doc import Doc
from annotated_types import Ge

from seqgen.core.sampler import Sampler, Stage
from seqgen.core.tokenizer import Tokenizer
from seqgen.core.types import Array, Ids
from seqgen.samplers.arrays import masked, namespace


@dataclass(kw_only=True)
class NoRepeatNgram(Sampler):
    """Exclude each token that would complete a run of ``size`` tokens that occurred before, in the prompt or since.

    A row of which every token would, stays as it is.  What is remembered grows with the text.
    """

    stage: ClassVar[Stage] = Stage.CONSTRAINT

    size: Annotated[int, Ge(1), Doc("how many tokens in a row never come twice; 1 lets each token come once")] = 8

    _last: list[tuple[int, ...]] = field(init=False, repr=False, compare=False)  # B times the last size - 1 ids
    _followers: list[dict[tuple[int, ...], list[int]]] = field(init=False, repr=False, compare=False)  # B times

    def begin(self, prompt_ids: Ids, tokenizer: Tokenizer) -> None:
        """Remember the runs of the prompts (B, T)."""
        self._last = [()] * len(prompt_ids)
        self._followers = [{} for _ in prompt_ids]
        for ids in prompt_ids.T:
            self.accept(ids)

    def adjust(self, logits: Array) -> Array:
        """(B, V) -> (B, V) without what would repeat a run."""
        banned = [followers.get(last, []) for followers, last in zip(self._followers, self._last, strict=True)]
        if not any(banned):
            return logits
        xp = namespace(logits)
        allowed = np.ones(logits.shape, bool)
        for row, ids in enumerate(banned):
            allowed[row, ids] = False
        kept = allowed if xp is np else xp.asarray(allowed, device=logits.device)
        kept = kept | ~xp.any(kept & (logits > -np.inf), axis=-1, keepdims=True)
        return masked(logits, kept)

    def accept(self, ids: Ids) -> None:
        """Remember the runs that these ids (B,) complete."""
        for row, token in enumerate(ids.tolist()):
            last = self._last[row]
            if len(last) == self.size - 1:
                self._followers[row].setdefault(last, []).append(token)
            self._last[row] = (*last, token)[1 - self.size :] if self.size > 1 else ()

    def select(self, rows: Ids) -> None:
        """Keep only what is remembered of these rows (B',)."""
        self._last = [self._last[row] for row in rows]
        self._followers = [self._followers[row] for row in rows]
