"""Temperature: how far the draw strays from the most likely token (Ackley, Hinton and Sejnowski 1985)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from annotated_doc import Doc
from annotated_types import Ge

from seqgen.core.sampler import Sampler, Stage
from seqgen.core.types import Array
from seqgen.samplers.arrays import best
from seqgen.samplers.greedy import only_best

_SMALLEST = 1e-30
"""Division by less would leave the normal numbers of float32."""


@dataclass(frozen=True, kw_only=True)
class Temperature(Sampler):
    """Divide the logits: below 1 likely tokens get likelier, above 1 less so; 0 is greedy."""

    stage: ClassVar[Stage] = Stage.TEMPERATURE

    temperature: Annotated[
        float, Ge(0), Doc("what logits are divided by; 1 changes nothing, 0 takes the likeliest token")
    ] = 1.0

    def adjust(self, logits: Array) -> Array:
        """(B, V) -> (B, V), divided; below 1 also shifted so that the best of each row is 0."""
        if self.temperature == 1:
            return logits
        if self.temperature > 1:
            return logits / self.temperature
        if self.temperature == 0:
            return only_best(logits)
        # Division by less than 1 may overflow.  Below the best that is -inf and harmless; the best itself stays 0.
        with np.errstate(over="ignore"):
            return (logits - best(logits)) / max(self.temperature, _SMALLEST)
