"""Min-p sampling (Nguyen et al. 2024, Turning Up the Heat: Min-p Sampling for Creative and Coherent LLM Outputs)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated

import numpy as np
from annotated_doc import Doc
from annotated_types import Ge, Le

from seqgen.core.sampler import Sampler
from seqgen.core.types import Array
from seqgen.samplers.arrays import EXCLUDED, best, masked, number


@dataclass(frozen=True, kw_only=True)
class MinP(Sampler):
    """Leave the tokens that are at least p times as likely as the likeliest."""

    p: Annotated[float, Ge(0), Le(1), Doc("least share of the likeliest token's probability; 0 changes nothing")] = 0.05

    def adjust(self, logits: Array) -> Array:
        """(B, V) -> (B, V) with at least the best token left in each row."""
        if self.p == 0:
            return logits
        if type(logits) is np.ndarray and len(logits) == 1:
            left, row = logits.copy(), logits[0]
            # In float32, so that it is rounded as it is among other rows.
            left[logits < row[row.argmax()] + self._distance] = EXCLUDED
            return left
        return masked(logits, logits >= best(logits) + number(logits, math.log(self.p)))

    @cached_property
    def _distance(self) -> np.float32:
        """How far below the best a logit may lie, negative."""
        return np.float32(math.log(self.p))
