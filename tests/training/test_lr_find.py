"""The range test: rates rise exponentially, and the suggestion is a tenth of where the loss is lowest."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest

from seqgen.core.errors import TrainingError
from seqgen.training.lr_find import HIGHEST, LOWEST, STEPS, range_test
from seqgen.training.metrics import CharactersPerToken


@pytest.fixture
def tested():
    """The range test of a model that has these losses, whatever it is trained on; and the batches that it was given."""

    def run(losses):
        remaining, batches = iter(losses), []

        def train_step(batch, learning_rate):
            batches.append(batch)
            return next(remaining)

        training = SimpleNamespace(steps_per_epoch=7, batch=lambda epoch, step: (epoch, step), batch_size=4)
        model = SimpleNamespace(
            train_step=train_step,
            weights=dict,
            training_state=dict,
            load_weights=lambda _: None,
            load_training_state=lambda _: None,
        )
        options = SimpleNamespace(auto_batch=False)
        characters = CharactersPerToken(training=3.0, validation=1.0)
        prepared = SimpleNamespace(model=model, training=training, options=options, characters_per_token=characters)
        return range_test(prepared), batches

    return run


def valley(lowest_at):
    """Losses that fall to 2 at a step and rise again, slowly."""
    return [2.0 + 0.02 * abs(step - lowest_at) for step in range(STEPS)]


def test_rates_rise_by_the_same_factor_from_the_lowest_to_the_highest(tested):
    found, batches = tested(valley(60))
    rates = np.array([point.learning_rate for point in found.points])
    assert (rates[0], rates[-1]) == (LOWEST, pytest.approx(HIGHEST))
    assert rates[1:] / rates[:-1] == pytest.approx((HIGHEST / LOWEST) ** (1 / (STEPS - 1)))
    assert batches[:9] == [*((0, step) for step in range(7)), (1, 0), (1, 1)]


def test_its_losses_are_those_of_the_training_part(tested):
    assert tested(valley(60))[0].characters_per_token == 3.0


@pytest.mark.parametrize("lowest_at", [40, 80])
def test_the_suggestion_is_a_tenth_of_the_rate_with_the_lowest_loss(tested, lowest_at):
    found, _ = tested(valley(lowest_at))
    assert found.best is found.points[lowest_at]
    assert found.suggestion == pytest.approx(found.points[lowest_at].learning_rate / 10, rel=0.05)
    assert (found.diverged, found.still_falling) == (False, False)


def test_the_loss_is_averaged_with_its_neighbours_so_that_one_lucky_batch_is_no_valley(tested):
    losses = valley(60)
    losses[20] = 1.0
    found, _ = tested(losses)
    assert found.points[20].loss == 1.0
    assert found.best is found.points[60]


def test_it_ends_where_training_diverges(tested):
    found, batches = tested([*valley(60)[:70], *(10.0 for _ in range(30))])
    assert found.diverged
    assert 70 < len(found.points) == len(batches) < 80


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_it_ends_where_the_loss_is_no_number(tested, loss):
    found, _ = tested([*valley(60)[:70], loss])
    assert (found.diverged, len(found.points)) == (True, 70)
    with pytest.raises(TrainingError, match="not a number before the first update"):
        tested([loss])


def test_where_the_loss_still_falls_at_the_end_it_says_so(tested):
    found, _ = tested([4.0 - 0.01 * step for step in range(STEPS)])
    assert (found.still_falling, found.suggestion) == (True, 0.1)


def test_where_the_loss_never_falls_there_is_no_suggestion(tested):
    assert tested([2.0] * STEPS)[0].suggestion is None
    assert tested([2.0 + 0.01 * step for step in range(STEPS)])[0].suggestion is None
