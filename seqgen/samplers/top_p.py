"""Top-p or nucleus sampling (Holtzman, Buys, Du, Forbes and Choi 2020, The Curious Case of Neural Text Degeneration)."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from annotated_doc import Doc
from annotated_types import Gt, Le

from seqgen.core.sampler import Sampler
from seqgen.core.types import Array
from seqgen.samplers.arrays import (
    below_best,
    best,
    descending,
    exact,
    gather,
    keep,
    keep_share,
    masked,
    namespace,
    selects,
    tokens_until,
)


@dataclass(frozen=True, kw_only=True)
class TopP(Sampler):
    """Leave the fewest tokens, likeliest first, whose probabilities together reach p; among equals the smaller id stays."""

    p: Annotated[float, Gt(0), Le(1), Doc("share of the probability that stays; 1 changes nothing")] = 0.9

    def adjust(self, logits: Array) -> Array:
        """(B, V) -> (B, V) with at least one token left in each row."""
        if self.p >= 1:
            return logits
        if selects(logits):
            depth = below_best(logits, best(logits))
            return keep_share(logits, -logits, np.exp(depth, out=depth), self.p)
        if type(logits) is np.ndarray and len(logits) == 1:
            threshold = self._threshold(logits[0])
            if threshold is not None:
                return masked(logits, logits >= threshold)
        ordered = descending(logits)  # (B, V)
        weights = namespace(logits).exp(exact(ordered) - best(ordered))
        count = tokens_until(weights, self.p)  # (B, 1)
        return keep(logits, logits, gather(ordered, count - 1), count)

    def _threshold(self, logits: Array) -> Any:
        """The lowest logit that stays of one row of NumPy (V,), in half the time; None where that does not tell which."""
        ordered = exact(logits)
        ordered.sort()
        top = ordered.item(-1)
        if top == -np.inf:
            return None
        reached = np.add.accumulate(np.exp(ordered - top)[::-1])
        place = len(ordered) - 1 - bisect_left(reached, self.p * reached.item(-1))
        lowest = ordered.item(place)
        if place and ordered.item(place - 1) == lowest:
            return None
        return logits.dtype.type(lowest)  # in another type it might lie above the token that has it
