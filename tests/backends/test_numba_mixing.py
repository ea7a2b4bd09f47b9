"""N-grams that are mixed in by compiled code, beside those that the core mixes in."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqgen.backends.numba.backend import NumbaBackend
from seqgen.backends.numba.mixing import mixer
from seqgen.backends.numpy.backend import NumpyBackend
from seqgen.core.spec import ModelSpec
from seqgen.ngrams.counting import count_ngrams
from seqgen.ngrams.mixture import Mixture, weights_shape
from seqgen.ngrams.table import NOTHING

V = 5


def mixture_of(table, network=None, random_seed=0):
    """A mixture of any network with weights in which each case counts in its own way."""
    weights = np.random.default_rng(random_seed).uniform(0, 2, weights_shape(table.order)).astype(np.float32)
    network = network or NumpyBackend().build(ModelSpec(vocab_size=table.vocab_size, hidden_size=4))
    return Mixture(network, table, weights)


def mixed_by_the_core(mixture, logits, contexts):
    """As ``next_logits`` has it, if these are the network's logits."""
    found, _ = mixture._mixed(logits, {}, {"ngrams.context": contexts[:, :-1]}, contexts[:, -1:])
    return found


@settings(deadline=None)  # the first call compiles
@given(
    tokens=st.lists(st.integers(0, V - 1), min_size=7, max_size=60),
    order=st.integers(2, 7),
    contexts=st.lists(st.lists(st.integers(0, V - 1), max_size=6), min_size=1, max_size=6),
    random_seed=st.integers(0, 3),
)
def test_they_are_mixed_in_as_the_core_does_it(tokens, order, contexts, random_seed):
    # What has occurred, of any length, comes from the tokens themselves.
    contexts = [*contexts, *(tokens[start:stop] for start in range(2) for stop in range(start, len(tokens)))]
    contexts = np.array([[*[NOTHING] * 7, *context][-order:] for context in contexts])  # one more than counts
    mixture = mixture_of(count_ngrams(np.array(tokens), V, order), random_seed=random_seed)
    logits = np.random.default_rng(random_seed).normal(0, 5, (len(contexts), V)).astype(np.float32)
    found = mixer(mixture.tensors())(logits, contexts[:, 1:])
    np.testing.assert_allclose(found, mixed_by_the_core(mixture, logits, contexts), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("strange", [np.nan, np.inf, -np.inf, 1e38, -1e38])
def test_strange_logits_stay_as_strange_as_in_the_core(strange):
    mixture = mixture_of(count_ngrams(np.arange(60) % V, V, 3))
    logits = np.array([[0, strange, 1, -2, 3]], np.float32)
    contexts = np.array([[1, 2, 3]])
    with np.errstate(all="ignore"):
        expected = mixed_by_the_core(mixture, logits, contexts)
    found = mixer(mixture.tensors())(logits, contexts[:, 1:])
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_a_mixture_steps_and_reads_with_them(monkeypatch):
    tokens = np.random.default_rng(0).integers(0, V, 300)
    network = NumbaBackend().build(ModelSpec(vocab_size=V, hidden_size=6))
    table = count_ngrams(tokens, V, 4)
    compiled, plain = mixture_of(table, network), mixture_of(table, network)
    monkeypatch.setitem(plain.__dict__, "_mixer", None)
    assert compiled._mixer is not None
    ids = tokens[:60].reshape(3, 20)
    states = [each.initial_state(3) for each in (compiled, plain)]
    for column in ids.T:
        (found, states[0]), (expected, states[1]) = (
            each.next_logits(column, state) for each, state in zip((compiled, plain), states, strict=True)
        )
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    for steps in (20, 2):  # more and fewer than a context has
        (found, _), (expected, _) = (each.prefill(ids[:, :steps], each.initial_state(3)) for each in (compiled, plain))
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_weights_that_are_fitted_anew_count_at_once(random_batch):
    table = count_ngrams(np.random.default_rng(0).integers(0, 11, 400), 11, 3)
    mixture = mixture_of(table, NumbaBackend().build(ModelSpec(vocab_size=11, hidden_size=6)))
    state = mixture.initial_state(1)
    before, _ = mixture.next_logits(np.array([1]), state)
    assert mixture._mixer is not None
    mixture.fit(lambda: [random_batch(4, 50)])
    after, _ = mixture.next_logits(np.array([1]), state)
    assert not np.allclose(before, after)
    again = Mixture(mixture._network, table, mixture._weights)
    np.testing.assert_array_equal(again.next_logits(np.array([1]), state)[0], after)


@pytest.mark.parametrize("shape", [(1, 2), (2, 3), (2, 1)])
def test_contexts_of_other_rows_or_another_length_are_refused(shape):
    mix = mixer(mixture_of(count_ngrams(np.arange(60) % V, V, 3)).tensors())
    with pytest.raises(ValueError, match=r"The contexts have the shape .* instead of \(2, 2\)"):
        mix(np.zeros((2, V), np.float32), np.zeros(shape, np.int64))
