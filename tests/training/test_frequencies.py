"""How often each token occurs, and what a fresh model takes from that."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from seqgen.backends.numpy.backend import NumpyBackend
from seqgen.core.canonical import initial_weights
from seqgen.core.spec import ModelSpec
from seqgen.core.types import Batch
from seqgen.training.frequencies import fresh_loss, fresh_weights, token_counts, token_entropy
from seqgen.training.options import TrainingOptions

SPEC = ModelSpec(vocab_size=5, embedding_size=4, hidden_size=8)
OPTIONS = TrainingOptions(output_bias="frequencies", random_seed=3)


def test_tokens_are_counted_those_that_do_not_occur_too():
    assert token_counts(np.array([3, 0, 3, 3], np.uint8), 5).tolist() == [1, 0, 0, 3, 0]
    assert token_counts(np.array([], np.uint8), 3).tolist() == [0, 0, 0]


def test_of_a_long_corpus_only_a_part_is_counted_from_all_over_it():
    counts = token_counts(np.repeat(np.array([0, 1], np.uint8), 5000), 2, most=100)
    assert counts.sum() < 1000
    assert counts[0] == pytest.approx(counts[1], rel=0.05)


def test_the_entropy_of_tokens_is_that_of_their_frequencies():
    assert token_entropy(np.array([1, 1, 1, 1])) == pytest.approx(math.log(4))
    assert token_entropy(np.array([3, 0, 1])) == pytest.approx(-0.75 * math.log(0.75) - 0.25 * math.log(0.25))
    assert str(token_entropy(np.array([5]))) == "0.0"  # and not -0.0
    assert token_entropy(np.array([0, 0])) == 0


def test_a_fresh_model_gives_about_the_frequencies_before_it_has_learned_anything():
    tokens = np.repeat(np.arange(5), [700, 200, 90, 9, 0])
    model = NumpyBackend().build(SPEC, weights=fresh_weights(SPEC, OPTIONS, tokens))
    logits, _ = model.next_logits(np.arange(5), model.initial_state(5))
    expected = np.log(np.array([701, 201, 91, 10, 1]) / 1004)
    np.testing.assert_allclose(logits, np.tile(expected, (5, 1)), atol=1)


@pytest.mark.parametrize("architecture", ["lstm", "gru", "rnn"])
def test_all_other_weights_are_the_initial_ones(architecture):
    spec = ModelSpec(vocab_size=5, embedding_size=4, hidden_size=8, architecture=architecture)
    fresh, initial = fresh_weights(spec, OPTIONS, np.array([0, 1, 1])), initial_weights(spec, 3)
    assert fresh is not None
    assert [name for name in initial if not np.array_equal(fresh[name], initial[name])] == ["output.bias"]
    assert {value.dtype for value in fresh.values()} == {np.dtype(np.float32)}


@pytest.mark.parametrize(("output_bias", "least"), [("frequencies", 0.5), ("zero", 0.9)])
@pytest.mark.parametrize("architecture", ["lstm", "gru", "rnn"])
def test_no_fresh_model_begins_far_above_what_is_said(architecture, output_bias, least):
    spec = ModelSpec(vocab_size=40, embedding_size=16, hidden_size=32, architecture=architecture)
    tokens = np.random.default_rng(0).permutation(np.repeat(np.arange(40), 1 + 100 // np.arange(1, 41)))
    weights = fresh_weights(spec, replace(OPTIONS, output_bias=output_bias), tokens)
    model = NumpyBackend().build(spec, random_seed=3, weights=weights)
    nats, count = model.evaluate(Batch(tokens[None, :-1], tokens[None, 1:]))
    assert least < nats / count / fresh_loss(spec) < 1.1


def test_with_which_loss_another_architecture_begins_its_backend_decides():
    assert fresh_loss(ModelSpec(vocab_size=5, architecture="transformer")) == math.inf


def test_an_architecture_of_a_backend_s_own_and_biases_of_zero_are_left_to_the_backend():
    assert fresh_weights(ModelSpec(vocab_size=5, architecture="transformer"), OPTIONS, np.arange(5)) is None
    assert fresh_weights(SPEC, replace(OPTIONS, output_bias="zero"), np.arange(5)) is None
