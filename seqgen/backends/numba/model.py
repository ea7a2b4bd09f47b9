"""Recurrent networks in compiled code, for generating and evaluating."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from seqgen.backends.nats import nats_of
from seqgen.backends.numba import kernels, mixing
from seqgen.backends.numba.kernels import Floats, Packed
from seqgen.backends.numba.weights import levels_of, pack
from seqgen.core.backend import Model
from seqgen.core.spec import ModelSpec
from seqgen.core.types import Batch, Ids, State, Weights

_STATE = "layers"
_AT_ONCE = 1 << 22
"""How many logits are held at a time while a batch is evaluated: 16 MB in float32."""


class NumbaModel(Model):
    """An lstm, gru or rnn of any number of layers.  State: ``layers``, (B, L, parts, H), a layer's output first."""

    device = "cpu"
    precision = "float32"
    quantised = True

    def __init__(self, spec: ModelSpec, weights: Mapping[str, Floats]) -> None:
        self.spec = spec
        self._levels = levels_of(spec.hidden_size)
        self._shape = (spec.num_layers, 2 if spec.architecture == "lstm" else 1, spec.hidden_size)
        self._evaluation_state: State | None = None
        self._compiled: Callable[..., None] | None = None
        self.load_weights(weights)

    def load_weights(self, weights: Mapping[str, Floats]) -> None:
        """Take over canonical weights: copies, but for arrays that nobody can write to, such as a file's."""
        self._weights = {name: value.copy() if value.flags.writeable else value for name, value in weights.items()}
        self.__dict__.pop("_packed", None)

    @cached_property
    def _packed(self) -> Packed:
        """The weights as they are used, made when first needed: loading reads nothing of a large file."""
        return pack(self._weights, self.spec)

    def weights(self) -> Weights:
        """A copy of the canonical weights, which are not rounded."""
        return {name: value.copy() for name, value in self._weights.items()}

    def initial_state(self, batch_size: int) -> State:
        """Zeros."""
        return {_STATE: np.zeros((batch_size, *self._shape), np.float32)}

    def next_logits(self, ids: Ids, state: State) -> tuple[Floats, State]:
        """One step; see :meth:`seqgen.core.backend.Model.next_logits`."""
        return self.prefill(ids[:, None], state)

    def prefill(self, ids: Ids, state: State) -> tuple[Floats, State]:
        """Read T tokens at once; see :meth:`seqgen.core.backend.Model.prefill`."""
        logits, after = self._read(ids, state, 1)
        return logits[:, 0], after

    def forward(self, ids: Ids, state: State) -> tuple[Floats, State]:
        """Read T tokens; see :meth:`seqgen.core.backend.Model.forward`."""
        return self._read(ids, state, ids.shape[1])

    def mixer(self, ngrams: Mapping[str, npt.NDArray[Any]]) -> Callable[[Floats, Ids], Floats]:
        """What mixes n-grams in; see :meth:`seqgen.core.backend.Model.mixer`."""
        return mixing.mixer(ngrams)

    def evaluate(self, batch: Batch) -> tuple[float, int]:
        """(sum of nats, scored targets); see :meth:`seqgen.core.backend.Model.evaluate`."""
        rows, length = batch.inputs.shape
        state = self._evaluation_state if batch.carry else None
        if state is None or len(state[_STATE]) != rows:
            state = self.initial_state(rows)
        if batch.last_step_only:
            logits, self._evaluation_state = self.prefill(batch.inputs, state)
            return nats_of(logits, batch.targets[:, -1], None), batch.scored
        nats = 0.0
        steps = max(1, _AT_ONCE // (rows * self.spec.vocab_size))
        for start in range(0, length, steps):
            part = slice(start, start + steps)
            logits, state = self.forward(batch.inputs[:, part], state)
            nats += nats_of(logits, batch.targets[:, part], None if batch.weights is None else batch.weights[:, part])
        self._evaluation_state = state
        return nats, batch.scored

    def _read(self, ids: Ids, state: State, shown: int) -> tuple[Floats, State]:
        """The logits (B, N, V) after the last N of T tokens, and the state after the last."""
        if len(state[_STATE]) != len(ids):  # compiled code would read and write what is not there
            msg = f"There are {len(ids)} rows of ids, but the state is of {len(state[_STATE])} sequences."
            raise ValueError(msg)
        logits = np.empty((len(ids), shown, self.spec.vocab_size), np.float32)
        after = state[_STATE].copy()
        # One type of ids and arrays that can be written to, for else Numba would compile anew.
        arguments = (ids.astype(np.int64, order="C"), *self._packed, self._levels, after, logits)
        if self._compiled is None:
            self._compiled = kernels.compiled_for(kernels.read, arguments)
        self._compiled(*arguments)
        return logits, {_STATE: after}
