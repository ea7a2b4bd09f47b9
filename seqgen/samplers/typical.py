"""Locally typical sampling (Meister, Pimentel, Wiher and Cotterell 2023, Locally Typical Sampling, section 4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from annotated_doc import Doc
from annotated_types import Gt, Le

from seqgen.core.sampler import Sampler
from seqgen.core.types import Array
from seqgen.samplers.arrays import (
    ascending_order,
    at_least,
    below_best,
    best,
    exact,
    gather,
    keep,
    keep_at,
    keep_share,
    namespace,
    selects,
    tokens_until,
    total,
)


@dataclass(frozen=True, kw_only=True)
class Typical(Sampler):
    """Leave the tokens whose surprise is nearest to the expected one and whose probabilities together reach p.

    Both tokens that are too unlikely and tokens that are too predictable go; among equals the smaller id stays.
    """

    p: Annotated[float, Gt(0), Le(1), Doc("share of the probability that stays; 1 changes nothing")] = 0.95

    def adjust(self, logits: Array) -> Array:
        """(B, V) -> (B, V) with at least one token left in each row."""
        if self.p >= 1:
            return logits
        xp = namespace(logits)
        precise = logits if selects(logits) else exact(logits)
        depth = below_best(precise, best(precise))  # (B, V)
        weights = xp.exp(depth)
        # The best weighs 1, so the sum is less only where a whole row is -inf.
        # Surprise is log(sum of weights) - depth, so its distance from the entropy, its mean, is that of depth from its own.
        mean = total(depth, weights) / at_least(total(weights), 1.0)
        depth -= mean
        strangeness = xp.abs(depth)  # (B, V)
        if precise is logits:
            return keep_share(logits, strangeness, weights, self.p)
        order = ascending_order(strangeness)
        count = tokens_until(gather(weights, order), self.p)  # (B, 1)
        if isinstance(count, int):
            return keep_at(logits, order[0, :count])
        threshold = gather(strangeness, gather(order, count - 1))
        return keep(logits, -strangeness, -threshold, count)
