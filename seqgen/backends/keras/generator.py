"""Generation on the engine, where its device is not the CPU.

On the CPU a whole step in NumPy (33 us with 256 units) takes less time than calling an empty TensorFlow function (175 us);
on a GPU the products are what costs, at least for many sequences.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

import numpy as np
import numpy.typing as npt
from keras import ops

from seqgen.backends.keras import engine
from seqgen.backends.keras.cells import CELLS
from seqgen.backends.keras.engine import Tensor, Tensors, array, tensor, tensors
from seqgen.backends.keras.network import Network, encode
from seqgen.backends.keras.weights import layer_weights, to_keras
from seqgen.core.spec import ModelSpec
from seqgen.core.types import Array, Ids, State

_BLOCK = 256
"""Time steps that ``prefill`` reads at once by the sequence kernels.

Fewer tokens are stepped: compiling the kernels' graph takes longer than that.
"""


class EngineGenerator:
    """Steps by plain products: all gates in one, the first layer's input product as a table."""

    def __init__(self, spec: ModelSpec, weights: Mapping[str, npt.NDArray[np.float32]], device: str) -> None:
        self._spec = spec
        self._device = device
        with engine.on(device):
            self._network = Network(spec, device)
            self._step = engine.compiled(partial(_step, network=self._network))
            self._read = engine.compiled(self._network.outputs)
        self.load_weights(weights)

    def load_weights(self, weights: Mapping[str, npt.NDArray[np.float32]]) -> None:
        """Take over canonical weights."""
        with engine.on(self._device):
            values = {
                name: tensor(to_keras(name, value, self._spec.architecture), "float32")
                for name, value in weights.items()
            }
            if self._spec.architecture == "gru":
                for number in range(self._spec.num_layers):
                    values[f"layers.{number}.recurrent_bias"] = layer_weights(values, number)[-1][1]  # (G*H)
            of_tokens = values["layers.0.input_weight"]  # (in, G*H), with one-hot input (V, G*H)
            if self._spec.input_encoding != "one-hot":  # which would be (V, V)
                of_tokens = ops.matmul(encode(values, ops.arange(self._spec.vocab_size), self._spec), of_tokens)
            # (V, G*H) what each token gives to the first layer's gates, bias included.
            self._values: Tensors = {**values, "table": of_tokens + values["layers.0.bias"]}

    def initial_state(self, batch_size: int) -> State:
        """Zeros."""
        shape = (batch_size, self._spec.hidden_size)
        return {name: np.zeros(shape, dtype=np.float32) for names in self._network.names for name in names}

    def next_logits(self, ids: Ids, state: State) -> tuple[Array, State]:
        """One step; see :meth:`seqgen.core.backend.Model.next_logits`."""
        with engine.on(self._device):
            before = state.tensors if isinstance(state, _Resident) else tensors(state)
            logits, after = self._step(self._values, tensor(ids, "int32"), before)
            return array(logits), _Resident(after)

    def prefill(self, ids: Ids, state: State) -> tuple[Array, State]:
        """Read T tokens at once; see :meth:`seqgen.core.backend.Model.prefill`."""
        whole = ids.shape[1] // _BLOCK * _BLOCK
        logits: Array = None
        with engine.on(self._device):
            for start in range(0, whole, _BLOCK):
                block = tensor(ids[:, start : start + _BLOCK].T, "int32")
                outputs, after = self._read(self._values, block, tensors(state))
                state = {name: array(part) for name, part in after.items()}
                logits = array(self._network.logits(self._values, outputs[-1]))
        for step in range(whole, ids.shape[1]):
            logits, state = self.next_logits(ids[:, step], state)
        return logits, state

    def forward(self, ids: Ids, state: State) -> tuple[Array, State]:
        """Read T tokens; see :meth:`seqgen.core.backend.Model.forward`."""
        with engine.on(self._device):
            outputs, after = self._read(self._values, tensor(ids.T, "int32"), tensors(state))  # (T, B, H)
            logits = array(self._network.logits(self._values, outputs)).swapaxes(0, 1)
            return logits, {name: array(part) for name, part in after.items()}


class _Resident(Mapping[str, npt.NDArray[np.float32]]):
    """A state that stays on the device from step to step; NumPy arrays, copied when asked for, where the core slices or joins it."""

    def __init__(self, tensors: Tensors) -> None:
        self.tensors = tensors

    def __getitem__(self, name: str) -> npt.NDArray[np.float32]:
        return array(self.tensors[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self.tensors)

    def __len__(self) -> int:
        return len(self.tensors)


def _step(values: Tensors, ids: Tensor, state: Tensors, network: Network) -> tuple[Tensor, dict[str, Tensor]]:
    """One step.  ids (B,), state -> logits (B, V), and the state after."""
    cell = CELLS[network.spec.architecture]
    after: dict[str, Tensor] = {}
    hidden: Tensor = None
    for number, names in enumerate(network.names):
        prefix = f"layers.{number}."
        if number:
            inputs = ops.matmul(hidden, values[prefix + "input_weight"]) + values[prefix + "bias"]
        else:
            inputs = ops.take(values["table"], ids, axis=0)  # (B, G*H)
        before = tuple(state[name] for name in names)
        recurrent = ops.matmul(before[0], values[prefix + "recurrent_weight"])  # (B, G*H)
        if prefix + "recurrent_bias" in values:
            recurrent = recurrent + values[prefix + "recurrent_bias"]
        parts, _ = cell.forward(inputs, recurrent, before)
        after.update(zip(names, parts, strict=True))
        hidden = parts[0]
    return network.logits(values, hidden), after
