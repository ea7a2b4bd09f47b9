from __future__ import annotations

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from seqgen.samplers.typical import Typical


def left(adjusted):
    return [set(np.flatnonzero(row).tolist()) for row in np.isfinite(adjusted)]


@given(random_seed=st.integers(0, 2**32), p=st.floats(0.01, 0.99))
def test_it_leaves_the_fewest_tokens_of_nearest_to_expected_surprise_that_reach_p(probabilities, random_seed, p):
    logits = np.random.default_rng(random_seed).normal(scale=3, size=(1, 7)).astype(np.float32)
    (row,) = probabilities(logits)
    surprise = -np.log(row)
    distance = np.abs(surprise - (row * surprise).sum())
    order = np.argsort(distance)
    reached = np.cumsum(row[order])
    # Where float32 may decide otherwise than float64, either is right.
    assume(np.diff(distance[order]).min() > 1e-5)
    assume(np.abs(reached - p).min() > 1e-5)
    assert left(Typical(p=p).adjust(logits)) == [set(order[: np.searchsorted(reached, p) + 1].tolist())]


def test_a_token_likelier_than_typical_can_go():
    # The expected surprise is 2.2 nats; the likely token has 0.7, the next 2.3, the many others 4.1 each.
    logits = np.log(np.array([[0.5, 0.1, *[0.4 / 24] * 24]], np.float32))
    assert left(Typical(p=0.05).adjust(logits)) == [{1}]
    assert left(Typical(p=0.5).adjust(logits)) == [{0, 1}]


def test_of_equal_tokens_the_smaller_ids_stay():
    assert left(Typical(p=0.5).adjust(np.zeros((2, 8), np.float32))) == [{0, 1, 2, 3}] * 2


def test_p_of_1_changes_nothing():
    logits = np.array([[50.0, -50.0, -np.inf]], np.float32)
    np.testing.assert_array_equal(Typical(p=1).adjust(logits), logits)
