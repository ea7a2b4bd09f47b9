"""The backend and model contracts: arrays of token ids in, losses and logits out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, SupportsFloat

import numpy as np
import numpy.typing as npt

from seqgen.core.arrays import on_host
from seqgen.core.canonical import canonical_shapes
from seqgen.core.spec import ModelSpec, OptimizerSpec, Precision
from seqgen.core.types import Array, Batch, Ids, State, Weights


class Model(ABC):
    """A network on a device.  B sequences, T time steps, V vocabulary.

    Laws (checked by ``seqgen.testing``): ``weights`` then ``load_weights`` changes nothing; a row of ``next_logits``
    does not depend on the other rows; ``prefill`` and ``forward`` equal stepping; the loss falls on a learnable sequence.
    """

    spec: ModelSpec
    device: str
    precision: str
    quantised: bool = False
    """Whether it computes with rounded weights: its logits are those of its weights only roughly, and its texts may be others."""
    gradient_norm: SupportsFloat | None = None
    """Global norm of the gradients of the last ``train_step``, before clipping; None where a backend does not tell.

    Lazy as the loss is: ``float()`` of it may wait for the device.
    """
    accumulates: ClassVar[bool] = False
    """Whether ``train_step`` follows ``micro_batch_size``; ``evaluate`` may, too."""
    micro_batch_size: int | None = None
    """Sequences whose gradients ``train_step`` computes at a time; None: all.

    The gradients of such groups are added up before the one update, so that fewer at a time need less memory and give, but
    for rounding and for what dropout draws, the same.
    """

    # Generation

    @abstractmethod
    def initial_state(self, batch_size: int) -> State:
        """The state before any token, for B = batch_size sequences."""

    @abstractmethod
    def next_logits(self, ids: Ids, state: State) -> tuple[Array, State]:
        """One step.  ids (B,), state -> float32 logits (B, V) for the token that follows, and the state after.

        The state handed in is not modified.  The logits are a NumPy array, or a torch tensor on the model's device.
        """

    def prefill(self, ids: Ids, state: State) -> tuple[Array, State]:
        """Read T tokens at once.  ids (B, T), T at least 1 -> logits (B, V) after the last, and the state after."""
        logits: Array = None
        for step in range(ids.shape[1]):
            logits, state = self.next_logits(ids[:, step], state)
        return logits, state

    def forward(self, ids: Ids, state: State) -> tuple[Array, State]:
        """Read T tokens.  ids (B, T), T at least 1 -> logits (B, T, V) after each, and the state after the last.

        Nobody asks for more tokens at a time than whose logits may be in memory together.
        """
        steps = []
        for step in range(ids.shape[1]):
            logits, state = self.next_logits(ids[:, step], state)
            steps.append(on_host(logits))
        return np.stack(steps, axis=1), state

    def mixer(self, ngrams: Mapping[str, npt.NDArray[Any]]) -> Callable[[Array, Ids], Array] | None:
        """What mixes n-grams into logits, where the backend does that faster than the core; None leaves it to the core.

        Args:
            ngrams: of N + 1 tokens at most, as named arrays: those of ``ngrams.safetensors`` in a model's folder, checked.

        Returns:
            A function of logits (B, V) that ``next_logits`` or ``prefill`` gave and of the last tokens (B, N), the latest last, -1
            before the first, which gives the mixture's float32 logits (B, V) as new NumPy arrays.
        """
        return None

    @abstractmethod
    def evaluate(self, batch: Batch) -> tuple[SupportsFloat, int]:
        """(sum of nats over scored targets, how many were scored); no dropout, weights unchanged.

        The sum is lazy as the loss of ``train_step`` is.  With ``batch.carry`` it goes on from the state that the previous
        ``evaluate`` left; training keeps its own.
        """

    # Weights

    @abstractmethod
    def weights(self) -> Weights:
        """A copy of the weights, float32, with the names and shapes that ``Backend.weight_shapes`` states."""

    @abstractmethod
    def load_weights(self, weights: Mapping[str, npt.NDArray[np.float32]]) -> None:
        """Take over weights, whose names and shapes have been checked against ``Backend.weight_shapes``.

        All else of training stays: moments, the carried state, the random state and the running average.  In the middle of a
        run its average or its best weights are taken over to be measured, and then its own again, from which it goes on.
        """

    # Training; only where Backend.can_train

    def train_step(self, batch: Batch, learning_rate: float) -> SupportsFloat:
        """One optimiser update; gives the mean nats per scored target before it.

        The result is lazy: ``float()`` of it may wait for the device, so the trainer reads it only now and then.
        With ``batch.carry`` it goes on from the state that the previous ``train_step`` left (truncated BPTT).
        """
        msg = f"{type(self).__name__} does not train; check Backend.can_train first."
        raise TypeError(msg)

    def groups(self, rows: int) -> Sequence[slice]:
        """The rows (B,) that ``train_step`` takes at a time, by ``micro_batch_size``; for backends that accumulate."""
        size = self.micro_batch_size or rows
        return [slice(first, min(first + size, rows)) for first in range(0, rows, size)]

    def averaged_weights(self) -> Weights | None:
        """A copy of the running average of the weights that ``OptimizerSpec.weight_average`` asks for; None without one.

        Training goes on from the weights themselves; the average is what is measured and published.
        """
        return None

    def training_state(self) -> dict[str, npt.NDArray[np.generic]]:
        """All that exact resuming needs besides the weights, as named arrays.

        Optimiser moments and averaged weights are in the canonical form (``first_moment.layers.0.bias``, ``average.layers.0.bias``,
        ...), so that another framework can go on; the carried state and the random state of dropout are the backend's own (``carry.*``, ``random.*``).
        Of a canonical architecture what is carried is float32, in the shapes of ``initial_state``.
        """
        return {}

    def load_training_state(self, state: Mapping[str, npt.NDArray[np.generic]]) -> None:
        """Take over what ``training_state`` gave, also from another backend (its own names are then skipped).

        What it lacks is as in a fresh model, also where this one has trained: a run that diverges before its first checkpoint
        goes back to the weights and the training state that it had before its first step.

        Raises:
            ValueError: what is the backend's own was altered or damaged; an older checkpoint is then taken.
        """


class Backend(ABC):
    """A framework's implementation of the models.

    A backend is a dataclass: its options (``markov:order=2``) are fields annotated with ``Doc``.
    """

    can_train: ClassVar[bool] = True
    exceptions: ClassVar[Mapping[str, str]] = {}
    """Laws of ``seqgen.testing`` that this part cannot keep: the law's name and the reason, which is shown."""

    @abstractmethod
    def devices(self) -> Sequence[str]:
        """The devices here, best first: ``cuda:0``, ``mps``, ``xpu:0``, ``cpu``."""

    @abstractmethod
    def architectures(self) -> Sequence[str]:
        """The architectures that ``build`` knows; the first is taken where none is named and ``lstm`` is not among them."""

    def weight_shapes(self, spec: ModelSpec) -> Mapping[str, tuple[int, ...]]:
        """The names and shapes of all weights of a model, in order: what it gives, takes over, and a checkpoint holds.

        The default is the canonical form (:mod:`seqgen.core.canonical`), by which any backend goes on with what another
        trained.  A backend with an architecture that has no canonical form overrides this, and gives such a model's
        tensors names and shapes of its own.

        Args:
            spec: of one of ``architectures()``.
        """
        return canonical_shapes(spec)

    @abstractmethod
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
    ) -> Model:
        """A model with these weights, or without them, fresh ones.

        Fresh weights of a canonical form come from :func:`seqgen.core.canonical.initial_weights`, so that every backend
        starts from the same numbers.

        Args:
            spec: the shape of the network.
            device: one of ``devices()``, its family (``cuda``), or ``auto`` for the first.
            precision: of the products while training; ``auto`` takes bfloat16 where the device computes it natively
                and faster.  Weights, logits and everything outside training are float32.
            random_seed: of fresh weights and of dropout.
            deterministic: only operations that give the same bits each time, also where slower (on a CPU all do).
            optimizer: how to train; None builds a model that only generates and evaluates.
            weights: to start from; their names and shapes have been checked against ``weight_shapes``.

        Raises:
            OptionError: a device or precision that is not available here, naming those that are.
        """
