"""Recurrent networks in NumPy, for generating and evaluating."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from seqgen.backends.numpy.cells import CELLS, Floats
from seqgen.backends.numpy.weights import Prepared, prepare
from seqgen.core.backend import Model
from seqgen.core.spec import ModelSpec
from seqgen.core.types import Batch, Ids, State, Weights

_BLOCK = 1 << 22
"""How many numbers the largest temporary of a sequence may have: 16 MB in float32."""


class NumpyModel(Model):
    """An lstm, gru or rnn of any number of layers.  State: ``layers.N.hidden`` and, for lstm, ``layers.N.cell``."""

    device = "cpu"
    precision = "float32"

    def __init__(self, spec: ModelSpec, weights: Mapping[str, npt.NDArray[np.float32]]) -> None:
        self.spec = spec
        self._cell = CELLS[spec.architecture]
        self._names = [[f"layers.{layer}.{part}" for part in self._cell.parts] for layer in range(spec.num_layers)]
        self._evaluation_state: State | None = None
        self.load_weights(weights)

    def load_weights(self, weights: Mapping[str, npt.NDArray[np.float32]]) -> None:
        """Take over canonical weights: copies, but for arrays that nobody can write to, such as a file's."""
        self._weights = {name: value.copy() if value.flags.writeable else value for name, value in weights.items()}
        self.__dict__.pop("_prepared", None)

    @cached_property
    def _prepared(self) -> Prepared:
        """The weights as they are used, made when first needed: loading reads nothing of a large file."""
        return prepare(self._weights, self.spec)

    def weights(self) -> Weights:
        """A copy of the canonical weights."""
        return {name: value.copy() for name, value in self._weights.items()}

    def initial_state(self, batch_size: int) -> State:
        """Zeros."""
        shape = (batch_size, self.spec.hidden_size)
        return {name: np.zeros(shape, dtype=np.float32) for names in self._names for name in names}

    def next_logits(self, ids: Ids, state: State) -> tuple[Floats, State]:
        """One step; see :meth:`seqgen.core.backend.Model.next_logits`."""
        after: dict[str, Any] = {}
        hidden: Any = None
        for names, layer in zip(self._names, self._prepared.layers, strict=True):
            if layer.input_weight is None:
                inputs = self._prepared.of_tokens(ids)
            else:
                inputs = np.dot(hidden, layer.input_weight)
                inputs += layer.bias
            parts = self._cell.step(inputs, layer, tuple([state[name] for name in names]))
            after.update(zip(names, parts, strict=True))
            hidden = parts[0]
        return self._logits(hidden), after

    def prefill(self, ids: Ids, state: State) -> tuple[Floats, State]:
        """Read T tokens at once; see :meth:`seqgen.core.backend.Model.prefill`."""
        for _, block in self._blocks(ids, self._prepared.table.shape[1]):
            hidden, state = self._read(block, state)
        return self._logits(hidden[-1]), state

    def forward(self, ids: Ids, state: State) -> tuple[Floats, State]:
        """Read T tokens; see :meth:`seqgen.core.backend.Model.forward`."""
        hidden, after = self._read(ids, state)  # (T, B, H)
        logits = self._logits(hidden.reshape(-1, self.spec.hidden_size))
        return logits.reshape(*ids.T.shape, -1).transpose(1, 0, 2), after

    def evaluate(self, batch: Batch) -> tuple[float, int]:
        """(sum of nats, scored targets); see :meth:`seqgen.core.backend.Model.evaluate`."""
        rows = batch.inputs.shape[0]
        state = self._evaluation_state if batch.carry else None
        if state is None or state["layers.0.hidden"].shape[0] != rows:
            state = self.initial_state(rows)
        nats = 0.0
        width = max(self._prepared.table.shape[1], self.spec.vocab_size)
        for start, block in self._blocks(batch.inputs, width):
            hidden, state = self._read(block, state)  # (T', B, H)
            stop = start + block.shape[1]
            if not batch.last_step_only:
                weights = None if batch.weights is None else batch.weights[:, start:stop].T
                nats += self._nats(hidden, batch.targets[:, start:stop].T, weights)
        if batch.last_step_only:
            nats = self._nats(hidden[-1], batch.targets[:, -1], None)
        self._evaluation_state = state
        return nats, batch.scored

    def _blocks(self, ids: Ids, width: int) -> Iterator[tuple[int, Ids]]:
        """Pieces (B, T') of ids (B, T) and where each starts; (T', B, width) stays within ``_BLOCK`` numbers."""
        steps = max(1, _BLOCK // (ids.shape[0] * width))
        for start in range(0, ids.shape[1], steps):
            yield start, ids[:, start : start + steps]

    def _read(self, ids: Ids, state: State) -> tuple[Floats, State]:
        """The top layer's outputs (T, B, H) over ids (B, T), and the state after; input products of all steps at once."""
        after: dict[str, Any] = {}
        hidden: Any = None
        for names, layer in zip(self._names, self._prepared.layers, strict=True):
            if layer.input_weight is None:
                inputs = self._prepared.table[ids.T]  # (T, B, G*H)
            else:
                # Of three axes NumPy makes many small products, which together take 2 to 15 times as long.
                flat = np.dot(hidden.reshape(-1, self.spec.hidden_size), layer.input_weight)
                flat += layer.bias
                inputs = flat.reshape(*ids.T.shape, -1)
            hidden = np.empty((*ids.T.shape, self.spec.hidden_size), dtype=np.float32)  # (T, B, H)
            parts = self._cell.read(inputs, layer, tuple(state[name] for name in names), hidden)
            after.update(zip(names, parts, strict=True))
        return hidden, after

    def _logits(self, hidden: Floats) -> Floats:
        """(B, H) -> (B, V)."""
        logits: Floats = np.dot(hidden, self._prepared.output_weight)
        logits += self._prepared.output_bias
        return logits

    def _nats(self, hidden: Floats, targets: Ids, weights: Floats | None) -> float:
        """Summed negative log-likelihood of targets (...) after outputs (..., H)."""
        logits = self._logits(hidden.reshape(-1, self.spec.hidden_size))
        logits -= logits.max(axis=-1, keepdims=True)
        chosen = logits[np.arange(len(logits)), targets.reshape(-1)]
        nats = np.log(np.exp(logits, out=logits).sum(axis=-1)) - chosen
        if weights is not None:
            nats *= weights.reshape(-1)
        return float(nats.sum(dtype=np.float64))
