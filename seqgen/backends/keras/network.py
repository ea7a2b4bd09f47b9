"""The network that trains: recurrent layers over whole sequences, as pure functions of the weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, TypeAlias

import keras
from keras import ops

from seqgen.backends.keras import recurrence
from seqgen.backends.keras.engine import Tensor, Tensors
from seqgen.backends.keras.weights import layer_weights
from seqgen.backends.states import state_names
from seqgen.core.spec import ModelSpec

LAYERS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {"lstm": keras.layers.LSTM, "gru": keras.layers.GRU, "rnn": keras.layers.SimpleRNN}
)

Layer: TypeAlias = Callable[[Sequence[Tensor], Tensor, Sequence[Tensor]], tuple[Tensor, Sequence[Tensor]]]
"""(weights as Keras has them, inputs (T, B, in), state (B, H) each) -> (outputs (T, B, H), state after)."""


class Network:
    """Token ids to outputs of the top recurrent layer, and those to logits.

    Weights are arguments, named as in the canonical form and laid out as in :mod:`seqgen.backends.keras.weights`.

    Args:
        spec: its shape.
        device: ``cpu``, where layers are those of :mod:`seqgen.backends.keras.recurrence`, or another, where they are Keras' own.
        precision: of the products, ``float32`` or ``bfloat16``.
    """

    def __init__(self, spec: ModelSpec, device: str, precision: str = "float32") -> None:
        self.spec = spec
        self.names = state_names(spec)
        self._precision = precision
        self._layers: list[Layer]
        if recurrence.is_used(device):
            self._layers = [partial(recurrence.layer, spec.architecture, precision=precision)] * spec.num_layers
        else:
            sizes = [spec.input_size] + [spec.hidden_size] * (spec.num_layers - 1)
            self._layers = [_layer_of_keras(spec, size, precision) for size in sizes]

    def outputs(
        self, values: Tensors, ids: Tensor, state: Tensors, dropout: keras.random.SeedGenerator | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Read T tokens.

        Args:
            values: the weights.
            ids: (T, B).
            state: what each layer carries, (B, H) each.
            dropout: where dropout draws from; None: no dropout.

        Returns:
            outputs of the top layer (T, B, H), with dropout, and the state after, in float32.
        """
        outputs = encode(values, ids, self.spec)  # (T, B, in)
        after: dict[str, Tensor] = {}
        for number, (layer, names) in enumerate(zip(self._layers, self.names, strict=True)):
            outputs, left = layer(layer_weights(values, number), outputs, [state[name] for name in names])
            after.update({name: ops.cast(part, "float32") for name, part in zip(names, left, strict=True)})
            if dropout is not None and self.spec.dropout:
                outputs = keras.random.dropout(outputs, self.spec.dropout, seed=dropout)
        return outputs, after

    def nats(
        self,
        values: Tensors,
        batch: Tensors,
        state: Tensors,
        dropout: keras.random.SeedGenerator | None = None,
        *,
        last_step_only: bool,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """(weighted sum of the targets' nats, the state after).

        Args:
            values: the weights.
            batch: ``inputs``, ``targets`` and ``weights``, (T, B) each.
            state: what each layer carries.
            dropout: where dropout draws from; None: no dropout.
            last_step_only: take only the targets at T - 1.
        """
        outputs, after = self.outputs(values, batch["inputs"], state, dropout)
        targets, weights = batch["targets"], batch["weights"]
        if last_step_only:
            outputs, targets, weights = outputs[-1:], targets[-1:], weights[-1:]
        nats = ops.sparse_categorical_crossentropy(targets, self.logits(values, outputs), from_logits=True)  # (T, B)
        return ops.sum(nats * weights), after

    def logits(self, values: Tensors, outputs: Tensor) -> Tensor:
        """(..., H) -> float32 (..., V)."""
        weight = values["embedding.weight" if self.spec.tie_embeddings else "output.weight"]  # (V, H)
        product = ops.matmul(ops.cast(outputs, self._precision), ops.cast(ops.transpose(weight), self._precision))
        return ops.cast(product, "float32") + values["output.bias"]


def encode(values: Tensors, ids: Tensor, spec: ModelSpec) -> Tensor:
    """Ids (...) -> the first layer's input (..., in)."""
    if spec.input_encoding == "embedding":
        return ops.take(values["embedding.weight"], ids, axis=0)
    if spec.input_encoding == "one-hot":
        return ops.one_hot(ids, spec.vocab_size, dtype="float32")
    return ops.expand_dims(ops.cast(ids, "float32"), -1) / spec.vocab_size


def _layer_of_keras(spec: ModelSpec, size: int, precision: str) -> Layer:
    """A layer of Keras with inputs of that size."""
    policy = "mixed_bfloat16" if precision == "bfloat16" else "float32"
    layer = LAYERS[spec.architecture](spec.hidden_size, return_sequences=True, return_state=True, dtype=policy)
    layer.build((None, None, size))

    def run(weights: Sequence[Tensor], inputs: Tensor, state: Sequence[Tensor]) -> tuple[Tensor, Sequence[Tensor]]:
        rows_first = ops.transpose(inputs, (1, 0, 2))
        (outputs, *after), _ = layer.stateless_call(
            weights, layer.non_trainable_variables, rows_first, initial_state=state
        )
        return ops.transpose(outputs, (1, 0, 2)), after

    return run
