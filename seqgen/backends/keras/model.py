"""Recurrent networks in Keras."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, SupportsFloat

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from seqgen.backends.keras import engine
from seqgen.backends.keras.engine import Tensor, Tensors, array, tensor, tensors
from seqgen.backends.keras.functions import Functions, functions_of
from seqgen.backends.keras.generator import EngineGenerator
from seqgen.backends.keras.weights import from_keras, to_keras
from seqgen.backends.numpy.model import NumpyModel
from seqgen.backends.states import state_names
from seqgen.backends.updates import AVERAGE, MOMENTS, average_kept
from seqgen.core.backend import Model
from seqgen.core.canonical import canonical_shapes
from seqgen.core.spec import ModelSpec, OptimizerSpec
from seqgen.core.types import Array, Batch, Ids, State, Weights


class KerasModel(Model):
    """An lstm, gru or rnn of any number of layers.

    Weights, moments and states are values handed to compiled functions (:mod:`seqgen.backends.keras.functions`) and given
    back by them, never variables, so that the same code runs on every engine and models may share it.  State:
    ``layers.N.hidden`` and, for lstm, ``layers.N.cell``, as NumPy arrays.
    """

    accumulates = True

    def __init__(
        self,
        spec: ModelSpec,
        weights: Mapping[str, npt.NDArray[np.float32]],
        *,
        device: str,
        precision: str,
        random_seed: int,
        optimizer: OptimizerSpec | None,
    ) -> None:
        self.spec = spec
        self.device = device
        self.precision = precision
        self._optimizer = optimizer
        self._functions: Functions | None = None
        if optimizer is not None:
            with engine.on(device):
                # Keras takes seeds of 32 bits.
                self._random: Tensor = ops.convert_to_tensor(keras.random.SeedGenerator(random_seed % 2**31).state)
        self._training_state: Tensors | None = None
        self._evaluation_state: Tensors | None = None
        self._moments: Mapping[str, Tensors] = {}
        self._values = self._from_canonical(weights)
        self._generator = NumpyModel(spec, weights) if device == "cpu" else EngineGenerator(spec, weights, device)
        self._generator_is_stale = False
        self._reset_optimizer()

    # Generation

    def initial_state(self, batch_size: int) -> State:
        """Zeros."""
        return self._generator.initial_state(batch_size)

    def next_logits(self, ids: Ids, state: State) -> tuple[Array, State]:
        """One step; see :meth:`seqgen.core.backend.Model.next_logits`."""
        return self._current_generator().next_logits(ids, state)

    def prefill(self, ids: Ids, state: State) -> tuple[Array, State]:
        """Read T tokens at once; see :meth:`seqgen.core.backend.Model.prefill`."""
        return self._current_generator().prefill(ids, state)

    def forward(self, ids: Ids, state: State) -> tuple[Array, State]:
        """Read T tokens; see :meth:`seqgen.core.backend.Model.forward`."""
        return self._current_generator().forward(ids, state)

    def evaluate(self, batch: Batch) -> tuple[SupportsFloat, int]:
        """(sum of nats, scored targets); see :meth:`seqgen.core.backend.Model.evaluate`."""
        with engine.on(self.device):
            state = self._start(batch, self._evaluation_state)
            total: Tensor = None
            afters = []
            for rows in self.groups(len(batch.inputs)):
                own = {name: part[rows] for name, part in state.items()}
                group = batch.rows(rows)
                nats, after = self._compiled(group).nats[batch.last_step_only](self._values, _on_device(group), own)
                total = nats if total is None else total + nats
                afters.append(after)
            self._evaluation_state = _together(afters)
            return total, batch.scored

    # Weights

    def weights(self) -> Weights:
        """A copy of the weights in the canonical form."""
        return self._canonical(self._values)

    def load_weights(self, weights: Mapping[str, npt.NDArray[np.float32]]) -> None:
        """Take over canonical weights."""
        self._values = self._from_canonical(weights)
        self._generator_is_stale = True

    # Training

    def train_step(self, batch: Batch, learning_rate: float) -> SupportsFloat:
        """One update; see :meth:`seqgen.core.backend.Model.train_step`."""
        if self._optimizer is None:
            msg = "This model was built without an optimizer, so it does not train."
            raise TypeError(msg)
        self._steps += 1
        rates = {
            "learning_rate": learning_rate,
            "first_correction": 1.0 - self._optimizer.beta_1**self._steps,
            "second_correction": 1.0 - self._optimizer.beta_2**self._steps,
            "scale": 1.0 / max(batch.scored, 1),
            "average_kept": average_kept(self._optimizer, self._steps) if AVERAGE in self._moments else 0.0,
        }
        with engine.on(self.device):
            loss: SupportsFloat
            numbers = {name: ops.convert_to_tensor(rate, dtype="float32") for name, rate in rates.items()}
            state = self._start(batch, self._training_state)
            groups = self.groups(len(batch.inputs))
            if len(groups) > 1:
                loss = self._train_in_groups(batch, groups, state, numbers)
            else:
                (
                    (loss, self.gradient_norm),
                    self._values,
                    self._moments,
                    self._random,
                    self._training_state,
                ) = self._compiled(batch).update[batch.last_step_only](
                    self._values, self._moments, self._random, _on_device(batch), state, numbers
                )
        self._generator_is_stale = True
        return loss

    def averaged_weights(self) -> Weights | None:
        """A copy of the running average; see :meth:`seqgen.core.backend.Model.averaged_weights`."""
        return self._canonical(self._moments[AVERAGE]) if AVERAGE in self._moments else None

    def training_state(self) -> dict[str, npt.NDArray[np.generic]]:
        """The optimiser's state, the carried state, and where dropout's random numbers stand."""
        if self._optimizer is None:
            return {}
        state: dict[str, npt.NDArray[np.generic]] = {"step": np.array(self._steps, dtype=np.int64)}
        for moment, values in self._moments.items():
            state |= {f"{moment}.{name}": value for name, value in self._canonical(values).items()}
        for name, part in (self._training_state or {}).items():
            state[f"carry.{name}"] = array(part)
        return state | {_random_name(): array(self._random)}

    def load_training_state(self, state: Mapping[str, npt.NDArray[np.generic]]) -> None:
        """Take over what ``training_state`` gave, here or in another backend."""
        if self._optimizer is None:
            return
        self._reset_optimizer()
        moments = tuple(self._moments)
        with engine.on(self.device):
            # Another optimiser's state may lack some; then the moments start afresh.
            if all(
                name in state for name in ["step", *(f"{moment}.{name}" for moment in moments for name in self._values)]
            ):
                self._steps = int(state["step"])
                self._moments = {
                    moment: self._from_canonical({name: state[f"{moment}.{name}"] for name in self._values})
                    for moment in moments
                }
            names = [name for names in state_names(self.spec) for name in names]
            self._training_state = None
            if all(f"carry.{name}" in state for name in names):
                self._training_state = {name: tensor(state[f"carry.{name}"], "float32") for name in names}
            if (random := state.get(_random_name())) is not None:
                if random.shape != tuple(self._random.shape):
                    raise ValueError(f"{_random_name()} has shape {random.shape}")
                self._random = tensor(random, keras.backend.standardize_dtype(self._random.dtype))

    # Parts of the above

    def _current_generator(self) -> NumpyModel | EngineGenerator:
        """What generates, with the weights as they are now."""
        if self._generator_is_stale:
            self._generator.load_weights(self.weights())
            self._generator_is_stale = False
        return self._generator

    def _compiled(self, batch: Batch) -> Functions:
        """What computes; it is chosen by the first batch."""
        if self._functions is None:
            rows = len(batch.inputs)
            self._functions = functions_of(self.spec, self.device, self.precision, self._optimizer, rows)
        return self._functions

    def _train_in_groups(self, batch: Batch, groups: Sequence[slice], state: Tensors, rates: Tensors) -> Tensor:
        """One update from the gradients of groups of rows, added up; gives the loss."""
        total: Tensor = None
        random, afters = self._random, []
        for rows in groups:
            own = {name: part[rows] for name, part in state.items()}
            group = batch.rows(rows)
            loss, gradients, random, after = self._compiled(group).differentiate[batch.last_step_only](
                self._values, random, _on_device(group), own, rates
            )
            total = (loss, gradients) if total is None else keras.tree.map_structure(ops.add, total, (loss, gradients))
            afters.append(after)
        loss, gradients = total
        self.gradient_norm, self._values, self._moments = self._compiled(batch).apply(
            self._values, self._moments, gradients, rates
        )
        self._random = random
        self._training_state = _together(afters)
        return loss

    def _reset_optimizer(self) -> None:
        self._steps = 0
        if self._optimizer is None:
            return
        averages = (AVERAGE,) if self._optimizer.weight_average else ()
        with engine.on(self.device):
            self._moments = {
                moment: {name: ops.zeros_like(value) for name, value in self._values.items()}
                for moment in MOMENTS[self._optimizer.name]
            }
            self._moments |= {average: dict(self._values) for average in averages}

    def _start(self, batch: Batch, carried: Tensors | None) -> Tensors:
        """The carried state where the batch goes on and has as many rows; else zeros."""
        rows = batch.inputs.shape[0]
        if batch.carry and carried is not None and carried["layers.0.hidden"].shape[0] == rows:
            return carried
        return tensors(self.initial_state(rows))

    def _canonical(self, values: Tensors) -> Weights:
        return {name: from_keras(name, array(value), self.spec.architecture) for name, value in values.items()}

    def _from_canonical(self, weights: Mapping[str, npt.NDArray[Any]]) -> Tensors:
        with engine.on(self.device):
            return {
                name: tensor(to_keras(name, weights[name], self.spec.architecture), "float32")
                for name in canonical_shapes(self.spec)
            }


def _random_name() -> str:
    """Of where dropout's random numbers stand, which each engine holds in a type of its own."""
    return f"random.keras-{engine.name()}"


def _together(states: Sequence[Tensors]) -> Tensors:
    """The state of all rows from those of groups of them."""
    first, *others = states
    return {name: ops.concatenate([state[name] for state in states]) for name in first} if others else first


def _on_device(batch: Batch) -> Tensors:
    """``inputs``, ``targets`` and ``weights`` (T, B)."""
    weights = np.ones(batch.targets.shape) if batch.weights is None else batch.weights
    return {
        "inputs": tensor(batch.inputs.T, "int32"),
        "targets": tensor(batch.targets.T, "int32"),
        "weights": tensor(weights.T, "float32"),
    }
