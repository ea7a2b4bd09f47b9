"""A network mixed with n-grams is a model like any other: of its laws, those of generating and of evaluating."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from safetensors.numpy import load, save

from seqgen.backends.numpy.backend import NumpyBackend
from seqgen.core.canonical import initial_weights
from seqgen.core.errors import DamagedModelError
from seqgen.core.spec import ModelSpec
from seqgen.core.types import Batch
from seqgen.generation.batch import take
from seqgen.ngrams.counting import count_ngrams
from seqgen.ngrams.mixture import Mixture

V, ORDER = 7, 4
SPEC = ModelSpec(vocab_size=V, embedding_size=4, hidden_size=6)
LEVELS = 10
SHARES = np.linspace(0.9, 0.2, LEVELS * LEVELS, dtype=np.float32).reshape(LEVELS, LEVELS)
IDS = np.random.default_rng(3).integers(0, V, 400)


def network_of(name="numpy"):
    if name == "torch":
        pytest.importorskip("torch")
        from seqgen.backends.torch.backend import TorchBackend

        backend = TorchBackend()
    elif name == "keras":
        pytest.importorskip("keras")
        from seqgen.backends.keras.backend import KerasBackend

        backend = KerasBackend()
    else:
        backend = NumpyBackend()
    return backend.build(SPEC, device="cpu", weights=initial_weights(SPEC, 1))


@pytest.fixture
def mixture():
    return Mixture(network_of(), count_ngrams(IDS, V, ORDER), SHARES)


def probabilities(logits):
    exponentials = np.exp(np.asarray(logits, np.float64))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def level(probabilities):
    """How many of these the chance reaches that two draws are the same."""
    return sum((probabilities**2).sum() >= least for least in (0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.65, 0.8, 0.95))


@pytest.mark.parametrize("steps", [10, 11, 12, 13])
def test_the_probabilities_are_the_shares_of_both_by_how_sure_each_is(mixture, steps):
    network, table = network_of(), count_ngrams(IDS, V, ORDER)
    prompt = IDS[None, :steps]
    logits, _ = mixture.prefill(prompt, mixture.initial_state(1))
    of_network = probabilities(network.prefill(prompt, network.initial_state(1))[0])
    of_ngrams = table.probabilities(prompt[:, -ORDER + 1 :])
    share = SHARES[level(of_network), level(of_ngrams)]
    np.testing.assert_allclose(np.exp(logits), share * of_network + (1 - share) * of_ngrams, rtol=1e-5)


@pytest.mark.parametrize("name", ["torch", "keras"])
def test_every_backend_mixes_alike(mixture, name):
    other = Mixture(network_of(name), count_ngrams(IDS, V, ORDER), SHARES)
    ids = IDS.reshape(8, 50)
    ours, _ = mixture.prefill(ids, mixture.initial_state(8))
    theirs, state = other.prefill(ids, other.initial_state(8))
    np.testing.assert_allclose(theirs, ours, atol=1e-5)
    stepped, _ = other.next_logits(ids[:, 0], state)
    assert stepped.shape == (8, V)


def test_reading_at_once_is_stepping(mixture):
    ids = IDS.reshape(4, 100)[:, :20]
    at_once, after = mixture.prefill(ids, mixture.initial_state(4))
    state = mixture.initial_state(4)
    for step in range(ids.shape[1]):
        stepped, state = mixture.next_logits(ids[:, step], state)
    np.testing.assert_allclose(stepped, at_once, atol=1e-5)
    for name, array in after.items():
        np.testing.assert_allclose(state[name], array, atol=1e-5, err_msg=name)


def test_a_row_alone_gives_what_it_gives_among_others(mixture):
    ids = IDS.reshape(4, 100)[:, :9]
    logits, state = mixture.prefill(ids, mixture.initial_state(4))
    alone, _ = mixture.prefill(ids[2:3], mixture.initial_state(1))
    np.testing.assert_allclose(alone[0], logits[2], atol=1e-5)
    after, _ = mixture.next_logits(np.array([1]), take(state, np.array([2])))
    np.testing.assert_allclose(after[0], mixture.next_logits(np.full(4, 1), state)[0][2], atol=1e-5)


def test_stepping_modifies_nothing_handed_in(mixture):
    _, state = mixture.prefill(IDS[None, :5], mixture.initial_state(1))
    before = {name: array.copy() for name, array in state.items()}
    mixture.next_logits(np.array([3]), state)
    for name, array in state.items():
        np.testing.assert_array_equal(array, before[name])


@pytest.mark.parametrize("how", [{}, {"last_step_only": True}, {"weights": np.tri(4, 20, dtype=np.float32)}])
def test_evaluation_sums_the_nats_of_stepping(mixture, how):
    ids = IDS.reshape(4, 100)
    first, second = (
        Batch(ids[:, start : start + 20], ids[:, start + 1 : start + 21], carry=start > 0, **how) for start in (0, 20)
    )
    state, expected = mixture.initial_state(4), 0.0
    for number, batch in enumerate((first, second)):
        weights = np.ones((4, 20)) if batch.weights is None else batch.weights
        if batch.last_step_only:
            weights = np.eye(1, 20, 19)
        nats = np.zeros((4, 20))
        for step in range(20):
            logits, state = mixture.next_logits(batch.inputs[:, step], state)
            nats[:, step] = -np.log(probabilities(logits)[np.arange(4), batch.targets[:, step]])
        expected = float((nats * weights).sum())
        found, scored = mixture.evaluate(batch)
        assert (found, scored) == (pytest.approx(expected, rel=1e-5), batch.scored), number


def test_fitted_shares_are_better_than_any_others(mixture):
    ids = np.tile(IDS, 10)
    batch = Batch(ids[None, :-1], ids[None, 1:])  # what was counted: n-grams know it by heart
    loss = mixture.fit([batch])
    shares = mixture.tensors()["network_shares"]
    nats, scored = mixture.evaluate(batch)
    assert loss == pytest.approx(nats / scored, rel=1e-5)
    for place in zip(*np.nonzero(shares != shares[-1, 0]), strict=True):  # the levels that are met
        for step in (-0.05, 0.05):
            others = shares.copy()
            others[place] = np.clip(others[place] + step, 0, 1)
            moved = Mixture(network_of(), count_ngrams(IDS, V, ORDER), others)
            assert moved.evaluate(batch)[0] / scored >= loss - 1e-4
    assert shares[0, -1] < 0.1


def test_levels_that_are_not_met_have_the_share_of_all_together(mixture):
    mixture.fit([Batch(IDS[None, :-1], IDS[None, 1:])])
    shares = mixture.tensors()["network_shares"]
    never = shares[-1]  # a network that has not trained is never that sure
    np.testing.assert_allclose(never, never[0])
    assert 0 < never[0] < 0.5


def test_what_is_not_scored_does_not_count_in_the_fit(mixture):
    batch = Batch(IDS[None, :-1], IDS[None, 1:], weights=np.zeros((1, 399), np.float32))
    assert mixture.fit([batch]) == 0
    half = dataclasses.replace(batch, weights=np.r_[np.ones(200), np.zeros(199)].astype(np.float32)[None])
    alone = Batch(IDS[None, :200], IDS[None, 1:201])
    assert mixture.fit([half]) == pytest.approx(mixture.fit([alone]), rel=1e-6)


def test_a_mixture_comes_back_from_its_file(mixture):
    read = Mixture.of(network_of(), load(save(mixture.tensors())), where="m:1")
    ids = IDS.reshape(8, 50)
    for ours, theirs in zip(
        read.prefill(ids, read.initial_state(8)), mixture.prefill(ids, mixture.initial_state(8)), strict=True
    ):
        np.testing.assert_equal(ours, theirs)


@pytest.mark.parametrize(
    "shares", [None, SHARES * 2, SHARES - 1, SHARES * np.float32("nan"), SHARES[:-1], SHARES.astype(np.float64)]
)
def test_shares_that_are_none_are_refused(mixture, shares):
    tensors = mixture.tensors()
    del tensors["network_shares"]
    if shares is not None:
        tensors["network_shares"] = shares
    with pytest.raises(DamagedModelError, match='m:1: "network_shares" are no shares'):
        Mixture.of(network_of(), tensors, where="m:1")
