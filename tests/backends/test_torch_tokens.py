"""A batch reads its ids from a copy of its corpus on the device, where that fits: the same ids, and none are copied for each step."""

from __future__ import annotations

import dataclasses
import gc
import pickle
import weakref

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from seqgen.backends.torch import model as torch_model  # noqa: E402  torch may not be there
from seqgen.backends.torch import tokens as module  # noqa: E402
from seqgen.backends.torch.model import TorchModel  # noqa: E402
from seqgen.backends.torch.tokens import TokensOnDevice, room  # noqa: E402
from seqgen.core.canonical import initial_weights  # noqa: E402
from seqgen.core.spec import ModelSpec, OptimizerSpec  # noqa: E402
from seqgen.core.types import Batch  # noqa: E402

V = 11


@pytest.fixture(scope="module", autouse=True)
def plenty():
    """Room on every device, as there is on a GPU."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "room", lambda _: 1 << 20)
        yield


def corpus(size, dtype=np.uint8, below=V):
    tokens = np.random.default_rng(size).integers(0, below, size).astype(dtype)
    tokens.flags.writeable = False
    return tokens


def located(tokens, first, steps, **fields):
    """A batch of a corpus."""
    ids = tokens[np.clip(np.array(first)[:, None] + np.arange(steps + 1), 0, tokens.size - 1)]
    batch = Batch(ids[:, :-1].astype(np.int64), ids[:, 1:].astype(np.int64), **fields)
    return batch.located(tokens, np.array(first, np.int64))


def blind(batch):
    """The same batch with other ids than its corpus has there."""
    return dataclasses.replace(batch, inputs=np.zeros_like(batch.inputs), targets=np.zeros_like(batch.targets)).located(
        batch.origin.tokens, batch.origin.first
    )


@given(
    size=st.integers(2, 60),
    dtype=st.sampled_from(["<u1", "<u2", "<u4", "<i8"]),
    first=st.lists(st.integers(-5, 65), min_size=1, max_size=5),
    steps=st.integers(1, 9),
    data=st.data(),
)
def test_ids_are_those_of_the_batch_also_of_a_part_of_its_rows(size, dtype, first, steps, data):
    below = 100 if dtype == "<u1" else 50_000
    batch = located(corpus(size, dtype, below), first, steps)
    rows = slice(data.draw(st.integers(0, len(first) - 1)), len(first))
    on_device = TokensOnDevice("cpu")
    for each in (batch, batch.rows(rows)):
        inputs, targets = on_device.of(blind(each))
        assert (inputs.dtype, targets.dtype) == (torch.int64, torch.int64)
        np.testing.assert_array_equal(inputs.T, each.inputs)
        np.testing.assert_array_equal(targets.T, each.targets)


def test_each_part_of_a_corpus_is_copied_once(monkeypatch):
    training, held_out = corpus(40), corpus(20)
    sizes = []
    moved = module._moved
    monkeypatch.setattr(module, "_moved", lambda tokens, *how: sizes.append(tokens.size) or moved(tokens, *how))
    on_device = TokensOnDevice("cpu")
    for tokens in (training, held_out, training, held_out):
        on_device.of(located(tokens, [0, 5], 4))
    assert sizes == [40, 20]


def test_a_large_corpus_is_moved_in_pieces(monkeypatch):
    monkeypatch.setattr(module, "_BLOCK", 7)
    batch = located(corpus(40), [0, 20], 19)
    np.testing.assert_array_equal(TokensOnDevice("cpu").of(blind(batch))[0].T, batch.inputs)


def read_there(on_device, tokens):
    """Whether a batch of a corpus is read from a copy of it."""
    batch = located(tokens, [0], len(tokens) - 1)
    inputs, _ = on_device.of(blind(batch))
    return np.array_equal(inputs.T, batch.inputs)


def test_a_corpus_that_does_not_fit_is_not_copied_and_its_batches_are(monkeypatch):
    monkeypatch.setattr(module, "room", lambda _: 100)
    on_device, corpora = TokensOnDevice("cpu"), [corpus(60), corpus(101), corpus(40), corpus(3)]
    assert [read_there(on_device, tokens) for tokens in corpora] == [True, False, True, False]


@pytest.mark.parametrize("size", [60, 101], ids=["that is copied", "that does not fit"])
def test_a_corpus_is_kept_in_memory_by_no_model_and_its_copy_gives_its_room_back(monkeypatch, size):
    monkeypatch.setattr(module, "room", lambda _: 100)
    on_device, tokens = TokensOnDevice("cpu"), corpus(size)
    gone = weakref.ref(tokens)
    read_there(on_device, tokens)
    del tokens
    gc.collect()
    assert gone() is None
    assert read_there(on_device, corpus(99))


def test_a_model_that_is_gone_leaves_no_copy(monkeypatch):
    copies = []
    moved = module._moved

    def watched(*what):
        copy = moved(*what)
        copies.append(weakref.ref(copy))
        return copy

    monkeypatch.setattr(module, "_moved", watched)
    on_device, tokens = TokensOnDevice("cpu"), corpus(40)
    read_there(on_device, tokens)
    assert copies[0]() is not None
    del on_device
    gc.collect()
    assert copies[0]() is None


def test_a_batch_that_was_changed_is_read_as_it_is_now():
    batch = dataclasses.replace(located(corpus(40), [3], 4), inputs=np.full((1, 4), 7))
    assert TokensOnDevice("cpu").of(batch)[0].tolist() == [[7]] * 4


def test_a_batch_that_goes_to_another_process_leaves_its_corpus_here():
    batch = located(corpus(4000), [3], 4)
    there = pickle.loads(pickle.dumps(batch))
    assert (there.origin, batch.origin.tokens.size) == (None, 4000)
    np.testing.assert_array_equal(there.inputs, batch.inputs)


def test_there_is_room_on_a_gpu_for_a_tenth_of_what_is_free_and_a_gigabyte_at_most(monkeypatch):
    free = {"cuda:0": 10_000, "cuda:1": 80 << 30}
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (free[device], 96 << 30))
    assert [room(device) for device in ("cuda:0", "cuda:1", "cpu", "mps", "xpu:0")] == [1000, 1 << 30, 0, 0, 0]


def model(device="cpu", architecture="lstm"):
    spec = ModelSpec(vocab_size=V, embedding_size=4, hidden_size=8, dropout=0.2, architecture=architecture)
    weights, optimizer = initial_weights(spec, 0), OptimizerSpec()
    return TorchModel(spec, weights, device=device, precision="float32", random_seed=0, optimizer=optimizer)


def test_training_and_evaluation_give_the_same_bits_with_it():
    tokens, mask = corpus(60), np.array([[1, 1, 0, 1], [1, 0, 1, 1], [0, 0, 1, 1]], np.float32)
    batches = [
        located(tokens, [0, 20, 40], 4),
        located(tokens, [4, 24, 44], 4, weights=mask, carry=True),
        located(tokens, [8, 28, 48], 4, last_step_only=True),
    ]
    found = []
    for turn in (dataclasses.replace, blind):
        one = model()
        one.micro_batch_size = 2
        evaluated = [float(one.evaluate(turn(batch))[0]) for batch in batches]  # first: in inference mode
        found.append((evaluated, [float(one.train_step(turn(batch), 0.01)) for batch in batches]))
    assert found[0] == found[1]


def test_a_step_copies_the_places_of_its_rows_and_no_ids(monkeypatch):
    copied = []
    on_device = module.on_device
    for place in (module, torch_model):
        monkeypatch.setattr(place, "on_device", lambda ids, device: copied.append(ids.shape) or on_device(ids, device))
    one, tokens = model(), corpus(60)
    for carry in (False, True):
        one.train_step(located(tokens, [0, 20, 40], 4, carry=carry), 0.01)
        one.evaluate(located(tokens, [0, 20, 40], 4, carry=carry))
    assert copied == [(3,)] * 4
