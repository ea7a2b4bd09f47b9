"""Top-k sampling (Fan, Lewis and Dauphin 2018, Hierarchical Neural Story Generation, section 5.4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from annotated_doc import Doc
from annotated_types import Ge

from seqgen.core.sampler import Sampler
from seqgen.core.types import Array
from seqgen.samplers.arrays import keep, kth_largest


@dataclass(frozen=True, kw_only=True)
class TopK(Sampler):
    """Leave the k most likely tokens; among equals the smaller id stays."""

    k: Annotated[int, Ge(1), Doc("how many tokens stay; at least vocab_size changes nothing")] = 40

    def adjust(self, logits: Array) -> Array:
        """(B, V) -> (B, V) with min(k, V) tokens left in each row."""
        if self.k >= logits.shape[-1]:
            return logits
        return keep(logits, logits, kth_largest(logits, self.k), self.k)
