"""The torch backend makes every tensor on the model's device and reads none back, held where there is only a CPU.

On PyTorch's ``meta`` device tensors have shapes and no values.  As on a GPU, an operation that mixes them with tensors of
the CPU is an error; and so is whatever would read a value.
"""

from __future__ import annotations

import contextlib

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from seqgen.backends.states import PARTS  # noqa: E402
from seqgen.backends.torch import loss, tokens  # noqa: E402  torch may not be there
from seqgen.backends.torch.model import TorchModel  # noqa: E402
from seqgen.backends.torch.network import copied, on_device  # noqa: E402
from seqgen.core.canonical import initial_weights  # noqa: E402
from seqgen.core.spec import ModelSpec, OptimizerSpec  # noqa: E402
from seqgen.core.types import Batch  # noqa: E402

ROWS, STEPS, H, V = 3, 2, 16, 10  # meta runs the recurrent kernels step by step in Python
IDS = np.arange(ROWS * STEPS).reshape(ROWS, STEPS) % V
MASK = (IDS % 3 > 0).astype(np.float32)

architectures = pytest.mark.parametrize("architecture", PARTS)


@pytest.fixture
def build(monkeypatch):
    """Makes a model with dropout on ``meta``, which has no generators and no autocast."""
    generator = torch.Generator()
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: contextlib.nullcontext())

    def make(*, name="adamw", **shape):
        sizes = {"vocab_size": V, "embedding_size": 8, "hidden_size": H, "architecture": "rnn"}
        spec = ModelSpec(dropout=0.3, **{**sizes, **shape})
        with monkeypatch.context() as patch:
            patch.setattr(torch, "Generator", lambda _: generator)
            return TorchModel(
                spec,
                initial_weights(spec, 0),
                device="meta",
                precision="float32",
                random_seed=0,
                optimizer=OptimizerSpec(name=name, weight_average=0.1),
            )

    return make


def on_meta(*tensors):
    return {tensor.device.type for tensor in tensors} == {"meta"}


@architectures
def test_updates(build, architecture):
    model = build(architecture=architecture, num_layers=2)
    assert on_meta(model.train_step(Batch(IDS, IDS), 1e-3), model.gradient_norm)
    assert on_meta(model.train_step(Batch(IDS, IDS, MASK, carry=True), 1e-3), model.gradient_norm)
    model.micro_batch_size = 2
    assert on_meta(model.train_step(Batch(IDS, IDS, carry=True), 1e-3), model.gradient_norm)


def test_batches_of_a_corpus_that_stays_on_the_device(build, monkeypatch):
    monkeypatch.setattr(tokens, "room", lambda _: 1 << 20)
    model, batch = build(), Batch(IDS, IDS, MASK).located(IDS.ravel(), np.arange(ROWS))
    assert on_meta(model.train_step(batch, 1e-3), model.evaluate(batch)[0])


@pytest.mark.parametrize("name", ["sgd", "rmsprop"])
def test_an_update_by_another_rule(build, name):
    assert on_meta(build(name=name).train_step(Batch(IDS, IDS), 1e-3))


@pytest.mark.parametrize(
    "shape",
    [{"tie_embeddings": True, "embedding_size": H}, {"input_encoding": "one-hot"}, {"input_encoding": "scalar"}],
    ids=["tied", "one-hot", "scalar"],
)
def test_other_ways_in_and_out(build, shape):
    model = build(**shape)
    assert on_meta(model.train_step(Batch(IDS, IDS), 1e-3), model.evaluate(Batch(IDS, IDS))[0])


def test_the_loss_in_chunks(build, monkeypatch):
    monkeypatch.setattr(loss, "LARGE", 1)
    model = build(hidden_size=V)  # with as many tokens as units, logits go in chunks
    assert on_meta(model.train_step(Batch(IDS, IDS, MASK), 1e-3), model.evaluate(Batch(IDS, IDS, MASK))[0])


@architectures
def test_evaluating_batches(build, architecture):
    model = build(architecture=architecture, num_layers=2)
    for fields in ({}, {"weights": MASK, "carry": True}, {"last_step_only": True}):
        assert on_meta(model.evaluate(Batch(IDS, IDS, **fields))[0])


@architectures
def test_reading_a_prompt_and_steps_of_generation(build, architecture):
    model = build(architecture=architecture, num_layers=2)
    logits, state = model.prefill(IDS, model.initial_state(ROWS))
    assert (tuple(logits.shape), on_meta(logits, *state.values())) == ((ROWS, V), True)
    for _ in range(2):
        logits, state = model.next_logits(IDS[:, 0], state)
        assert (tuple(logits.shape), on_meta(logits, *state.values())) == ((ROWS, V), True)
    alone, _ = model.next_logits(IDS[:1, 0], model.initial_state(1))
    assert (tuple(alone.shape), on_meta(alone)) == ((1, V), True)
    logits, state = model.forward(IDS, state)
    assert (tuple(logits.shape), on_meta(logits, *state.values())) == ((ROWS, STEPS, V), True)


def test_a_tensor_of_another_device_or_reading_a_value_is_an_error(build):
    model = build()
    elsewhere = {name: torch.zeros((ROWS, H)) for name in model.initial_state(ROWS)}
    with pytest.raises(RuntimeError, match="meta"):
        model.next_logits(IDS[:, 0], elsewhere)
    with pytest.raises(RuntimeError, match="meta"):
        float(model.evaluate(Batch(IDS, IDS))[0])
    with pytest.raises(NotImplementedError, match="meta"):
        model.weights()


@pytest.mark.parametrize(
    ("device", "waits"), [("cuda:1", False), ("cuda", False), ("mps", True), ("xpu:0", True), ("cpu", True)]
)
def test_only_cuda_may_read_an_array_after_it_was_handed_over(monkeypatch, device, waits):
    asked = []
    monkeypatch.setattr(
        torch.Tensor, "to", lambda self, where, *, non_blocking: asked.append((where, non_blocking)) or self
    )
    on_device(IDS, device)
    copied(MASK, torch.device(device))
    assert asked == [(device, not waits), (torch.device(device), not waits)]


def test_what_is_moved_is_a_copy():
    there = copied(MASK, "cpu")
    assert (there.dtype, on_device(IDS.astype(np.uint8), "cpu").dtype) == (torch.float32, torch.int64)
    there += 1
    assert MASK.max() == 1
