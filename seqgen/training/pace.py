"""How fast a model trains here, from a few measured steps."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from seqgen.core.backend import Model
from seqgen.data.batching import Batching

WARM_UP = 2
"""Steps that are not measured: in the first ones memory is taken and functions are compiled."""

STEPS, SECONDS = 5, 2.0
"""Measured are so many steps, or, of slower ones, as many as begin within this time, but one at least."""


@dataclass(frozen=True)
class Pace:
    """What was measured.

    Attributes:
        steps: how many steps were measured.
        seconds_per_step: the median of their times.
        tokens_per_step: targets scored in each, on average.
    """

    steps: int
    seconds_per_step: float
    tokens_per_step: float

    @property
    def tokens_per_second(self) -> float:
        """Targets that are trained on in a second."""
        return self.tokens_per_step / self.seconds_per_step


def measure(
    model: Model,
    batches: Batching,
    *,
    learning_rate: Callable[[int], float] = lambda _: 0.0,
    least_seconds: float = 0.0,
    clock: Callable[[], float] = time.perf_counter,
) -> Pace:
    """Train a model for a few steps, which changes it unless the learning rate is 0.

    Args:
        model: built with an optimizer.
        batches: to train on.
        learning_rate: of each step, from 0.
        least_seconds: to go on for, where the steps are done sooner: a machine that is held up for a moment is no slow one.
        clock: seconds, from any origin.
    """
    times: list[float] = []
    tokens: list[int] = []
    begun = clock()
    for step in itertools.count():
        batch = batches.batch(*divmod(step, batches.steps_per_epoch))
        start = clock()
        float(model.train_step(batch, learning_rate(step)))  # float() waits until it is done
        end = clock()
        if step < WARM_UP:
            begun = end
            continue
        times.append(end - start)
        tokens.append(batch.scored)
        if end - begun >= (max(SECONDS, least_seconds) if len(times) < STEPS else least_seconds):
            break
    return Pace(len(times), median(times), sum(tokens) / len(tokens))
