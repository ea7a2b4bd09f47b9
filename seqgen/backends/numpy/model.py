"""Recurrent networks in NumPy, for generating and evaluating."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt

from seqgen.backends.nats import nats_of
from seqgen.backends.numpy.cells import CELLS, Floats, Step
from seqgen.backends.numpy.weights import Prepared, prepare
from seqgen.backends.states import state_names
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
        self._names = state_names(spec)
        self._evaluation_state: State | None = None
        self.load_weights(weights)

    def load_weights(self, weights: Mapping[str, npt.NDArray[np.float32]]) -> None:
        """Take over canonical weights: copies, but for arrays that nobody can write to, such as a file's."""
        self._weights = {name: value.copy() if value.flags.writeable else value for name, value in weights.items()}
        self.__dict__.pop("_prepared", None)
        self._steps = _Steps()

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
        after: dict[str, Floats] = {}
        steps = self._steps_of(len(ids))
        hidden = steps.first(self._prepared.of_tokens(ids), state, after, None)
        for input_weight, bias, step in steps.above:
            inputs = np.dot(hidden, input_weight)
            inputs += bias
            hidden = step(inputs, state, after, None)
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
        rows, length = ids.shape
        steps, size = self._steps_of(rows), self.spec.hidden_size
        inputs = self._prepared.table[ids.T]  # (T, B, G*H)
        hidden, after = self._steps_in_a_row(0, steps.first, inputs, state)
        for number, (input_weight, bias, step) in enumerate(steps.above, start=1):
            # Of three axes NumPy makes many small products, which together take 2 to 15 times as long.
            inputs = np.dot(hidden.reshape(-1, size), input_weight)
            inputs += bias
            hidden, carried = self._steps_in_a_row(number, step, inputs.reshape(length, rows, -1), state)
            after |= carried
        return hidden, after

    def _steps_in_a_row(self, layer: int, step: Step, inputs: Floats, state: State) -> tuple[Floats, dict[str, Floats]]:
        """The outputs (T, B, H) of a layer over input products (T, B, G*H), and what it carries after."""
        names = self._names[layer]
        outputs = np.empty((*inputs.shape[:2], self.spec.hidden_size), np.float32)
        carried = {name: state[name].copy() for name in names}
        for product, output in zip(inputs, outputs, strict=True):
            step(product, carried, carried, output)
        carried[names[0]] = carried[names[0]].copy()  # and not a part of all outputs
        return outputs, carried

    def _steps_of(self, rows: int) -> _Steps:
        """The steps of all layers, for so many sequences."""
        steps = self._steps
        if steps.rows != rows:
            layers, columns = self._prepared.layers, self._prepared.table.shape[1]
            gates = np.empty((rows, columns), np.float32)  # one layer after the other works in it
            made = [self._cell(layer, names, gates) for layer, names in zip(layers, self._names, strict=True)]
            steps.rows = -1  # until all is replaced, for an interruption may come between
            steps.first = made[0]
            steps.above = [
                (layer.input_weight, layer.bias, step)
                for layer, step in zip(layers, made, strict=True)
                if layer.input_weight is not None
            ]
            steps.rows = rows
        return steps

    def _logits(self, hidden: Floats) -> Floats:
        """(B, H) -> (B, V)."""
        logits: Floats = np.dot(hidden, self._prepared.output_weight)
        logits += self._prepared.output_bias
        return logits

    def _nats(self, hidden: Floats, targets: Ids, weights: Floats | None) -> float:
        """Summed negative log-likelihood of targets (...) after outputs (..., H)."""
        return nats_of(self._logits(hidden.reshape(-1, self.spec.hidden_size)), targets, weights)


class _Steps(threading.local):
    """The steps of the layers for so many sequences: each thread has its own, for they work in memory of theirs.

    Attributes:
        rows: B; -1 before they are made.
        first: of the layer that reads tokens.
        above: of the others, with the weights (H, G*H) and the bias (1, G*H) of their input product.
    """

    rows = -1
    first: Step
    above: Sequence[tuple[Floats, Floats, Step]]
