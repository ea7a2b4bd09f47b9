from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from seqgen.core.sampler import Stage
from seqgen.samplers.greedy import Greedy
from seqgen.samplers.temperature import Temperature

LOGITS = arrays(np.float32, (3, 5), elements=st.floats(-9, 9, width=32))


@given(logits=LOGITS, temperature=st.floats(0.1, 10))
def test_odds_are_raised_to_the_power_of_one_over_the_temperature(logits, temperature):
    adjusted = Temperature(temperature=temperature).adjust(logits)
    differences = (logits - logits[:, :1]).astype(np.float64) / temperature
    np.testing.assert_allclose(adjusted - adjusted[:, :1], differences, rtol=1e-4, atol=1e-4)


@given(logits=LOGITS)
def test_temperature_0_is_greedy(logits):
    np.testing.assert_array_equal(Temperature(temperature=0).adjust(logits), Greedy().adjust(logits))


def test_temperature_0_takes_the_smallest_id_among_equals():
    adjusted = Temperature(temperature=0).adjust(np.zeros((2, 3), np.float32))
    np.testing.assert_array_equal(adjusted, [[0, -np.inf, -np.inf]] * 2)


def test_temperature_1_changes_nothing():
    logits = np.array([[1.0, 2.0]], np.float32)
    np.testing.assert_array_equal(Temperature(temperature=1).adjust(logits), logits)


def test_half_the_temperature_doubles_the_differences(probabilities):
    logits = np.log(np.array([[0.2, 0.3, 0.5]], np.float32))
    squared = probabilities(Temperature(temperature=0.5).adjust(logits))
    np.testing.assert_allclose(squared, [[0.04 / 0.38, 0.09 / 0.38, 0.25 / 0.38]], rtol=1e-6)


@pytest.mark.parametrize("temperature", [1e-3, 1e-30, 1e-300])
def test_a_tiny_temperature_leaves_the_best_token_even_where_logits_are_huge(temperature):
    logits = np.array([[-3e38, 3e38, 2.9e38]], np.float32)
    np.testing.assert_array_equal(Temperature(temperature=temperature).adjust(logits), [[-np.inf, 0.0, -np.inf]])


@pytest.mark.parametrize("temperature", [1e9, 1e39, 1e300])
def test_at_a_huge_temperature_all_that_is_left_is_equally_likely(temperature, probabilities):
    logits = np.array([[-9, 3, -np.inf, 0]], np.float32)
    adjusted = Temperature(temperature=temperature).adjust(logits)
    np.testing.assert_allclose(probabilities(adjusted), [[1 / 3, 1 / 3, 0, 1 / 3]], rtol=1e-6)


def test_it_comes_after_penalties_and_before_truncation():
    assert Temperature.stage is Stage.TEMPERATURE
