"""A network and an n-gram model as one model."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from functools import cached_property
from typing import Any, NamedTuple, cast

import numpy as np
import numpy.typing as npt

from seqgen.core.arrays import on_host
from seqgen.core.backend import Model
from seqgen.core.types import Batch, Ids, State, Weights
from seqgen.ngrams.table import NOTHING, Expected, Floats, NgramTable, require
from seqgen.ngrams.weighing import LARGEST, Scored, Terms, nats_unseen, settle

CONTEXT = "ngrams.context"
"""The array of a state that holds the last tokens, (B, N)."""

WEIGHTS = "weights"
"""The tensor of a file that holds a mixture's weights."""

_SMALLEST = np.float32(np.finfo(np.float32).tiny)  # so that every probability has a logarithm
_LOWEST = np.log(_SMALLEST)
_EVERYDAY = 1e30
"""A difference of two numbers of float32 overflows only if both are larger than this."""

_BLOCK = 1 << 20  # probabilities that are held at a time: 4 MB
_FITTED = 1 << 24  # probabilities of each of the two that are held while weights are fitted: 64 MB

CROSSED = 20_000
"""From so many held-out tokens on, weights are not fitted to halves of them: what fitting gains by itself is below a thousandth of a
nat there, and each fit takes its time."""


def weights_shape(order: int) -> tuple[int, int, int]:
    """The shape of a mixture's weights with n-grams of up to so many tokens: (N + 1, 2, 2)."""
    return order, 2, 2


class Fitted(NamedTuple):
    """How well the weights that were fitted to a text predict.

    Attributes:
        loss: mean nats per scored token of that text, by which they look a little better than they are.
        unseen: the same by weights that were not fitted to what they predict: each half of the text by those fitted to the
            other.  Where so much is scored that this makes no difference, it is ``loss``.
    """

    loss: float
    unseen: float


class Mixture(Model):
    """A network and n-grams whose logarithms of probabilities are added up, weighted by what the n-grams rest on.

    It generates and evaluates; it does not train.

    Args:
        network: the model of a backend.
        table: for the same vocabulary.
        weights: (N + 1, 2, 2) of the network and of the n-grams, by the length of the longest known context, and by whether
            one token has always followed it (0) or several have (1).
    """

    def __init__(self, network: Model, table: NgramTable, weights: Floats) -> None:
        self.spec, self.device, self.precision = network.spec, network.device, network.precision
        self.quantised = network.quantised
        self._network, self._table = network, table
        self._weights = weights.reshape(-1, 2)  # by case
        self._evaluation_state: State | None = None

    @classmethod
    def of(cls, network: Model, tensors: Mapping[str, npt.NDArray[Any]], *, where: str) -> Mixture:
        """A network mixed with what ``tensors`` gave, checked, as it may come from a stranger's file.

        Raises:
            DamagedModelError: they are something else; says where.
        """
        weights = tensors.get(WEIGHTS, np.zeros(0, np.float32))
        others = {name: tensor for name, tensor in tensors.items() if name != WEIGHTS}
        table = NgramTable.of(others, network.spec.vocab_size, where=where)
        right = weights.dtype == np.float32 and weights.shape == weights_shape(table.order)
        within = right and bool(((weights >= 0) & (weights <= LARGEST)).all())  # NaN is not
        require(within, f'"{WEIGHTS}" are not those of a mixture', where)
        return cls(network, table, weights)

    def tensors(self) -> dict[str, npt.NDArray[Any]]:
        """All that it adds to the network, as named arrays, for a file."""
        return {**self._table.tensors(), WEIGHTS: self._weights.reshape(weights_shape(self._table.order))}

    def initial_state(self, batch_size: int) -> State:
        """The network's, and no token yet."""
        context = np.full((batch_size, self._table.order - 1), NOTHING, np.int64)
        return {**self._network.initial_state(batch_size), CONTEXT: context}

    def next_logits(self, ids: Ids, state: State) -> tuple[Floats, State]:
        """One step; see :meth:`seqgen.core.backend.Model.next_logits`."""
        logits, after = self._network.next_logits(ids, _of_network(state))
        return self._mixed(logits, after, state, ids[:, None])

    def prefill(self, ids: Ids, state: State) -> tuple[Floats, State]:
        """Read T tokens at once, as fast as the network does."""
        logits, after = self._network.prefill(ids, _of_network(state))
        return self._mixed(logits, after, state, ids)

    def evaluate(self, batch: Batch) -> tuple[float, int]:
        """(sum of nats over scored targets, how many were scored)."""
        return sum(scored.nats(self._weights) for scored in self._scored(batch)), batch.scored

    def fit(self, batches: Callable[[], Iterable[Batch]], *, crossed: bool = True) -> Fitted:
        """Set the weights to those that predict held-out batches best.

        Args:
            batches: gives them from the first on, as often as it is called.  Of more targets than fit into memory, some are
                fitted to, drawn from all over.
            crossed: whether ``unseen`` is asked for, where it is not ``loss``.

        Returns:
            the mixture's mean nats per scored target, also without what fitting to these targets itself gains.
        """
        targets = sum(batch.scored for batch in batches())
        share = min(1.0, _FITTED / max(1, targets * self.spec.vocab_size))
        random = np.random.default_rng(0)
        held = [scored for batch in batches() for scored in self._scored(batch, share, random)]
        self._weights = settle(held, len(self._weights)).astype(np.float32)
        for name in ("_said", "_mixer"):  # by the weights before
            self.__dict__.pop(name, None)
        if share == 1.0:
            nats = sum(scored.nats(self._weights) for scored in held)
        else:
            nats = sum(self.evaluate(batch)[0] for batch in batches())
        # Where not all are held, those that are not have not been fitted to.
        differs = share == 1.0 and 0 < targets < CROSSED
        unseen = nats_unseen(held, len(self._weights)) if crossed and differs else nats
        return Fitted(nats / max(targets, 1), unseen / max(targets, 1))

    def weights(self) -> Weights:
        """The network's."""
        return self._network.weights()

    def load_weights(self, weights: Mapping[str, npt.NDArray[np.float32]]) -> None:
        """Take over the network's."""
        self._network.load_weights(weights)

    def _mixed(self, logits: Floats, after: State, before: State, ids: Ids) -> tuple[Floats, State]:
        context = np.concatenate([before[CONTEXT], ids], axis=1)[:, ids.shape[1] :]
        if self._mixer is not None:
            return self._mixer(logits, context), _together(after, context)
        logits = on_host(logits)
        mixed = self._alone(logits, context[0].tolist()) if len(context) == 1 else None
        if mixed is None:
            mixed = _terms(logits, self._table.after(context)).weighed(self._weights)
        return mixed, _together(after, context)

    @cached_property
    def _mixer(self) -> Callable[[Floats, Ids], Floats] | None:
        """The backend's own way, by the weights as they are."""
        return self._network.mixer(self.tensors())

    def _alone(self, logits: Floats, context: list[int]) -> Floats | None:
        """The same mixture (1, V) for one text, in a fraction of the time; None where its logits are no ordinary numbers."""
        row = logits[0]
        best = row.item(row.argmax())
        if not -_EVERYDAY < best < _EVERYDAY:
            return None
        weight, ngrams = self._said(*self._table.code(context))
        mixed: Floats = logits - np.float32(best)
        np.maximum(mixed, _LOWEST, out=mixed)
        mixed *= weight
        mixed += ngrams
        return mixed

    @cached_property
    def _said(self) -> Callable[[int, int], tuple[Floats, Floats]]:
        """The network's weight after a context by its length and code, and what the n-grams add to its logits, (V,)."""
        # Not self, which would then hold itself, and with it the network's file, until memory is next looked through.
        table, weights = self._table, self._weights

        @table.remembering
        def said(length: int, code: int) -> tuple[Floats, Floats]:
            probabilities, known, followers = table.after_one(length, code)
            case = _case(known, followers)
            return weights[case, 0, ...], np.log(np.maximum(probabilities, _SMALLEST)) * weights[case, 1]

        return said

    def _scored(self, batch: Batch, share: float = 1.0, random: np.random.Generator | None = None) -> Iterator[Scored]:
        """The scored places of a batch, or such a share of them that is drawn, some time steps at a time."""
        rows, steps = batch.inputs.shape
        state = self._evaluation_state if batch.carry else None
        if state is None or len(state[CONTEXT]) != rows:
            state = self.initial_state(rows)
        counts = np.ones((rows, steps)) if batch.weights is None else batch.weights.astype(np.float64)
        # Of a batch that is no part of a corpus, rows follow one another.
        first = np.arange(0, rows * steps, steps) if batch.origin is None else batch.origin.first
        places = first[:, None] + np.arange(steps)  # (B, T)
        order = state[CONTEXT].shape[1]
        seen = np.concatenate([state[CONTEXT], batch.inputs], axis=1)  # (B, N + T)
        contexts = np.lib.stride_tricks.sliding_window_view(seen, order, axis=1)[:, 1:]  # (B, T, N)
        network = _of_network(state)
        for part, logits, after in self._read(batch, network):
            network = after
            wanted = np.flatnonzero(counts[:, part])
            if random is not None:
                wanted = wanted[random.random(len(wanted)) < share]
            expected = self._table.after(contexts[:, part].reshape(-1, order)[wanted])
            terms = _terms(logits.reshape(-1, self._table.vocab_size)[wanted], expected)
            targets, counted, stand = (batch.targets[:, part], counts[:, part], places[:, part])
            yield Scored(terms, targets.ravel()[wanted], counted.ravel()[wanted], stand.ravel()[wanted])
        self._evaluation_state = {**network, CONTEXT: contexts[:, -1]}

    def _read(self, batch: Batch, state: State) -> Iterator[tuple[slice, Floats, State]]:
        """Some time steps at a time, the network's logits (B, T, V) after each, and its state; of windows the last step alone."""
        rows, steps = batch.inputs.shape
        if batch.last_step_only:
            logits, state = self._network.prefill(batch.inputs, state)
            yield slice(steps - 1, steps), on_host(logits)[:, None], state
            return
        block = max(1, _BLOCK // (rows * self._table.vocab_size))
        for start in range(0, steps, block):
            part = slice(start, start + block)
            logits, state = self._network.forward(batch.inputs[:, part], state)
            yield part, on_host(logits), state


def _together(network: State, context: Ids) -> State:
    """A state of both; the network's stays as it was given, which may lie on a device."""
    return ChainMap({CONTEXT: context}, cast("MutableMapping[str, Any]", network))


def _of_network(state: State) -> State:
    if isinstance(state, ChainMap):
        return state.maps[1]
    return {name: array for name, array in state.items() if name != CONTEXT}


def _terms(logits: Floats, expected: Expected) -> Terms:
    """What a network's logits (n, V) and n-grams say at the same places."""
    with np.errstate(over="ignore"):  # from one end of float32 to the other, as where training diverges
        network: Floats = logits - np.maximum.reduce(logits, axis=-1, keepdims=True)
    np.maximum(network, _LOWEST, out=network)
    ngrams = np.maximum(expected.probabilities, _SMALLEST)
    return Terms(network, np.log(ngrams, out=ngrams), _case(expected.length, expected.followers))


def _case(length: Any, followers: Any) -> Any:
    """Which weights hold after contexts of which so many tokens are known, with so many followers."""
    return 2 * length + (followers > 1)
