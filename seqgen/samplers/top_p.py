"""Top-p or nucleus sampling (Holtzman, Buys, Du, Forbes and Choi 2020, The Curious Case of Neural Text Degeneration)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from annotated_doc import Doc
from annotated_types import Gt, Le

from seqgen.core.sampler import Sampler
from seqgen.core.types import Array
from seqgen.samplers.arrays import below_best, best, descending, gather, keep, namespace, tokens_until


@dataclass(frozen=True, kw_only=True)
class TopP(Sampler):
    """Leave the fewest tokens, likeliest first, whose probabilities together reach p; among equals the smaller id stays."""

    p: Annotated[float, Gt(0), Le(1), Doc("share of the probability that stays; 1 changes nothing")] = 0.9

    def adjust(self, logits: Array) -> Array:
        """(B, V) -> (B, V) with at least one token left in each row."""
        if self.p >= 1:
            return logits
        ordered = descending(logits)  # (B, V)
        weights = namespace(logits).exp(below_best(ordered, best(ordered)))
        count = tokens_until(weights, self.p)  # (B, 1)
        return keep(logits, logits, gather(ordered, count - 1), count)
