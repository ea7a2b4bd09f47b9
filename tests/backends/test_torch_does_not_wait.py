"""A batch that the torch backend trains on, or is evaluated on, asks the device for nothing: each answer would empty its queue."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch.utils._python_dispatch import TorchDispatchMode  # noqa: E402  torch may not be there

from seqgen.backends.torch import tokens  # noqa: E402
from seqgen.core.catalog import load_catalog  # noqa: E402
from seqgen.core.spec import ModelSpec, OptimizerSpec  # noqa: E402
from seqgen.core.types import Batch  # noqa: E402

WAITING = ("aten._local_scalar_dense", "aten.item", "aten.nonzero", "aten.equal", "aten.is_nonzero")
"""Operations that give a value to Python, or a shape that depends on values."""


class Recorder(TorchDispatchMode):
    """Names of all operations that reach the device."""

    def __init__(self):
        super().__init__()
        self.names = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.names.append(str(function))
        return function(*args, **(kwargs or {}))


def asked(action):
    """The operations of an action that wait for the device."""
    with Recorder() as recorder:
        action()
    assert len(recorder.names) > 0
    return [name for name in recorder.names if name.startswith(WAITING)]


def batch(weights=None):
    rows = np.arange(20).reshape(4, 5) % 7
    return Batch(rows, rows, weights, carry=True)


@pytest.fixture(params=["lstm", "gru", "rnn"])
def model(request):
    spec = ModelSpec(
        vocab_size=7, embedding_size=4, hidden_size=8, num_layers=2, dropout=0.2, architecture=request.param
    )
    return load_catalog().make("backend", "torch").build(spec, device="cpu", optimizer=OptimizerSpec())


@pytest.mark.parametrize("weights", [None, np.ones((4, 5), np.float32)], ids=["all scored", "padded"])
def test_a_training_step_reads_nothing_from_the_device(model, weights):
    model.train_step(batch(weights), 1e-3)  # the optimiser's first step makes its moments
    assert asked(lambda: model.train_step(batch(weights), 1e-3)) == []


def test_nor_does_one_that_reads_its_ids_from_a_corpus_on_the_device(model, monkeypatch):
    monkeypatch.setattr(tokens, "room", lambda _: 1 << 20)
    located = batch().located(np.arange(40, dtype=np.uint8) % 7, np.array([0, 7, 14, 21]))
    model.train_step(located, 1e-3)
    assert asked(lambda: model.train_step(located, 1e-3)) == []
    assert asked(lambda: model.evaluate(located)) == []


@pytest.mark.parametrize("weights", [None, np.ones((4, 5), np.float32)], ids=["all scored", "padded"])
def test_nor_does_evaluating_a_batch(model, weights):
    assert asked(lambda: model.evaluate(batch(weights))) == []


def test_reading_what_they_give_does(model):
    loss = model.train_step(batch(), 1e-3)
    nats, _ = model.evaluate(batch())
    assert asked(lambda: float(loss)) == ["aten._local_scalar_dense.default"]
    assert asked(lambda: float(nats)) == ["aten.item.default"]


@pytest.mark.parametrize("weights", [None, np.ones((8, 100), np.float32)], ids=["all scored", "padded"])
def test_nor_does_one_with_a_vocabulary_so_large_that_the_loss_goes_in_chunks(weights):
    spec = ModelSpec(vocab_size=8192, embedding_size=4, hidden_size=4)
    model = load_catalog().make("backend", "torch").build(spec, device="cpu", optimizer=OptimizerSpec())
    rows = np.arange(800).reshape(8, 100)
    batch = Batch(rows, rows, weights, carry=True)
    model.train_step(batch, 1e-3)
    assert asked(lambda: model.train_step(batch, 1e-3)) == []
