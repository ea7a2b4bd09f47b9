"""Greedy decoding: always the most likely token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from seqgen.core.sampler import Sampler, Stage
from seqgen.core.types import Array
from seqgen.samplers.arrays import masked, namespace


@dataclass(frozen=True, kw_only=True)
class Greedy(Sampler):
    """Leave the most likely token; among equals the smallest id."""

    stage: ClassVar[Stage] = Stage.TEMPERATURE

    def adjust(self, logits: Array) -> Array:
        """(B, V) -> (B, V) with one token left in each row."""
        return only_best(logits)


def only_best(logits: Array) -> Array:
    """The logits with only the largest of each row left; among equals that of the smallest id."""
    if type(logits) is np.ndarray:
        left = np.empty_like(logits)
        left.fill(-np.inf)
        if len(logits) == 1:
            token = logits.argmax()  # a tenth of what follows, for arrays of one place
            left[0, token] = logits[0, token]
        else:
            rows, ids = np.arange(len(logits)), logits.argmax(axis=-1)  # the first of equals
            left[rows, ids] = logits[rows, ids]
        return left
    xp = namespace(logits)
    position = xp.argmax(logits, axis=-1, keepdims=True)  # (B, 1), the first of equals
    ids = xp.arange(logits.shape[-1], device=getattr(logits, "device", None))
    return masked(logits, ids == position)
