from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from seqgen.samplers.top_p import TopP

P = st.floats(0.01, 0.99)


def left(adjusted):
    return [set(np.flatnonzero(row).tolist()) for row in np.isfinite(adjusted)]


@given(logits=arrays(np.float32, (3, 7), elements=st.floats(-9, 9, width=32) | st.integers(-2, 2)), p=P)
def test_it_leaves_the_fewest_likeliest_tokens_that_reach_p(probabilities, logits, p):
    kept_by_row = left(TopP(p=p).adjust(logits))
    for values, row, kept in zip(logits, probabilities(logits), kept_by_row, strict=True):
        order = sorted(range(7), key=lambda token: (-values[token], token))
        assert set(order[: len(kept)]) == kept
        assert row[order[: len(kept)]].sum() >= p - 1e-5
        assert row[order[: len(kept) - 1]].sum() < p + 1e-5


def test_the_token_that_crosses_p_stays():
    logits = np.log(np.array([[0.1, 0.5, 0.15, 0.25]], np.float32))
    assert left(TopP(p=0.45).adjust(logits)) == [{1}]
    assert left(TopP(p=0.55).adjust(logits)) == [{1, 3}]
    assert left(TopP(p=0.8).adjust(logits)) == [{1, 2, 3}]


def test_of_equal_tokens_the_smaller_ids_stay():
    assert left(TopP(p=0.5).adjust(np.zeros((2, 8), np.float32))) == [{0, 1, 2, 3}] * 2


def test_each_row_has_its_own_number_of_tokens():
    logits = np.array([[9.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]], np.float32)
    assert left(TopP(p=0.7).adjust(logits)) == [{0}, {0, 1, 2}]


def test_p_of_1_changes_nothing():
    logits = np.array([[50.0, -50.0, -np.inf]], np.float32)
    np.testing.assert_array_equal(TopP(p=1).adjust(logits), logits)


def test_of_logits_in_float64_the_token_that_crosses_p_stays_too():
    """As a sampler before it may leave them; in float32 half of these round up."""
    logits = np.log([0.9, 0.1 / 3, 0.1 / 3, 0.1 / 3]) + np.linspace(0, 1, 400)[:, None]
    alone = np.concatenate([TopP(p=0.5).adjust(row[None]) for row in logits])
    assert left(alone) == [{0}] * 400
    np.testing.assert_array_equal(alone, TopP(p=0.5).adjust(logits))
