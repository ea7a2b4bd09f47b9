"""Temperature: how far the draw strays from the most likely token (Ackley, Hinton and Sejnowski 1985)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, ClassVar

import numpy as np
from annotated_doc import Doc
from annotated_types import Ge

from seqgen.core.sampler import Sampler, Stage
from seqgen.core.types import Array
from seqgen.samplers.arrays import LOWEST, best, namespace, ordinary
from seqgen.samplers.greedy import only_best

_SMALLEST = 1e-30
"""Division by less would leave the normal numbers of float32."""

_HOTTEST = 1e38
"""Division by more than float32 holds would make of what is excluded no number; by this all that is left is equally likely."""

_LARGEST = -LOWEST
"""The largest finite logit."""


@dataclass(frozen=True, kw_only=True)
class Temperature(Sampler):
    """Divide the logits: below 1 likely tokens get likelier, above 1 less so; 0 is greedy."""

    stage: ClassVar[Stage] = Stage.TEMPERATURE

    temperature: Annotated[
        float, Ge(0), Doc("what logits are divided by; 1 changes nothing, 0 takes the likeliest token")
    ] = 1.0

    def adjust(self, logits: Array) -> Array:
        """(B, V) -> (B, V), divided; a row that would overflow is shifted before, so that its best is 0."""
        if self.temperature == 1:
            return logits
        if self.temperature > 1:
            return logits / min(self.temperature, _HOTTEST)
        if self.temperature == 0:
            return only_best(logits)
        if ordinary(logits, self._safe):
            return logits / self._divisor
        divisor = max(self.temperature, _SMALLEST)
        limit = _LARGEST * divisor
        top = best(logits)
        # Division by less than 1 may overflow.  Far below the best that is harmless; the best itself must stay finite.
        with np.errstate(over="ignore"):
            if isinstance(top, float):
                return (logits if -limit <= top <= limit else logits - np.float32(top)) / divisor
            xp = namespace(logits)
            return (logits - xp.where(xp.abs(top) > limit, top, xp.zeros_like(top))) / divisor

    @cached_property
    def _safe(self) -> float:
        """How large logits may be and surely stay finite."""
        return _LARGEST * max(self.temperature, _SMALLEST) / 2

    @cached_property
    def _divisor(self) -> Array:
        """Without axes: an operation with a number takes half as long again."""
        return np.array(max(self.temperature, _SMALLEST), np.float32)
