"""A float64 reference of the formulas in seqgen.core.canonical, the three backends, small models and batches."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from seqgen.core.canonical import initial_weights
from seqgen.core.spec import ModelSpec
from seqgen.core.types import Batch


def _make(name):
    # Imported here, so that a test of one backend waits for no other framework.
    match name:
        case "numpy":
            from seqgen.backends.numpy.backend import NumpyBackend as BackendClass
        case "torch":
            import torch

            from seqgen.backends.torch.backend import TorchBackend as BackendClass

            torch.set_num_threads(1)  # models this small have no work for more
        case "keras":
            from seqgen.backends.keras.backend import KerasBackend as BackendClass
    return BackendClass()


@pytest.fixture(scope="session", params=["numpy", "torch", "keras"])
def backend(request):
    """Each of the backends."""
    return _make(request.param)


@pytest.fixture(scope="session", params=["torch", "keras"])
def trainer(request):
    """Each of the backends that train."""
    return _make(request.param)


@pytest.fixture(scope="session")
def backends():
    """The backends by name."""
    return {name: _make(name) for name in ("numpy", "torch", "keras")}


@pytest.fixture(scope="session")
def small_spec():
    """A small model: V = 11, E = 6, H = 8, whatever is not given."""

    def spec(architecture="lstm", **shape):
        sizes = {"embedding_size": 8 if shape.get("tie_embeddings") else 6, "hidden_size": 8}
        return ModelSpec(**{"vocab_size": 11, "architecture": architecture, **sizes, **shape})

    return spec


@pytest.fixture(scope="session")
def random_weights():
    """Weights of a model in which no tensor is zero, so that each one counts."""

    def weights(spec, random_seed=0):
        noise = np.random.default_rng(random_seed)
        return {
            name: (value + noise.normal(0, 0.2 if name.endswith("bias") else 0.05, value.shape)).astype(np.float32)
            for name, value in initial_weights(spec, random_seed).items()
        }

    return weights


@pytest.fixture(scope="session")
def random_batch():
    """A batch of random inputs and targets, so that none can be guessed from another."""

    def batch(rows, steps, random_seed=0, vocab_size=11, **fields):
        inputs, targets = np.random.default_rng(random_seed).integers(0, vocab_size, (2, rows, steps), dtype=np.uint16)
        return Batch(inputs, targets, **fields)

    return batch


@pytest.fixture(scope="session")
def stream():
    """Batches that follow on one another in a sequence in which each token but one settles the next."""

    def batches(count, rows=4, steps=8, start=0):
        cycle = np.array([0, 3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 10], dtype=np.int64)
        for number in range(start, start + count):
            places = number * steps + np.arange(steps + 1) + 5 * np.arange(rows)[:, None]  # (B, T + 1)
            ids = cycle[places % len(cycle)]
            yield Batch(ids[:, :-1], ids[:, 1:], carry=number > 0)

    return batches


@pytest.fixture(scope="session")
def reference():
    """``logits(spec, weights, ids (B, T))`` (B, T, V) and ``loss(spec, weights, batch)``, in float64, from the formulas."""
    return SimpleNamespace(logits=_logits, loss=_loss)


def _logits(spec, weights, ids):
    weights = {name: np.asarray(value, dtype=np.float64) for name, value in weights.items()}
    zeros = np.zeros((ids.shape[0], spec.hidden_size))
    hidden, cell = [zeros] * spec.num_layers, [zeros] * spec.num_layers
    logits = []
    for step in range(ids.shape[1]):
        x = _input(spec, weights, ids[:, step])
        for layer in range(spec.num_layers):
            own = {k.rpartition(".")[2]: v for k, v in weights.items() if k.startswith(f"layers.{layer}.")}
            hidden[layer], cell[layer] = _CELLS[spec.architecture](x, hidden[layer], cell[layer], own)
            x = hidden[layer]
        output = weights["embedding.weight" if spec.tie_embeddings else "output.weight"]
        logits.append(x @ output.T + weights["output.bias"])
    return np.stack(logits, axis=1)


def _loss(spec, weights, batch):
    logits = _logits(spec, weights, batch.inputs)
    nats = np.log(np.exp(logits).sum(axis=-1)) - np.take_along_axis(logits, batch.targets[..., None], axis=-1)[..., 0]
    scores = np.ones(nats.shape) if batch.weights is None else batch.weights.astype(np.float64)
    if batch.last_step_only:
        nats, scores = nats[:, -1:], scores[:, -1:]
    return (nats * scores).sum() / np.count_nonzero(scores)


def _input(spec, weights, ids):
    match spec.input_encoding:
        case "embedding":
            return weights["embedding.weight"][ids]
        case "one-hot":
            return np.eye(spec.vocab_size)[ids]
        case "scalar":
            return ids[:, None] / spec.vocab_size


def _sigmoid(a):
    return 1 / (1 + np.exp(-a))


def _lstm(x, h, c, own):
    i, f, g, o = np.split(x @ own["input_weight"].T + h @ own["recurrent_weight"].T + own["bias"], 4, axis=1)
    c = _sigmoid(f) * c + _sigmoid(i) * np.tanh(g)
    return _sigmoid(o) * np.tanh(c), c


def _gru(x, h, c, own):
    input_r, input_z, input_n = np.split(x @ own["input_weight"].T + own["bias"], 3, axis=1)
    recurrent_r, recurrent_z, recurrent_n = np.split(h @ own["recurrent_weight"].T, 3, axis=1)
    r = _sigmoid(input_r + recurrent_r)
    z = _sigmoid(input_z + recurrent_z)
    n = np.tanh(input_n + r * (recurrent_n + own["recurrent_candidate_bias"]))
    return (1 - z) * n + z * h, c


def _rnn(x, h, c, own):
    return np.tanh(x @ own["input_weight"].T + h @ own["recurrent_weight"].T + own["bias"]), c


_CELLS = {"lstm": _lstm, "gru": _gru, "rnn": _rnn}
