"""When training ends, and the learning rate on the way there."""

from __future__ import annotations

import math
from dataclasses import dataclass

FLOOR = 0.1
"""The share of the highest learning rate that a falling schedule ends at: the average of the weights does the rest."""

WARMUP_SHARE = 0.1
"""The share of a run's updates that the warm-up takes at most, where they are counted and ``warmup_steps`` is not given."""


@dataclass(frozen=True)
class Budget:
    """Limits of a run; the first reached ends it.

    Attributes:
        max_steps: optimiser updates, epochs included, or None.
        max_seconds: wall-clock time of training, or None.
    """

    max_steps: int | None
    max_seconds: float | None

    def progress(self, step: int, seconds: float) -> float:
        """The share of the budget that is used up, 0 to 1."""
        steps = step / self.max_steps if self.max_steps else 0.0
        time = seconds / self.max_seconds if self.max_seconds else 0.0
        return min(1.0, max(steps, time))


@dataclass(frozen=True)
class Schedule:
    """The learning rate of each step: a linear rise over ``warmup_steps``, then a fall with the budget used.

    The rise is the gradual warm-up of Goyal et al. 2017 (Accurate, Large Minibatch SGD, section 2.2).  Both falls go down to
    ``FLOOR`` of the highest rate: ``linear`` as Defazio et al. 2023 (When, Why and How Much?) and Bergsma et al. 2025
    (Straight to Zero) advise, who go on to zero, ``cosine`` as Loshchilov and Hutter 2017 (SGDR, without restarts).
    """

    name: str
    learning_rate: float
    warmup_steps: int

    def at(self, step: int, progress: float) -> float:
        """The learning rate of step number ``step`` (from 0), with this share of the budget used."""
        warmup = min(1.0, (step + 1) / (self.warmup_steps + 1))
        match self.name:
            case "cosine":
                fall = FLOOR + (1 - FLOOR) * 0.5 * (1 + math.cos(math.pi * progress))
            case "linear":
                fall = 1 - (1 - FLOOR) * progress
            case _:
                fall = 1.0
        return self.learning_rate * warmup * fall
