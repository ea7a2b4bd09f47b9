from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from seqgen.samplers.top_k import TopK


@given(logits=arrays(np.float32, (3, 7), elements=st.floats(-9, 9, width=32) | st.integers(-1, 1)), k=st.integers(1, 9))
def test_exactly_k_tokens_are_left_even_when_logits_tie(logits, k):
    left = np.isfinite(TopK(k=k).adjust(logits)).sum(axis=-1)
    assert (left == min(k, 7)).all()


@given(logits=arrays(np.float32, (2, 7), elements=st.integers(-2, 2)), k=st.integers(1, 7))
def test_what_is_left_is_the_best_by_logit_then_by_id(logits, k):
    adjusted = TopK(k=k).adjust(logits)
    for row, left in zip(logits, adjusted, strict=True):
        best = sorted(range(7), key=lambda token: (-row[token], token))[:k]
        assert set(np.flatnonzero(np.isfinite(left))) == set(best)
        np.testing.assert_array_equal(left[best], row[best])


def test_of_three_equal_tokens_the_two_smaller_ids_stay():
    logits = np.array([[1.0, 5.0, 1.0, 1.0]], np.float32)
    np.testing.assert_array_equal(TopK(k=3).adjust(logits), [[1.0, 5.0, 1.0, -np.inf]])


def test_excluded_tokens_do_not_come_back_where_fewer_than_k_are_left():
    logits = np.array([[-np.inf, 2.0, -np.inf, 1.0]], np.float32)
    np.testing.assert_array_equal(TopK(k=3).adjust(logits), logits)
