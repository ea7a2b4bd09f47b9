"""Top-k sampling (Fan, Lewis and Dauphin 2018, Hierarchical Neural Story Generation, section 5.4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_doc import Doc
from annotated_types import Ge

from seqgen.core.sampler import Sampler
from seqgen.core.types import Array
from seqgen.samplers.arrays import EXCLUDED, keep, kth_largest, selects


@dataclass(frozen=True, kw_only=True)
class TopK(Sampler):
    """Leave the k most likely tokens; among equals the smaller id stays."""

    k: Annotated[int, Ge(1), Doc("how many tokens stay; at least vocab_size changes nothing")] = 40

    def adjust(self, logits: Array) -> Array:
        """(B, V) -> (B, V) with min(k, V) tokens left in each row."""
        if self.k >= logits.shape[-1]:
            return logits
        if type(logits) is np.ndarray and len(logits) == 1 and not selects(logits):
            ordered = logits[0].copy()
            ordered.sort()  # at V = 65 it takes half of what a partial sort does
            place = len(ordered) - self.k
            lowest = ordered[place]
            if ordered[place - 1] < lowest:
                return np.where(logits >= lowest, logits, EXCLUDED)
        return keep(logits, logits, kth_largest(logits, self.k), self.k)
