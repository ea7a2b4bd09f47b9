"""What broken backends are made of."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from seqgen.backends.numpy.backend import NumpyBackend
from seqgen.core.backend import Backend, Model
from seqgen.core.types import Batch, Ids
from seqgen.testing.backend import BackendContract


def breaking(mutants: list[tuple[str, str, type[BackendContract]]]):
    """A decorator that adds a backend, or one that gives such models in place of its base's, to the mutants."""

    def breaks(law: str, broken: str, base: type[Backend] = NumpyBackend, architecture: str = "rnn"):
        def register(part: type) -> type:
            def build(self: Backend, spec: Any, **how: Any) -> Model:
                return part(base.build(self, spec, **how))

            backend = part if issubclass(part, Backend) else type(part.__name__, (base,), {"build": build})
            given = {"make": lambda _: backend(), "architecture": architecture}
            contract = type(part.__name__, (BackendContract,), given)
            mutants.append((law, broken, contract))
            return part

        return register

    return breaks


def read_at(batch: Batch, tokens: Ids, first: npt.NDArray[np.int64]) -> Batch:
    """A batch with the ids that lie at these places of a corpus."""
    places = first[:, None] + np.arange(batch.inputs.shape[1] + 1)
    ids = tokens[np.clip(places, 0, tokens.size - 1)]
    return dataclasses.replace(batch, inputs=ids[:, :-1], targets=ids[:, 1:])


class Forwarding(Model):
    """A model that leaves everything to another."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self.spec, self.device, self.precision = inner.spec, inner.device, inner.precision

    def initial_state(self, batch_size):
        return self.inner.initial_state(batch_size)

    def next_logits(self, ids, state):
        return self.inner.next_logits(ids, state)

    def prefill(self, ids, state):
        return self.inner.prefill(ids, state)

    def evaluate(self, batch):
        return self.inner.evaluate(batch)

    def weights(self):
        return self.inner.weights()

    def load_weights(self, weights):
        self.inner.load_weights(weights)

    def train_step(self, batch, learning_rate):
        return self.inner.train_step(batch, learning_rate)

    def averaged_weights(self):
        return self.inner.averaged_weights()

    def training_state(self):
        return self.inner.training_state()

    def load_training_state(self, state):
        self.inner.load_training_state(state)


def rounded(array):
    """float32 numbers with the digits of bfloat16."""
    return torch.tensor(array).bfloat16().float().numpy()
