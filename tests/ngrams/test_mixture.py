"""A network mixed with n-grams is a model like any other: of its laws, those of generating and of evaluating."""

from __future__ import annotations

import dataclasses
import gc
import weakref

import numpy as np
import pytest
from safetensors.numpy import load, save

from seqgen.backends.numpy.backend import NumpyBackend
from seqgen.core.canonical import initial_weights
from seqgen.core.errors import DamagedModelError
from seqgen.core.spec import ModelSpec
from seqgen.core.types import Batch
from seqgen.data.batching import make_batching
from seqgen.data.store import Part
from seqgen.generation.batch import take
from seqgen.ngrams import mixture as mixture_module
from seqgen.ngrams import weighing
from seqgen.ngrams.counting import count_ngrams
from seqgen.ngrams.mixture import Mixture
from seqgen.ngrams.table import NOTHING
from seqgen.ngrams.weighing import settle

V, ORDER = 7, 4
SPEC = ModelSpec(vocab_size=V, embedding_size=4, hidden_size=6)
SHAPE = (ORDER, 2, 2)  # by the length of the longest known context, by whether it has several followers
WEIGHTS = np.linspace(0.2, 1.5, np.prod(SHAPE), dtype=np.float32).reshape(SHAPE)
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
    return Mixture(network_of(), count_ngrams(IDS, V, ORDER), WEIGHTS)


def probabilities(logits):
    exponentials = np.exp(np.asarray(logits, np.float64))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


@pytest.mark.parametrize("steps", [1, 2, 10, 11, 12, 13])
def test_the_logarithms_of_both_are_weighed_by_what_each_rests_on(mixture, steps):
    network, table = network_of(), count_ngrams(IDS, V, ORDER)
    prompt = IDS[None, :steps]
    logits, _ = mixture.prefill(prompt, mixture.initial_state(1))
    of_network = probabilities(network.prefill(prompt, network.initial_state(1))[0])[0]
    context = np.concatenate([np.full(ORDER - 1, NOTHING), prompt[0]])[-ORDER + 1 :]
    of_ngrams = table.after(context[None]).probabilities[0]
    text = IDS.tolist()
    for length in range(min(steps, ORDER - 1), -1, -1):
        end = text[steps - length : steps]
        followers = {text[at + length] for at in range(len(text) - length) if text[at : at + length] == end}
        if followers:
            break
    own, other = WEIGHTS[length, int(len(followers) > 1)]
    expected = of_network**own * of_ngrams**other
    np.testing.assert_allclose(probabilities(logits)[0], expected / expected.sum(), rtol=1e-4)


@pytest.mark.parametrize("name", ["torch", "keras"])
def test_every_backend_mixes_alike(mixture, name):
    other = Mixture(network_of(name), count_ngrams(IDS, V, ORDER), WEIGHTS)
    ids = IDS.reshape(8, 50)
    ours, _ = mixture.prefill(ids, mixture.initial_state(8))
    theirs, state = other.prefill(ids, other.initial_state(8))
    np.testing.assert_allclose(theirs, ours, atol=1e-5)
    stepped, _ = other.next_logits(ids[:, 0], state)
    assert stepped.shape == (8, V)


def test_with_the_last_reference_a_mixture_and_its_network_go_whose_weights_may_be_a_mapped_file():
    mixture = Mixture(network_of(), count_ngrams(IDS, V, ORDER), WEIGHTS)
    mixture.prefill(IDS[None, :5], mixture.initial_state(1))  # of one text, of which something is remembered
    mixture.next_logits(IDS[:2], mixture.initial_state(2))
    left = [weakref.ref(mixture), weakref.ref(mixture._network)]
    collecting = gc.isenabled()
    gc.disable()
    try:
        del mixture
        assert [reference() for reference in left] == [None, None]
    finally:
        if collecting:
            gc.enable()


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
    logits, _ = mixture.next_logits(np.array([3]), state)
    for name, array in state.items():
        np.testing.assert_array_equal(array, before[name])
    np.testing.assert_array_equal(mixture.next_logits(np.array([3]), state)[0], logits)


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


@pytest.mark.parametrize("rows", [1, 3])
def test_a_network_gone_wild_gives_logits_all_the_same(mixture, rows):
    network = network_of()
    weights = network.weights()
    weights["output.bias"] = np.where(np.arange(V) % 2, 3e38, -3e38).astype(np.float32)
    network.load_weights(weights)
    for own in (0.0, 4.0):
        wild = Mixture(network, count_ngrams(IDS, V, ORDER), np.full(SHAPE, own, np.float32))
        logits, _ = wild.prefill(IDS[: 5 * rows].reshape(rows, 5), wild.initial_state(rows))
        assert np.isfinite(logits).all()


def fitted(mixture, *batches):
    return mixture.fit(lambda: iter(batches)).loss


def test_fitted_weights_are_better_than_any_others(mixture, monkeypatch):
    monkeypatch.setattr(weighing, "_PRIOR", 1e-3)
    ids = np.tile(IDS, 30)
    batch = Batch(ids[None, :-1], ids[None, 1:])
    loss = fitted(mixture, batch)
    weights = mixture.tensors()["weights"]
    nats, scored = mixture.evaluate(batch)
    assert loss == pytest.approx(nats / scored, rel=1e-5)
    met = np.argwhere(weights != weights[0, 0])
    assert len(met) > 4
    for place in map(tuple, met):
        for step in (-0.2, 0.2):
            others = weights.copy()
            others[place] = np.clip(others[place] + step, 0, 4)
            moved = Mixture(network_of(), count_ngrams(IDS, V, ORDER), others)
            assert moved.evaluate(batch)[0] / scored >= loss - 1e-4


def test_what_n_grams_know_by_heart_is_left_to_them(mixture):
    fitted(mixture, Batch(np.tile(IDS, 30)[None, :-1], np.tile(IDS, 30)[None, 1:]))
    weights = mixture.tensors()["weights"]
    network, ngrams = weights[ORDER - 1, 0]  # of the longest contexts that always had the same follower
    assert ngrams > 2 * network


def test_cases_that_are_not_met_have_the_weights_of_all_together(mixture):
    fitted(mixture, Batch(IDS[None, :-1], IDS[None, 1:]))
    weights = mixture.tensors()["weights"]
    never, once = weights[0]  # after nothing more than one token may follow, and nothing stands before one token only
    np.testing.assert_allclose(never, once, atol=0.05)
    assert (never > 0).all()


def test_what_is_not_scored_does_not_count_in_the_fit(mixture):
    batch = Batch(IDS[None, :-1], IDS[None, 1:], weights=np.zeros((1, 399), np.float32))
    assert fitted(mixture, batch) == 0
    half = dataclasses.replace(batch, weights=np.r_[np.ones(200), np.zeros(199)].astype(np.float32)[None])
    alone = Batch(IDS[None, :200], IDS[None, 1:201])
    assert fitted(mixture, half) == pytest.approx(fitted(mixture, alone), rel=1e-5)


def test_of_more_than_fits_into_memory_some_are_fitted_to_and_all_are_scored(mixture, monkeypatch):
    monkeypatch.setattr(weighing, "_PRIOR", 1.0)  # a third of the text alone would tell something else
    batches = [Batch(IDS[None, start : start + 99], IDS[None, start + 1 : start + 100]) for start in (0, 100, 200)]
    whole = fitted(mixture, *batches)
    held = []
    monkeypatch.setattr(mixture_module, "_FITTED", 100 * V)
    monkeypatch.setattr(mixture_module, "settle", lambda scored, cases: held.extend(scored) or settle(scored, cases))
    loss = fitted(mixture, *batches)
    assert sum(len(scored.targets) for scored in held) == pytest.approx(99, abs=30)
    nats = sum(mixture.evaluate(batch)[0] for batch in batches)
    assert loss == pytest.approx(nats / 297, rel=1e-5)
    assert loss == pytest.approx(whole, rel=0.05)


def test_what_is_fitted_to_comes_from_all_over_whatever_the_sizes(mixture, monkeypatch):
    rows, steps = 8, 32
    ids = np.resize(IDS, (rows, steps + 1))
    place = np.arange(1, rows * steps + 1, dtype=np.float32).reshape(
        rows, steps
    )  # as a weight, by which it is known again
    held = []
    monkeypatch.setattr(mixture_module, "_FITTED", 8 * rows * V)  # one in each 32
    monkeypatch.setattr(mixture_module, "settle", lambda scored, cases: held.extend(scored) or settle(scored, cases))
    fitted(mixture, *[Batch(ids[:, :-1], ids[:, 1:], weights=place)] * 8)
    row, step = np.divmod(np.concatenate([scored.counts for scored in held]) - 1, steps)
    assert len(set(row)) > 5
    assert len(set(step)) > 16


@pytest.mark.parametrize("mode", ["stream", "documents", "windows"])
def test_what_is_unseen_is_each_half_of_the_text_by_the_weights_fitted_to_the_other(mixture, mode):
    part = Part(IDS.astype(np.uint8), np.array([0, 30, 180, 250, 400]), np.arange(4, dtype=np.uint64), has_ends=False)
    read = make_batching(mode, part, seq_len=16, batch_size=3, random_seed=0, for_evaluation=True)
    batches = [read.batch(0, step) for step in range(read.steps_per_epoch)]
    loss, unseen = mixture.fit(lambda: batches)

    def places(batch):
        steps = np.arange(batch.targets.shape[1])
        scored = np.ones(batch.targets.shape) if batch.weights is None else batch.weights
        return batch.origin.first[:, None] + steps, scored * (not batch.last_step_only or steps == steps[-1])

    middle = np.median(np.concatenate([where[scored > 0] for where, scored in map(places, batches)]))
    halves = []
    for second in (False, True):
        inside = [scored * ((where >= middle) == second) for where, scored in map(places, batches)]
        halves.append(
            [
                dataclasses.replace(batch, weights=weights.astype(np.float32), last_step_only=False)
                for batch, weights in zip(batches, inside, strict=True)
            ]
        )
    nats = 0.0
    for half, other in (halves, halves[::-1]):
        mixture.fit(lambda half=half: half)
        nats += sum(mixture.evaluate(batch)[0] for batch in other)
    assert unseen == pytest.approx(nats / read.targets, rel=1e-5)
    assert unseen > loss


@pytest.mark.parametrize("name", ["CROSSED", "_FITTED"])
def test_of_more_than_is_fitted_to_in_halves_all_counts_as_unseen(mixture, monkeypatch, name):
    batch = Batch(IDS[None, :-1], IDS[None, 1:])
    loss, unseen = mixture.fit(lambda: [batch])
    assert unseen > loss
    monkeypatch.setattr(mixture_module, name, 399)
    loss, unseen = mixture.fit(lambda: [batch])
    assert unseen == loss


def test_of_windows_the_last_step_alone_is_computed(mixture, monkeypatch):
    windows = np.lib.stride_tricks.sliding_window_view(IDS, 21)
    batch = Batch(windows[:, :-1], windows[:, 1:], last_step_only=True)
    expected = mixture.evaluate(batch)[0]

    def refuse(*_):
        raise AssertionError

    monkeypatch.setattr(mixture._network, "forward", refuse)
    assert mixture.evaluate(batch)[0] == expected


def test_places_that_are_not_scored_are_not_held(mixture, monkeypatch):
    held = []
    monkeypatch.setattr(mixture_module, "settle", lambda scored, cases: held.extend(scored) or settle(scored, cases))
    windows = np.lib.stride_tricks.sliding_window_view(IDS, 21)
    fitted(mixture, Batch(windows[:, :-1], windows[:, 1:], last_step_only=True))
    assert sum(len(scored.targets) for scored in held) == len(windows)


def test_a_mixture_comes_back_from_its_file(mixture):
    read = Mixture.of(network_of(), load(save(mixture.tensors())), where="m:1")
    ids = IDS.reshape(8, 50)
    (found, after), (expected, before) = (each.prefill(ids, each.initial_state(8)) for each in (read, mixture))
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_equal(dict(after), dict(before))


@pytest.mark.parametrize(
    "weights", [None, WEIGHTS * 4, -WEIGHTS, WEIGHTS * np.float32("nan"), WEIGHTS[:-1], WEIGHTS.astype(np.float64)]
)
def test_weights_that_are_none_are_refused(mixture, weights):
    tensors = mixture.tensors()
    del tensors["weights"]
    if weights is not None:
        tensors["weights"] = weights
    with pytest.raises(DamagedModelError, match='m:1: "weights" are not those of a mixture'):
        Mixture.of(network_of(), tensors, where="m:1")
