"""The pace is measured in a few steps, and over a moment in which something else ran."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from seqgen.core.types import Batch
from seqgen.training.pace import SECONDS, STEPS, WARM_UP, measure


class Steps:
    """A model whose steps take what a clock of these seconds says."""

    def __init__(self, *seconds: float, then: float) -> None:
        self.now = 0.0
        self._seconds = itertools.chain(seconds, itertools.repeat(then))

    def train_step(self, batch: Batch, learning_rate: float) -> float:
        self.now += next(self._seconds)
        return 0.0

    def clock(self) -> float:
        return self.now


class Batches:
    steps_per_epoch = 3

    def batch(self, epoch: int, step: int) -> Batch:
        ids = np.zeros((2, 5), np.int64)
        return Batch(ids, ids)


def paced(model: Steps, **how: float):
    return measure(model, Batches(), clock=model.clock, **how)


def test_a_few_steps_are_measured_after_those_in_which_memory_is_taken():
    pace = paced(Steps(*[9.0] * WARM_UP, then=0.25))
    assert (pace.steps, pace.seconds_per_step, pace.tokens_per_second) == (STEPS, 0.25, 40)


def test_of_slow_steps_fewer_are_measured():
    assert paced(Steps(then=SECONDS / 2)).steps == 2
    assert paced(Steps(then=3 * SECONDS)).steps == 1


@pytest.mark.parametrize("least", [1.0, SECONDS, 2 * SECONDS])
def test_measuring_goes_on_for_as_long_as_it_is_to(least):
    pace = paced(Steps(then=1 / 16), least_seconds=least)
    assert pace.steps == 16 * least


def test_a_machine_that_is_held_up_for_a_moment_is_no_slow_one():
    model = Steps(*[0.125] * WARM_UP, *[1.0] * 2, then=0.125)
    assert paced(model, least_seconds=3.0).seconds_per_step == 0.125
