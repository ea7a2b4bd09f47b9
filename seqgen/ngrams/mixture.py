"""A network and an n-gram model as one model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from seqgen.core.arrays import on_host
from seqgen.core.backend import Model
from seqgen.core.types import Batch, Ids, State, Weights
from seqgen.ngrams.table import NOTHING, Floats, NgramTable, are_shares, require

Levels: TypeAlias = npt.NDArray[np.intp]
Shares: TypeAlias = npt.NDArray[np.float32] | npt.NDArray[np.float64]

CONTEXT = "ngrams.context"
"""The array of a state that holds the last tokens, (B, N)."""

SHARES = "network_shares"
"""The tensor of a file that holds a mixture's shares."""

SURE = np.array([0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.65, 0.8, 0.95], np.float32)
"""How sure a model is: how many of these the sum of its squared probabilities reaches, which is the chance that two draws are the
same token (Simpson 1949, Measurement of Diversity)."""

LEVELS = len(SURE) + 1

_PRIOR = 20.0  # tokens, for which a share is as it is for all tokens together
_ROUNDS = 40
_BLOCK = 1 << 20  # probabilities that are held at a time: 4 MB


class Mixture(Model):
    """The probabilities of a network and of n-grams, weighted by how sure each of the two is.

    A linear interpolation whose weights depend on where in the text it stands (Jelinek and Mercer 1980, Interpolated
    Estimation of Markov Source Parameters from Sparse Data).  It generates and evaluates; it does not train.

    Args:
        network: the model of a backend.
        table: for the same vocabulary.
        shares: (LEVELS, LEVELS) how much of the mixture is the network's, by how sure the network is, and how sure the
            n-grams are.
    """

    def __init__(self, network: Model, table: NgramTable, shares: Floats) -> None:
        self.spec, self.device, self.precision = network.spec, network.device, network.precision
        self._network, self._table, self._shares = network, table, shares
        self._evaluation_state: State | None = None

    @classmethod
    def of(cls, network: Model, tensors: Mapping[str, npt.NDArray[Any]], *, where: str) -> Mixture:
        """A network mixed with what ``tensors`` gave, checked, as it may come from a stranger's file.

        Raises:
            DamagedModelError: they are something else; says where.
        """
        shares = tensors.get(SHARES, np.zeros(0, np.float32))
        right = shares.dtype == np.float32 and shares.shape == (LEVELS, LEVELS) and are_shares(shares)
        require(right, f'"{SHARES}" are no shares', where)
        others = {name: tensor for name, tensor in tensors.items() if name != SHARES}
        return cls(network, NgramTable.of(others, network.spec.vocab_size, where=where), shares)

    def tensors(self) -> dict[str, npt.NDArray[Any]]:
        """All that it adds to the network, as named arrays, for a file."""
        return {**self._table.tensors(), SHARES: self._shares}

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
        """(sum of nats over scored targets, how many were scored)."""
        nats = sum(scores.nats(self._shares) for scores in self._scores(batch))
        return nats, batch.scored

    def fit(self, batches: Iterable[Batch]) -> float:
        """Set the shares to those that predict some held-out batches best.

        By expectation maximisation (Dempster, Laird and Rubin 1977).  There is a share for each two levels, and what is
        rarely seen is drawn towards the share of all tokens together, so that little is fitted to what the loss is measured on.

        Returns:
            the mixture's mean nats per scored target.
        """
        parts = [scores for batch in batches for scores in self._scores(batch)]
        scores = Scores(*(np.concatenate(each) for each in zip(*parts, strict=True)))
        counts = scores.sums(scores.weights)
        whole = 0.5
        for _ in range(_ROUNDS):
            of_network = scores.weights @ scores.of_network(np.full((LEVELS, LEVELS), whole))
            whole = float(of_network / max(counts.sum(), 1))
        shares = np.full((LEVELS, LEVELS), whole)
        for _ in range(_ROUNDS):
            of_network = scores.sums(scores.weights * scores.of_network(shares))
            shares = (of_network + _PRIOR * whole) / (counts + _PRIOR)
        self._shares = shares.astype(np.float32)
        return scores.nats(self._shares) / max(float(counts.sum()), 1.0)

    def weights(self) -> Weights:
        """The network's."""
        return self._network.weights()

    def load_weights(self, weights: Mapping[str, npt.NDArray[np.float32]]) -> None:
        """Take over the network's."""
        self._network.load_weights(weights)

    def _mixed(self, logits: Floats, after: State, before: State, ids: Ids) -> tuple[Floats, State]:
        context = np.concatenate([before[CONTEXT], ids], axis=1)[:, ids.shape[1] :]
        mixed, ngrams = _softmax(logits), self._table.probabilities(context)
        share = self._shares[_level(mixed), _level(ngrams)][:, None]
        mixed *= share
        ngrams *= 1 - share
        mixed += ngrams
        return np.log(mixed, out=mixed), {**after, CONTEXT: context}

    def _scores(self, batch: Batch) -> Iterator[Scores]:
        """What the two give to the scored targets of a batch, some time steps at a time."""
        rows, steps = batch.inputs.shape
        state = self._evaluation_state if batch.carry else None
        if state is None or len(state[CONTEXT]) != rows:
            state = self.initial_state(rows)
        network, context = _of_network(state), state[CONTEXT]
        weights = np.ones((rows, steps)) if batch.weights is None else batch.weights.astype(np.float64)
        if batch.last_step_only:
            weights[:, :-1] = 0
        block = max(1, _BLOCK // (rows * self._table.vocab_size))
        for start in range(0, steps, block):
            part = slice(start, start + block)
            inputs, targets = batch.inputs[:, part], batch.targets[:, part]
            logits, network = self._network.forward(inputs, network)  # (B, T, V)
            own = _softmax(logits).reshape(-1, self._table.vocab_size)
            seen = np.concatenate([context, inputs], axis=1)  # (B, N + T)
            contexts = np.lib.stride_tricks.sliding_window_view(seen, context.shape[1], axis=1)[:, 1:]  # (B, T, N)
            context = contexts[:, -1]
            ngrams = self._table.probabilities(contexts.reshape(-1, contexts.shape[-1]))
            chosen = np.arange(targets.size), targets.ravel()
            yield Scores(
                own[chosen].astype(np.float64),
                ngrams[chosen].astype(np.float64),
                _level(own),
                _level(ngrams),
                weights[:, part].ravel(),
            )
        self._evaluation_state = {**network, CONTEXT: context}


class Scores(NamedTuple):
    """What the network and the n-grams give to some targets.

    Attributes:
        network, ngrams: (n,) the probabilities of the targets.
        network_level, ngrams_level: (n,) how sure each of the two is.
        weights: (n,) how much each target counts.
    """

    network: npt.NDArray[np.float64]
    ngrams: npt.NDArray[np.float64]
    network_level: Levels
    ngrams_level: Levels
    weights: npt.NDArray[np.float64]

    def mixed(self, shares: Shares) -> npt.NDArray[np.float64]:
        """(n,) the probabilities of the mixture."""
        share = shares[self.network_level, self.ngrams_level]
        return share * self.network + (1 - share) * self.ngrams

    def of_network(self, shares: Shares) -> npt.NDArray[np.float64]:
        """(n,) which part of the mixture's probabilities comes from the network."""
        return shares[self.network_level, self.ngrams_level] * self.network / self.mixed(shares)

    def nats(self, shares: Shares) -> float:
        """The summed negative log-likelihood of the mixture."""
        return float(-(self.weights @ np.log(self.mixed(shares))))

    def sums(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """(LEVELS, LEVELS) the sum of these values (n,) for each two levels."""
        sums = np.zeros((LEVELS, LEVELS))
        np.add.at(sums, (self.network_level, self.ngrams_level), values)
        return sums


def _of_network(state: State) -> State:
    return {name: array for name, array in state.items() if name != CONTEXT}


def _level(probabilities: Floats) -> Levels:
    """(B,) how sure a model is whose probabilities (B, V) these are."""
    squares: Floats = np.einsum("bv,bv->b", probabilities, probabilities)
    return SURE.searchsorted(squares, side="right")


def _softmax(logits: Floats) -> Floats:
    exact = on_host(logits)
    exponentials: Floats = exact - np.maximum.reduce(exact, axis=-1, keepdims=True)
    np.exp(exponentials, out=exponentials)
    exponentials /= np.add.reduce(exponentials, axis=-1, keepdims=True)
    return exponentials
