"""The formulas of :mod:`seqgen.core.canonical` in float64, step by step and as plainly as they stand there.

    logits = reference.logits(spec, weights, ids)      # (B, T) -> (B, T, V)
    loss = reference.loss(spec, weights, batch)        # mean nats per scored target

Slow, and nothing but NumPy: what every backend is held against.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from seqgen.core.spec import ModelSpec, OptimizerSpec
from seqgen.core.types import Batch, Ids

Floats: TypeAlias = npt.NDArray[np.float64]
Parts: TypeAlias = tuple[Floats, ...]
"""What a layer carries, (B, H) each: h and, for lstm, c."""


def logits(spec: ModelSpec, weights: Mapping[str, npt.NDArray[Any]], ids: Ids) -> Floats:
    """The logits (B, T, V) after each of the ids (B, T), from the initial state, with canonical weights."""
    exact = {name: np.asarray(value, np.float64) for name, value in weights.items()}
    layers = [_of_layer(exact, number) for number in range(spec.num_layers)]
    zeros = np.zeros((ids.shape[0], spec.hidden_size))
    carried: list[Parts] = [(zeros, zeros)[: 2 if spec.architecture == "lstm" else 1] for _ in layers]
    output_weight = exact["embedding.weight" if spec.tie_embeddings else "output.weight"]
    steps = []
    for column in ids.T:
        x = _input(spec, exact, column)  # (B, in)
        for number, layer in enumerate(layers):
            carried[number] = _CELLS[spec.architecture](x, carried[number], layer)
            x = carried[number][0]  # (B, H)
        steps.append(x @ output_weight.T + exact["output.bias"])
    return np.stack(steps, axis=1)


def loss(spec: ModelSpec, weights: Mapping[str, npt.NDArray[Any]], batch: Batch) -> float:
    """Mean nats per scored target of a batch, read from the initial state."""
    found = nats(logits(spec, weights, batch.inputs), batch.targets)  # (B, T)
    scores = np.ones(found.shape) if batch.weights is None else batch.weights.astype(np.float64)
    if batch.last_step_only:
        found, scores = found[:, -1:], scores[:, -1:]
    return float((found * scores).sum() / max(batch.scored, 1))


class Rule:
    """An optimiser's updates (:mod:`seqgen.backends.updates`), from gradients that are known.

    Args:
        spec: which, and how.
    """

    def __init__(self, spec: OptimizerSpec) -> None:
        self._spec = spec
        self._step = 0
        self._moments: dict[str, tuple[Floats, Floats]] = {}

    def update(
        self, weights: Mapping[str, npt.NDArray[Any]], gradients: Mapping[str, Floats], learning_rate: float
    ) -> dict[str, Floats]:
        """The weights after one more update."""
        spec = self._spec
        self._step += 1
        norm = np.sqrt(sum(float((gradient**2).sum()) for gradient in gradients.values()))
        clip = min(1.0, spec.grad_clip / (norm + 1e-6))
        after = {}
        for name, gradient in gradients.items():
            w, g = np.asarray(weights[name], np.float64), gradient * clip
            first, second = self._moments.get(name, (np.zeros_like(w), np.zeros_like(w)))
            first = spec.beta_1 * first + (1 - spec.beta_1) * g
            second = spec.beta_2 * second + (1 - spec.beta_2) * g**2
            self._moments[name] = first, second
            if spec.name == "sgd":
                change = g
            elif spec.name == "rmsprop":
                change = g / (np.sqrt(second) + spec.epsilon)
            else:
                mean, square = first / (1 - spec.beta_1**self._step), second / (1 - spec.beta_2**self._step)
                change = mean / (np.sqrt(square) + spec.epsilon)
            if spec.name == "adamw" and name.endswith("weight"):
                change = change + spec.weight_decay * w
            after[name] = w - learning_rate * change
        return after


def nats(logits: npt.NDArray[Any], targets: Ids) -> Floats:
    """-log softmax of logits (..., V) at the targets (...)."""
    exact = logits.astype(np.float64)
    exact -= exact.max(axis=-1, keepdims=True)
    chosen = np.take_along_axis(exact, targets[..., None].astype(np.int64), axis=-1)[..., 0]
    result: Floats = np.log(np.exp(exact).sum(axis=-1)) - chosen
    return result


def _of_layer(weights: Mapping[str, Floats], number: int) -> dict[str, Floats]:
    prefix = f"layers.{number}."
    return {name.removeprefix(prefix): value for name, value in weights.items() if name.startswith(prefix)}


def _input(spec: ModelSpec, weights: Mapping[str, Floats], ids: Ids) -> Floats:
    match spec.input_encoding:
        case "embedding":
            return weights["embedding.weight"][ids]
        case "one-hot":
            return np.eye(spec.vocab_size)[ids]
        case "scalar":
            return ids[:, None] / spec.vocab_size


def _sigmoid(a: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-a)))


def _lstm(x: Floats, parts: Parts, layer: Mapping[str, Floats]) -> Parts:
    h, c = parts
    i, f, g, o = np.split(x @ layer["input_weight"].T + h @ layer["recurrent_weight"].T + layer["bias"], 4, axis=1)
    c = _sigmoid(f) * c + _sigmoid(i) * np.tanh(g)
    return _sigmoid(o) * np.tanh(c), c


def _gru(x: Floats, parts: Parts, layer: Mapping[str, Floats]) -> Parts:
    (h,) = parts
    input_r, input_z, input_n = np.split(x @ layer["input_weight"].T + layer["bias"], 3, axis=1)
    recurrent_r, recurrent_z, recurrent_n = np.split(h @ layer["recurrent_weight"].T, 3, axis=1)
    r = _sigmoid(input_r + recurrent_r)
    z = _sigmoid(input_z + recurrent_z)
    n = np.tanh(input_n + r * (recurrent_n + layer["recurrent_candidate_bias"]))
    return ((1 - z) * n + z * h,)


def _rnn(x: Floats, parts: Parts, layer: Mapping[str, Floats]) -> Parts:
    (h,) = parts
    return (np.tanh(x @ layer["input_weight"].T + h @ layer["recurrent_weight"].T + layer["bias"]),)


_CELLS: Mapping[str, Callable[[Floats, Parts, Mapping[str, Floats]], Parts]] = MappingProxyType(
    {"lstm": _lstm, "gru": _gru, "rnn": _rnn}
)
"""(input (B, in), what is carried, weights of the layer) -> what is carried after; the first is the output."""
