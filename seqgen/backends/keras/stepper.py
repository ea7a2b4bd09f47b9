"""One time step by plain products, for generating: all gates in one, the first layer's input product as a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from keras import ops

from seqgen.backends.keras.engine import Tensor, Tensors
from seqgen.backends.keras.network import Network, encode
from seqgen.core.spec import ModelSpec


def prepare(values: Tensors, spec: ModelSpec) -> dict[str, Tensor]:
    """The weights with ``table`` (V, G*H), what each token gives to the first layer's gates, bias included."""
    tokens = encode(values, ops.arange(spec.vocab_size), spec)  # (V, in)
    return {**values, "table": ops.matmul(tokens, values["layers.0.input_weight"]) + values["layers.0.bias"]}


def step(prepared: Tensors, ids: Tensor, state: Tensors, network: Network) -> tuple[Tensor, dict[str, Tensor]]:
    """One step.  ids (B,), state -> logits (B, V), and the state after."""
    cell = _CELLS[network.spec.architecture]
    after: dict[str, Tensor] = {}
    hidden: Tensor = None
    for number, names in enumerate(network.names):
        prefix = f"layers.{number}."
        if number:
            inputs = ops.matmul(hidden, prepared[prefix + "input_weight"]) + prepared[prefix + "bias"]
        else:
            inputs = ops.take(prepared["table"], ids, axis=0)  # (B, G*H)
        before = [state[name] for name in names]
        recurrent = ops.matmul(before[0], prepared[prefix + "recurrent_weight"])  # (B, G*H)
        parts = cell(inputs, recurrent, before, prepared.get(prefix + "recurrent_candidate_bias"))
        after.update(zip(names, parts, strict=True))
        hidden = parts[0]
    return network.logits(prepared, hidden), after


def _lstm(inputs: Tensor, recurrent: Tensor, before: list[Tensor], _: Tensor) -> list[Tensor]:
    i, f, g, o = ops.split(inputs + recurrent, 4, axis=-1)
    cell = ops.sigmoid(f) * before[1] + ops.sigmoid(i) * ops.tanh(g)
    return [ops.sigmoid(o) * ops.tanh(cell), cell]


def _gru(inputs: Tensor, recurrent: Tensor, before: list[Tensor], candidate_bias: Tensor) -> list[Tensor]:
    input_z, input_r, input_n = ops.split(inputs, 3, axis=-1)
    recurrent_z, recurrent_r, recurrent_n = ops.split(recurrent, 3, axis=-1)
    z = ops.sigmoid(input_z + recurrent_z)
    r = ops.sigmoid(input_r + recurrent_r)
    n = ops.tanh(input_n + r * (recurrent_n + candidate_bias))
    return [(1.0 - z) * n + z * before[0]]


def _rnn(inputs: Tensor, recurrent: Tensor, _before: list[Tensor], _: Tensor) -> list[Tensor]:
    return [ops.tanh(inputs + recurrent)]


_CELLS: Mapping[str, Callable[[Tensor, Tensor, list[Tensor], Tensor], list[Tensor]]] = MappingProxyType(
    {"lstm": _lstm, "gru": _gru, "rnn": _rnn}
)
"""(input product (B, G*H), recurrent product (B, G*H), parts before, candidate bias) -> parts after."""
