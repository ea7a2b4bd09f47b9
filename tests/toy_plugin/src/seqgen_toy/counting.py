"""Bigrams, trained by counting: the probability of a token given the one before it.

The architecture ``bigram`` has no canonical form.  Its one tensor is ``bigram.counts`` (V, V): how often the token of a
column followed that of a row, with a prior of ``smoothing`` (Lidstone 1920) that fresh weights hold already.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import numpy.typing as npt
from annotated_doc import Doc
from annotated_types import Gt

from seqgen.core.backend import Backend, Model
from seqgen.core.errors import OptionError
from seqgen.core.spec import ModelSpec, OptimizerSpec, Precision
from seqgen.core.types import Batch, Ids, State, Weights

COUNTS = "bigram.counts"


@dataclass(frozen=True, kw_only=True)
class CountingBackend(Backend):
    """Counts on the CPU."""

    smoothing: Annotated[float, Gt(0), Doc("added to each count, so that nothing is impossible")] = 0.1

    def devices(self) -> Sequence[str]:
        return ("cpu",)

    def architectures(self) -> Sequence[str]:
        return ("bigram",)

    def weight_shapes(self, spec: ModelSpec) -> Mapping[str, tuple[int, ...]]:
        return {COUNTS: (spec.vocab_size, spec.vocab_size)}

    def build(
        self,
        spec: ModelSpec,
        *,
        device: str = "auto",
        precision: Precision = "auto",
        random_seed: int = 0,
        deterministic: bool = False,
        optimizer: OptimizerSpec | None = None,
        weights: Mapping[str, npt.NDArray[np.float32]] | None = None,
    ) -> BigramModel:
        if spec.architecture != "bigram":
            raise OptionError(f'Backend "counting" has no architecture "{spec.architecture}".  It has: bigram')
        if device not in ("auto", "cpu") or precision not in ("auto", "float32"):
            raise OptionError('Backend "counting" runs on cpu in float32 only.')
        fresh = {name: np.full(shape, self.smoothing, np.float32) for name, shape in self.weight_shapes(spec).items()}
        return BigramModel(spec, fresh if weights is None else weights)


class BigramModel(Model):
    """Remembers nothing but the token before: its state is empty."""

    device = "cpu"
    precision = "float32"

    def __init__(self, spec: ModelSpec, weights: Mapping[str, npt.NDArray[np.float32]]) -> None:
        self.spec = spec
        self.load_weights(weights)

    def initial_state(self, batch_size: int) -> State:
        return {}

    def next_logits(self, ids: Ids, state: State) -> tuple[npt.NDArray[np.float32], State]:
        counts = self._counts[ids]  # (B, V)
        return np.log(counts / counts.sum(axis=-1, keepdims=True)), {}

    def evaluate(self, batch: Batch) -> tuple[float, int]:
        before, after = _scored(batch)
        nats = np.log(self._counts.sum(axis=-1)[before]) - np.log(self._counts[before, after])
        return float(nats.sum(dtype=np.float64)), batch.scored

    def train_step(self, batch: Batch, learning_rate: float) -> float:
        """One update by counting, which has no use for a learning rate; gives the mean nats before it."""
        nats, scored = self.evaluate(batch)
        np.add.at(self._counts, _scored(batch), 1)
        return nats / max(scored, 1)

    def weights(self) -> Weights:
        return {COUNTS: self._counts.copy()}

    def load_weights(self, weights: Mapping[str, npt.NDArray[np.float32]]) -> None:
        self._counts = weights[COUNTS].copy()


def _scored(batch: Batch) -> tuple[Ids, Ids]:
    """The inputs and targets of what is scored, flat."""
    if batch.last_step_only:
        return batch.inputs[:, -1], batch.targets[:, -1]
    if batch.weights is None:
        return batch.inputs.ravel(), batch.targets.ravel()
    return batch.inputs[batch.weights > 0], batch.targets[batch.weights > 0]
