from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqgen.samplers.arrays import keep_share
from seqgen.samplers.top_p import TopP
from seqgen.samplers.typical import Typical

SHARES = st.floats(0.001, 0.999) | st.sampled_from([0.25, 0.5, 0.75, 1e-9, 1 - 1e-9])
SIZES = st.sampled_from([1, 2, 1023, 1025, 3000])


@st.composite
def rows(draw):
    """(V,) numbers from hardly apart to far apart, with many, some, or no equals, of which some may be excluded."""
    generator = np.random.default_rng(draw(st.integers(0, 2**32)))
    size, scale = draw(SIZES), draw(st.sampled_from([0.0, 1e-41, 1e-6, 0.01, 1.0, 4.0, 1e30]))
    values = (generator.standard_normal(size).round(draw(st.sampled_from([1, 2, 9]))) * scale).astype(np.float32)
    values[generator.random(size) < draw(st.sampled_from([0, 0, 0.5, 0.999]))] = -np.inf
    return values


def sorted_way(keys, weights, share):
    """The ids that stay: keys in order, equals by id, until the weights reach the share."""
    order = np.lexsort((np.arange(len(keys)), keys))
    reached = np.cumsum(weights[order], dtype=np.float64)
    return set(order[: np.searchsorted(reached, share * reached[-1]) + 1].tolist())


def left(adjusted):
    return set(np.flatnonzero(np.isfinite(adjusted[0])).tolist())


@settings(max_examples=60)
@given(values=rows(), share=SHARES)
def test_what_is_kept_without_sorting_is_what_sorting_keeps(values, share):
    values = np.where(np.isinf(values).all(), 0, values).astype(np.float32)
    with np.errstate(over="ignore"):
        weights = np.exp(np.maximum(values - values.max(), np.float32(-128)))
    logits = np.zeros((1, len(values)), np.float32)
    assert left(keep_share(logits, -values[None], weights[None], share)) == sorted_way(-values, weights, share)


@settings(max_examples=60)
@given(values=rows(), share=SHARES, seed=st.integers(0, 9))
def test_weights_may_rise_and_fall_with_the_order(values, share, seed):
    keys = np.abs(np.where(np.isinf(values), 100, values))[None].astype(np.float32)
    weights = np.random.default_rng(seed).choice(np.array([0.125, 0.25, 1], np.float32), keys.shape)
    logits = np.zeros(keys.shape, np.float32)
    assert left(keep_share(logits, keys, weights, share)) == sorted_way(keys[0], weights[0], share)


@pytest.mark.parametrize("sampler", [TopP(p=0.6), Typical(p=0.6)])
def test_a_row_without_any_token_stays_so_among_many(sampler):
    logits = np.full((2, 4000), -np.inf, np.float32)
    logits[1] = np.arange(4000) % 7
    adjusted = sampler.adjust(logits)
    assert np.isneginf(adjusted[0]).all()
    assert np.isfinite(adjusted[1]).any()


@pytest.mark.parametrize("sampler", [TopP(p=0.5), Typical(p=0.5)])
def test_of_many_equal_tokens_the_smaller_ids_stay(sampler):
    assert left(sampler.adjust(np.zeros((1, 5000), np.float32))) == set(range(2500))


@pytest.mark.usefixtures("parted_in_the_end")
@pytest.mark.parametrize("sampler", [TopP(p=0.9), Typical(p=0.9)])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_row_with_one_logit_that_is_no_number_stays_as_it_is(sampler, value):
    logits = np.stack([np.arange(4000) % 7, np.zeros(4000)]).astype(np.float32)
    logits[1, 5] = value
    with np.errstate(invalid="ignore"):  # of infinite less infinite
        adjusted = sampler.adjust(logits)
    np.testing.assert_array_equal(adjusted[1], logits[1])
    np.testing.assert_array_equal(adjusted[:1], sampler.adjust(logits[:1]))
