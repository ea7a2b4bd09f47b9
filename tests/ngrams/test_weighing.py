"""Weights of two models' logarithms, fitted to what stands in a text."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqgen.corpora import locate
from seqgen.ngrams import weighing
from seqgen.ngrams.counting import count_ngrams
from seqgen.ngrams.weighing import LARGEST, Scored, Terms, nats_unseen, settle

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
    targets = (terms.weighed(np.asarray(weights)) + noise).argmax(axis=-1)
    return Scored(terms, targets, np.ones(count), np.arange(count))


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
    targets = (truth + generator.gumbel(size=truth.shape)).argmax(axis=-1)
    text = Scored(terms, targets, np.ones(len(truth)), np.arange(len(truth)))
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


def test_of_a_text_in_halves_each_is_predicted_by_the_weights_of_the_other():
    text = drawn([[1.0, 0.5], [0.5, 1.0]], 401)
    first, second = text.only(slice(200)), text.only(slice(200, None))
    expected = first.nats(settle([second], 2)) + second.nats(settle([first], 2))
    shuffled = np.random.default_rng(1).permutation(401)  # as where a text is read in several places at once
    pieces = [text.only(shuffled[:150]), text.only(shuffled[150:])]
    assert nats_unseen(pieces, 2) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("tokens", [1, 2])
def test_a_text_that_has_hardly_halves_is_predicted_nearly_as_by_the_network_alone(tokens):
    text = drawn([[1.0, 0.5]], tokens)
    assert nats_unseen([text], 1) == pytest.approx(text.nats(np.array([[1.0, 0.0]])), rel=0.2)


def test_what_says_nothing_new_gains_by_the_fit_and_not_on_the_half_that_was_not_fitted_to():
    """N-grams of 1,800 characters beside what knows 100,000 more of the same book, each weighed on 200 characters."""
    book = locate("ice").read_text("utf-8")
    letters, ids = np.unique(list(book), return_inverse=True)
    order, size = 7, 200
    knowing, counted = count_ngrams(ids[60_000:], len(letters), 6), count_ngrams(ids[:1_800], len(letters), order)
    gains = []
    for start in range(12_000, 60_000, 1_600):
        places = np.arange(start, start + size)
        context = np.lib.stride_tricks.sliding_window_view(ids[start - order + 1 : start + size - 1], order - 1)
        said = counted.after(context)
        terms = Terms(
            np.log(knowing.after(context[:, 1:]).probabilities),
            np.log(said.probabilities),
            2 * said.length + (said.followers > 1),
        )
        text = Scored(terms, ids[places], np.ones(size), places)
        alone = text.nats(np.tile([1.0, 0.0], (2 * order, 1)))
        gains.append([1 - text.nats(settle([text], 2 * order)) / alone, 1 - nats_unseen([text], 2 * order) / alone])
    fitted, unseen = np.transpose(gains)
    assert fitted.mean() > 0.015
    assert np.mean(fitted > 0.01) > 0.8
    assert abs(unseen.mean()) < 0.005
    assert np.mean(unseen > 0.01) < 0.3
