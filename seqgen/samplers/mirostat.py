"""Mirostat 2.0 (Basu, Ramachandran, Keskar and Varshney 2021, Mirostat, algorithm 2: it needs no estimate of Zipf's law)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Annotated

import numpy as np
from annotated_doc import Doc
from annotated_types import Gt

from seqgen.core.sampler import Sampler
from seqgen.core.tokenizer import Tokenizer
from seqgen.core.types import Array, Ids
from seqgen.samplers.arrays import below_best, best, gather, masked, namespace, total

_BIT = math.log(2)
"""In nats."""


@dataclass(kw_only=True)
class Mirostat(Sampler):
    """Leave the tokens that surprise by at most ``mu`` bits, which follows what was drawn so that the mean comes to ``tau``.

    Surprise is counted in what this sampler is handed: after penalties and temperature, before it cuts off itself.  ``mu``
    starts at twice ``tau``, whatever the prompt, for each text on its own.  The likeliest token always stays.
    """

    tau: Annotated[float, Gt(0), Doc("bits of surprise that a token is to have on average")] = 2.0
    eta: Annotated[float, Gt(0), Doc("share of each token's error by which mu is corrected")] = 0.1

    _mu: list[float] = field(init=False, repr=False, compare=False)  # B times bits
    _seen: tuple[Array, list[float], Array] | None = field(init=False, repr=False, compare=False)
    """Between adjust and accept: how far each token lay below the best, (B, V), B times the sum of all weights, and which were left, (B, V)."""

    def begin(self, prompt_ids: Ids, tokenizer: Tokenizer) -> None:
        """Start from twice ``tau`` for each of B prompts."""
        self._mu = [2 * self.tau] * len(prompt_ids)
        self._seen = None

    def adjust(self, logits: Array) -> Array:
        """(B, V) -> (B, V) with at least the best token left in each row."""
        xp = namespace(logits)
        depth = below_best(logits, best(logits))  # (B, V)
        weights = xp.exp(depth)
        sums = total(weights)
        sums = [float(sums)] if isinstance(sums, np.generic) else [one for (one,) in sums.tolist()]
        # -log2 p <= mu, as a share of the sum; the best weighs 1, and a share above 1 needs no exact number.
        least = [min(2.0 ** min(-mu, 1.0) * one, 1.0) for mu, one in zip(self._mu, sums, strict=True)]
        if len(least) == 1 and xp is np:
            kept = weights >= np.float32(least[0])
        else:
            threshold: Array = np.array(least, np.float32)[:, None]  # (B, 1)
            kept = weights >= (threshold if xp is np else xp.asarray(threshold, device=logits.device))
        self._seen = depth, sums, kept
        return masked(logits, kept)

    def accept(self, ids: Ids) -> None:
        """Correct ``mu`` by how much these ids (B,) surprised.

        Ids that nothing was adjusted for, a prompt's, do not count; nor do those that were not left, which no draw gave:
        they are those of the texts that lines start with.
        """
        if self._seen is None:
            return
        depth, sums, kept = self._seen
        if type(depth) is np.ndarray:
            drawn = [
                depth.item(row, token) if kept.item(row, token) else None for row, token in enumerate(ids.tolist())
            ]
        else:
            positions = namespace(depth).asarray(ids.astype(np.int64)[:, None], device=depth.device)  # (B, 1)
            found = zip(gather(depth, positions).tolist(), gather(kept, positions).tolist(), strict=True)
            drawn = [below if left else None for (below,), (left,) in found]
        for row, below in enumerate(drawn):
            if below is None:
                continue
            # The best weighs 1, so that the sum is less only where a whole row is -inf.
            surprise = (math.log(max(sums[row], 1.0)) - below) / _BIT
            self._mu[row] -= self.eta * (surprise - self.tau)
        self._seen = None

    def select(self, rows: Ids) -> None:
        """Keep only ``mu`` of these rows (B',), and what they were drawn from."""
        self._mu = [self._mu[row] for row in rows]
        if self._seen is not None:
            depth, sums, kept = self._seen
            self._seen = depth[rows], [sums[row] for row in rows], kept[rows]
