"""What the laws of backends work with: a small model, weights in which every number counts, and batches."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, TypeVar, cast

import numpy as np
import numpy.typing as npt
import pytest
from array_api_compat import array_namespace

from seqgen.core.arrays import on_host
from seqgen.core.backend import Backend, Model
from seqgen.core.canonical import GATES, initial_weights
from seqgen.core.spec import ModelSpec, OptimizerSpec
from seqgen.core.types import Batch, Ids, State, Weights
from seqgen.testing.laws import Contract, LawBroken, require

T = TypeVar("T")

TOLERANCE = 1e-4
"""How far float32 logits may be from one another, or from float64, where their formula is the same."""

QUANTISED_TOLERANCE = 0.02
"""How far logits of rounded weights may be from float64, in models as small as these; a swapped gate moves them by more."""

ROWS, STEPS, VOCAB_SIZE = 4, 8, 11

SGD = OptimizerSpec(name="sgd", grad_clip=1e9)
"""Without clipping and at a learning rate of 1, an update takes the gradient itself off the weights."""


class ModelContract(Contract):
    """What the laws of backends share.

    Attributes:
        architecture: of the models; empty: ``lstm`` where the backend has it, else its first, and each that it has where
            weights are held against those stated, and logits against the canonical formulas.
        learning_rate: at which the loss falls on a learnable sequence.
        learning_steps: in how many updates.
    """

    architecture: ClassVar[str] = ""
    learning_rate: ClassVar[float] = 0.02
    learning_steps: ClassVar[int] = 80

    _made: ClassVar[dict[str, Any]]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls._made = {}

    @abstractmethod
    def make(self) -> Backend:
        """A backend."""

    def instance(self) -> Backend:
        """A backend."""
        return self.make()

    def spec(self, **shape: Any) -> ModelSpec:
        """A small model: two layers of 8 units, unless the shape says otherwise."""
        known = self.make().architectures()
        architecture = self.architecture or ("lstm" if "lstm" in known else known[0])
        small = {"vocab_size": VOCAB_SIZE, "embedding_size": 6, "hidden_size": 8, "num_layers": 2}
        return ModelSpec(**{"architecture": architecture, **small, **shape})

    def build(self, spec: ModelSpec | None = None, **how: Any) -> Model:
        """A model where numbers can be compared: on the CPU if there is one, float32, deterministic."""
        backend = self.make()
        where = "cpu" if "cpu" in backend.devices() else "auto"
        fixed = {"device": where, "precision": "float32", "deterministic": True}
        return backend.build(spec or self.spec(), **{**fixed, **how})

    @property
    def places(self) -> Sequence[str]:
        """Where laws hold that depend on the device: where ``build`` builds, and the first device that there is."""
        devices = self.make().devices()
        return tuple(dict.fromkeys(("cpu" if "cpu" in devices else devices[0], devices[0])))

    def once(self, what: str, make: Callable[[], T]) -> T:
        """What is made the first time, and shared by all laws of this class: building a model may take seconds."""
        if what not in self._made:
            self._made[what] = make()
        return cast("T", self._made[what])

    @property
    def _architectures(self) -> Sequence[str]:
        """That of the class; all of the backend where it names none."""
        return [self.architecture] if self.architecture else self.make().architectures()

    @property
    def canonical(self) -> bool:
        """Whether the architecture has a canonical form."""
        return self.spec().architecture in GATES

    def needs_canonical(self) -> None:
        """Skip a law of the canonical form where the architecture has none."""
        if not self.canonical:
            pytest.skip(f"architecture {self.spec().architecture} has no canonical form")

    def needs_training(self) -> None:
        """Skip a law of training where the backend does not train."""
        if not self.make().can_train:
            pytest.skip("can_train is false")

    @property
    def weights(self) -> Weights:
        """Weights of a small model in which no tensor is zero, or of one that has learnt a little."""
        return self.once("weights", self._weights)

    def _weights(self) -> Weights:
        if self.canonical:
            return filled_weights(self.spec())
        if not self.make().can_train:
            return self.build().weights()
        model = self.build(optimizer=OptimizerSpec())
        train(model, stream(4), self.learning_rate)
        return model.weights()

    @property
    def model(self) -> Model:
        """A model of these weights that generates and evaluates."""
        return self.once("model", lambda: self.build(weights=self.weights))

    def pupil(self) -> Model:
        """A model of these weights that trains by plain gradient descent."""
        pupil = self.once("pupil", lambda: self.build(optimizer=SGD))
        pupil.load_weights(self.weights)
        return pupil


def filled_weights(spec: ModelSpec) -> Weights:
    """Canonical weights in which no tensor is zero."""
    noise = np.random.default_rng(0)
    return {
        name: (value + noise.normal(0, 0.2 if name.endswith("bias") else 0.05, value.shape)).astype(np.float32)
        for name, value in initial_weights(spec, 0).items()
    }


def batch_of(rows: int = ROWS, steps: int = STEPS, random_seed: int = 0, **fields: Any) -> Batch:
    """Random inputs and targets (rows, steps), so that none can be guessed from another."""
    inputs, targets = np.random.default_rng(random_seed).integers(0, VOCAB_SIZE, (2, rows, steps), dtype=np.uint16)
    return Batch(inputs, targets, **fields)


def located_in_corpora() -> Iterator[Batch]:
    """Batches that say where they lie in a corpus of two parts; the last row of each runs out of it, where nothing is scored."""
    random = np.random.default_rng(0)
    parts = [random.integers(0, VOCAB_SIZE, size, dtype=np.uint16) for size in (5 * STEPS, 3 * STEPS)]
    for tokens, offset in ((parts[0], 0), (parts[0], STEPS), (parts[1], 1), (parts[0], 2)):
        first = offset + np.arange(ROWS)
        first[-1] = tokens.size - STEPS // 2
        places = first[:, None] + np.arange(STEPS + 1)  # (B, T + 1)
        ids = tokens[np.minimum(places, tokens.size - 1)]
        weights = (places[:, 1:] < tokens.size).astype(np.float32)
        yield Batch(ids[:, :-1], ids[:, 1:], weights).located(tokens, first)


def stream(count: int, start: int = 0) -> Iterator[Batch]:
    """Batches that follow on one another, of a sequence in which each token settles the next."""
    cycle = np.array([0, 3, 1, 4, 5, 9, 2, 6, 8, 7, 10])
    for number in range(start, start + count):
        places = number * STEPS + np.arange(STEPS + 1) + 3 * np.arange(ROWS)[:, None]  # (B, T + 1)
        ids = cycle[places % len(cycle)]
        yield Batch(ids[:, :-1], ids[:, 1:], carry=number > 0)


def train(model: Model, batches: Iterator[Batch] | Sequence[Batch], learning_rate: float) -> list[float]:
    """One update for each batch; the losses."""
    return [float(model.train_step(batch, learning_rate)) for batch in batches]


def stepped(model: Model, ids: Ids, state: State | None = None) -> tuple[npt.NDArray[Any], State]:
    """The logits (B, T, V) of stepping through ids (B, T), and the state after."""
    state = model.initial_state(len(ids)) if state is None else state
    found = []
    for column in ids.T:
        logits, state = model.next_logits(column, state)
        found.append(on_host(logits))
    return np.stack(found, axis=1), state


def joined(states: Sequence[State]) -> State:
    """The sequences of several states in one."""
    return {
        name: array_namespace(array).concat([state[name] for state in states], axis=0)
        for name, array in states[0].items()
    }


def copied(arrays: Mapping[str, Any]) -> dict[str, npt.NDArray[Any]]:
    """Named arrays as they are now, on the host."""
    return {name: np.array(on_host(array)) for name, array in arrays.items()}


def require_close(found: Any, expected: Any, message: str, tolerance: float = TOLERANCE) -> None:
    """Hold that two arrays or numbers are equal to the tolerance, absolutely or relatively; the message gets the difference."""
    __tracebackhide__ = True
    found, expected = np.asarray(found, np.float64), np.asarray(expected, np.float64)
    require(found.shape == expected.shape, f"{message}\nfound shape {found.shape}, expected {expected.shape}")
    close = np.isclose(found, expected, rtol=tolerance, atol=tolerance)
    if not close.all():
        place = tuple(np.argwhere(~close)[0].tolist())
        raise LawBroken(f"{message}\nfound {found[place]:.6g}, expected {expected[place]:.6g}, at {list(place)}")


def require_same_names(found: Mapping[str, Any], expected: Mapping[str, Any], message: str) -> None:
    """Hold that there are the same names, in the same order."""
    __tracebackhide__ = True
    names, stated = list(found), list(expected)
    if sorted(names) == sorted(stated):
        for name, belongs in zip(names, stated, strict=True):
            require(
                name == belongs,
                f'{message}\nThe names are the same, in another order: "{name}" is where "{belongs}" belongs.',
            )
    require(names == stated, f"{message}\nfound {names}, expected {stated}")


def require_same(found: Mapping[str, Any], expected: Mapping[str, Any], message: str) -> None:
    """Hold that named arrays are the same, bit for bit; the message gets the name of the first that is not."""
    __tracebackhide__ = True
    require_same_names(found, expected, message)
    for name, value in copied(expected).items():
        require(np.array_equal(on_host(found[name]), value, equal_nan=True), f'{message}\n"{name}" differs.')
