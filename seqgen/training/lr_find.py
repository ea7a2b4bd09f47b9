"""A learning-rate range test (Smith 2017, "Cyclical Learning Rates for Training Neural Networks", section 3.3).

The model trains for some hundred steps while the rate rises exponentially from so low that nothing is learned to so high
that training diverges.  Smith reads off where the loss begins to fall and where it stops falling; the suggestion here is
a tenth of the rate at which the smoothed loss is lowest, as the rule ``minimum`` of fastai's ``lr_find`` has it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from seqgen.core.backend import Model
from seqgen.core.errors import TrainingError
from seqgen.data.batching import Batching
from seqgen.training.memory import with_fewer_rows
from seqgen.training.preparation import Preparation

STEPS = 100
LOWEST, HIGHEST = 1e-6, 1.0

AROUND = 4
"""Steps before and after one over which its loss is averaged; a mean of those before alone would lag behind the rate."""

DIVERGED = 1.5
"""Times the first loss, at which the mean of the last losses ends the test."""

LEAST_FALL = 0.01
"""The share by which the smoothed loss must fall: less is noise."""

SHARE = 0.1
"""The suggestion, as a share of the rate with the lowest loss."""


@dataclass(frozen=True)
class Point:
    """A step of the test.

    Attributes:
        loss: nats per token before the update.
        smoothed: the mean of the losses around.
    """

    learning_rate: float
    loss: float
    smoothed: float


@dataclass(frozen=True)
class RangeTest:
    """What a test gave.

    Attributes:
        points: a step each, rates rising.
        characters_per_token: of the training part, turns nats per token into bits per character.
        diverged: whether the loss ended it before the highest rate.
    """

    points: tuple[Point, ...]
    characters_per_token: float
    diverged: bool

    @property
    def best(self) -> Point:
        """The point with the lowest smoothed loss."""
        return min(self.points, key=lambda point: point.smoothed)

    @property
    def still_falling(self) -> bool:
        """Whether the loss is lowest at the very end, so that a higher rate may be better than the suggestion."""
        return self.best is self.points[-1]

    @property
    def suggestion(self) -> float | None:
        """A learning rate to train with, to two digits; None where the loss never fell by ``LEAST_FALL``."""
        if self.best.smoothed > (1 - LEAST_FALL) * self.points[0].smoothed:
            return None
        return float(f"{SHARE * self.best.learning_rate:.1e}")

    def to_json(self) -> dict[str, Any]:
        """As a JSON-able value."""
        return {
            "suggestion": self.suggestion,
            "lowest_loss_at": self.best.learning_rate,
            "still_falling": self.still_falling,
            "diverged": self.diverged,
            "points": [vars(point) for point in self.points],
        }


def range_test(prepared: Preparation) -> RangeTest:
    """Run the test on a model, which is spoilt by it.

    Args:
        prepared: the model and its batches.

    Raises:
        TrainingError: the loss is no number from the beginning.
    """
    model, training = prepared.model, prepared.training
    rates = [LOWEST * (HIGHEST / LOWEST) ** (step / (STEPS - 1)) for step in range(STEPS)]
    start = model.weights(), model.training_state()

    def losses_from_the_start() -> list[float]:
        model.load_weights(start[0])
        model.load_training_state(start[1])
        return _losses(model, training, rates)

    losses = with_fewer_rows(losses_from_the_start, model, training.batch_size, auto_batch=prepared.options.auto_batch)
    if not losses:
        msg = "The loss is not a number before the first update, so there is no learning rate to find."
        raise TrainingError(msg)
    smoothed = [fmean(losses[max(0, step - AROUND) : step + AROUND + 1]) for step in range(len(losses))]
    points = tuple(map(Point, rates, losses, smoothed))
    return RangeTest(points, prepared.characters_per_token.training, diverged=len(points) < STEPS)


def _losses(model: Model, training: Batching, rates: Sequence[float]) -> list[float]:
    """That of each step, until it diverges."""
    losses: list[float] = []
    for step, rate in enumerate(rates):
        loss = float(model.train_step(training.batch(*divmod(step, training.steps_per_epoch)), rate))
        if not math.isfinite(loss):
            break
        losses.append(loss)
        if fmean(losses[-2 * AROUND - 1 :]) > DIVERGED * losses[0]:
            break
    return losses
