"""Weights of two models' logarithms, fitted to what stands in a text."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqgen.ngrams import weighing
from seqgen.ngrams.weighing import LARGEST, Scored, Terms, settle

V = 6


def drawn(weights, count, seed=0):
    """Places whose tokens are drawn from two random models with these weights (cases, 2)."""
    generator = np.random.default_rng(seed)
    terms = Terms(
        generator.normal(0, 2, (count, V)).astype(np.float32),
        generator.normal(0, 2, (count, V)).astype(np.float32),
        generator.integers(0, len(weights), count),
    )
    noise = generator.gumbel(size=(count, V))
    return Scored(terms, (terms.weighed(np.asarray(weights)) + noise).argmax(axis=-1), np.ones(count))


def test_the_weights_that_a_text_was_drawn_with_are_found():
    weights = np.array([[1.0, 0.5], [0.2, 1.5], [0.7, 0.7]])
    np.testing.assert_allclose(settle([drawn(weights, 60_000)], 3), weights, atol=0.05)


def test_nats_are_the_negative_logarithm_of_the_softmax():
    scored = drawn([[1.0, 0.5]], 50)
    logits = 0.3 * scored.terms.network.astype(np.float64) + 2 * scored.terms.ngrams
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    expected = -np.log(probabilities[np.arange(50), scored.targets])
    assert scored.nats(np.array([[0.3, 2.0]])) == pytest.approx(expected.sum(), rel=1e-5)
    counts = np.arange(50.0)
    assert scored._replace(counts=counts).nats(np.array([[0.3, 2.0]])) == pytest.approx(counts @ expected, rel=1e-5)


@given(st.lists(st.tuples(st.floats(0, 2), st.floats(0, 2)), min_size=1, max_size=3), st.integers(0, 10))
def test_no_other_weights_within_the_bounds_are_better(weights, seed):
    scored = drawn(weights, 3_000, seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(weighing, "_PRIOR", 1e-3)
        found = settle([scored], len(weights))
    assert ((found >= 0) & (found <= LARGEST)).all()
    for case, which in np.ndindex(found.shape):
        for step in (-0.1, 0.1):
            others = found.copy()
            others[case, which] = np.clip(others[case, which] + step, 0, LARGEST)
            assert scored.nats(others) >= scored.nats(found) - 1e-2


@given(st.lists(st.integers(1, 200), min_size=1, max_size=4))
def test_it_does_not_matter_in_which_pieces_a_text_comes(lengths):
    whole = drawn([[1.0, 0.5], [0.5, 1.0]], sum(lengths))
    ends = np.cumsum(lengths)
    pieces = [whole.only(slice(end - length, end)) for length, end in zip(lengths, ends, strict=True)]
    np.testing.assert_allclose(settle(pieces, 2), settle([whole], 2), atol=1e-3)


def test_a_case_of_few_tokens_has_nearly_the_weights_of_all():
    scored = drawn([[1.0, 0.5], [3.0, 3.0]], 6_000)
    rare = np.flatnonzero(scored.terms.case)[:5]
    kept = scored.only(np.concatenate([np.flatnonzero(scored.terms.case == 0), rare]))
    often, seldom, never = settle([kept], 3)
    np.testing.assert_allclose(seldom, often, atol=0.15)
    np.testing.assert_allclose(never, often, atol=0.02)


@pytest.mark.parametrize("tokens", [1, 10, 50])
def test_where_there_is_little_to_fit_to_the_network_is_believed_as_it_is(tokens):
    generator = np.random.default_rng(0)
    truth = generator.normal(0, 2, (4_000, V)).astype(np.float32)
    terms = Terms(truth, generator.normal(0, 2, truth.shape).astype(np.float32), np.zeros(len(truth), np.int64))
    text = Scored(terms, (truth + generator.gumbel(size=truth.shape)).argmax(axis=-1), np.ones(len(truth)))
    for start in range(0, 500, 50):
        found = settle([text.only(slice(start, start + tokens))], 1)
        assert text.nats(found) < 1.03 * text.nats(np.array([[1.0, 0.0]]))


def test_a_model_that_only_misleads_is_left_out():
    scored = drawn([[1.0, 0.0]], 5_000)
    misled = scored._replace(terms=scored.terms._replace(ngrams=-scored.terms.network))
    network, ngrams = settle([misled], 1)[0]
    assert ngrams == 0
    assert network == pytest.approx(1, abs=0.1)


def test_nothing_scored_settles_something_all_the_same():
    nothing = drawn([[1.0, 1.0]], 10)._replace(counts=np.zeros(10))
    for scored in ([], [nothing]):
        assert np.isfinite(settle(scored, 2)).all()
