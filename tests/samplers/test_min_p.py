from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from seqgen.samplers.min_p import MinP


@given(logits=arrays(np.float32, (3, 7), elements=st.floats(-9, 9, width=32)), p=st.floats(0.001, 1))
def test_it_leaves_the_tokens_at_least_p_times_as_likely_as_the_likeliest(probabilities, logits, p):
    chances = probabilities(logits)
    share = chances / chances.max(axis=-1, keepdims=True)
    kept = np.isfinite(MinP(p=p).adjust(logits))
    assert kept[share > p * (1 + 1e-5)].all()
    assert not kept[share < p * (1 - 1e-5)].any()


def test_a_tenth_of_the_likeliest_stays_and_less_goes():
    logits = np.log(np.array([[0.5, 0.051, 0.049, 0.4]], np.float32))
    np.testing.assert_array_equal(np.isfinite(MinP(p=0.1).adjust(logits)), [[True, True, False, True]])


def test_p_of_0_changes_nothing():
    logits = np.array([[50.0, -50.0, -np.inf]], np.float32)
    np.testing.assert_array_equal(MinP(p=0).adjust(logits), logits)
