"""A network and an n-gram model as one model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from seqgen.core.arrays import log_probabilities, on_host
from seqgen.core.backend import Model
from seqgen.core.types import Batch, Ids, State, Weights
from seqgen.ngrams.table import NOTHING, Floats, Integers, NgramTable

Doubles: TypeAlias = npt.NDArray[np.float64]

CONTEXT = "ngrams.context"
"""The array of a state that holds the last tokens, (B, N)."""

_ROUNDS = 30
_BLOCK = 1 << 20  # probabilities that are looked up at a time: 4 MB


class Mixture(Model):
    """The probabilities of a network and of n-grams, weighted by how much of the context the n-grams know.

    A linear interpolation whose weights depend on the context (Jelinek and Mercer 1980, Interpolated Estimation of Markov
    Source Parameters from Sparse Data).  It generates and evaluates; it does not train.

    Args:
        network: the model of a backend.
        table: for the same vocabulary.
        shares: (N + 1,) how much of the mixture is the network's, for each length of the longest known context.
    """

    def __init__(self, network: Model, table: NgramTable, shares: Floats) -> None:
        self.spec, self.device, self.precision = network.spec, network.device, network.precision
        self._network, self._table, self._shares = network, table, shares
        self._evaluation_state: State | None = None

    def initial_state(self, batch_size: int) -> State:
        """The network's, and no token yet."""
        context = np.full((batch_size, self._table.order - 1), NOTHING, np.int64)
        return {**self._network.initial_state(batch_size), CONTEXT: context}

    def next_logits(self, ids: Ids, state: State) -> tuple[Floats, State]:
        """One step: the logarithms of the mixed probabilities."""
        logits, after = self._network.next_logits(ids, _of_network(state))
        return self._mixed(logits, after, state, ids[:, None])

    def prefill(self, ids: Ids, state: State) -> tuple[Floats, State]:
        """Read T tokens at once, as fast as the network does."""
        logits, after = self._network.prefill(ids, _of_network(state))
        return self._mixed(logits, after, state, ids)

    def evaluate(self, batch: Batch) -> tuple[float, int]:
        """(sum of nats over scored targets, how many were scored), step by step."""
        nats = 0.0
        for network, ngrams, found, weights in self._steps(batch):
            share = self._shares[found]
            nats -= float(np.log(share * network + (1 - share) * ngrams) @ weights)
        return nats, batch.scored

    def fit(self, batches: Iterable[Batch]) -> float:
        """Set the shares to those that predict some held-out batches best.

        A share for each length of context, by expectation maximisation (Dempster, Laird and Rubin 1977); every round
        lowers the loss, and what they are fitted on are a few numbers.

        Returns:
            the mixture's mean nats per scored target.
        """
        parts = [[each.ravel() for each in step] for batch in batches for step in self._steps(batch)]
        network, ngrams, found, weights = (np.concatenate(each) for each in zip(*parts, strict=True))
        shares = np.full(self._table.order, 0.5)
        counts = np.bincount(found, weights, self._table.order)
        for _ in range(_ROUNDS):
            share = shares[found]
            of_network = share * network / (share * network + (1 - share) * ngrams)
            sums = np.bincount(found, weights * of_network, self._table.order)
            shares = np.divide(sums, counts, out=shares, where=counts > 0)
        self._shares = shares.astype(np.float32)
        share = shares[found]
        return float(-(weights @ np.log(share * network + (1 - share) * ngrams)) / max(weights.sum(), 1))

    @property
    def shares(self) -> Floats:
        """(N + 1,) how much of the mixture is the network's."""
        return self._shares

    def weights(self) -> Weights:
        """The network's."""
        return self._network.weights()

    def load_weights(self, weights: Mapping[str, npt.NDArray[np.float32]]) -> None:
        """Take over the network's."""
        self._network.load_weights(weights)

    def _mixed(self, logits: Floats, after: State, before: State, ids: Ids) -> tuple[Floats, State]:
        context = np.concatenate([before[CONTEXT], ids], axis=1)[:, ids.shape[1] :]
        ngrams, found = self._table.probabilities(context)
        share = self._shares[found][:, None]
        mixed = _softmax(logits)
        mixed *= share
        ngrams *= 1 - share
        mixed += ngrams
        return np.log(mixed, out=mixed), {**after, CONTEXT: context}

    def _steps(self, batch: Batch) -> Iterator[tuple[Doubles, Doubles, Integers, Doubles]]:
        """For each time step the probabilities of the targets (B,) by the network and by n-grams, the length of the longest
        known context, and the weights.
        """
        rows, steps = batch.inputs.shape
        state = self._evaluation_state if batch.carry else None
        if state is None or len(state[CONTEXT]) != rows:
            state = self.initial_state(rows)
        network, context = _of_network(state), state[CONTEXT]
        block = max(1, _BLOCK // (rows * self._table.vocab_size))
        for start in range(0, steps, block):
            inputs, targets = (ids[:, start : start + block] for ids in (batch.inputs, batch.targets))
            ngrams, found, context = self._of_targets(context, inputs, targets)
            for step in range(inputs.shape[1]):
                logits, network = self._network.next_logits(inputs[:, step], network)
                place = start + step
                if batch.last_step_only and place < steps - 1:
                    continue
                weights = np.ones(rows) if batch.weights is None else batch.weights[:, place].astype(np.float64)
                yield np.exp(log_probabilities(logits, targets[:, step])), ngrams[:, step], found[:, step], weights
        self._evaluation_state = {**network, CONTEXT: context}

    def _of_targets(self, context: Integers, inputs: Ids, targets: Ids) -> tuple[Doubles, Integers, Integers]:
        """The n-grams' probabilities of targets (B, T), the lengths of the longest known contexts, and the context after."""
        seen = np.concatenate([context, inputs], axis=1)  # (B, N + T)
        size = context.shape[1]
        contexts = np.lib.stride_tricks.sliding_window_view(seen, size, axis=1)[:, 1:]  # (B, T, N)
        ngrams, found = self._table.probabilities(contexts.reshape(-1, size))
        chosen = ngrams[np.arange(len(ngrams)), targets.ravel()].astype(np.float64)
        return chosen.reshape(inputs.shape), found.reshape(inputs.shape), seen[:, seen.shape[1] - size :]


def _of_network(state: State) -> State:
    return {name: array for name, array in state.items() if name != CONTEXT}


def _softmax(logits: Floats) -> Floats:
    exact = on_host(logits)
    exponentials: Floats = exact - np.maximum.reduce(exact, axis=-1, keepdims=True)
    np.exp(exponentials, out=exponentials)
    exponentials /= np.add.reduce(exponentials, axis=-1, keepdims=True)
    return exponentials
