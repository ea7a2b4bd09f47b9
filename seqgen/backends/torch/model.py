"""Recurrent networks in PyTorch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from seqgen.backends.states import state_names
from seqgen.backends.torch.loss import summed_nats
from seqgen.backends.torch.network import Network, Parts, copied, on_device
from seqgen.backends.torch.optimizer import Updater
from seqgen.backends.torch.stepper import Stepper
from seqgen.backends.torch.tokens import TokensOnDevice
from seqgen.backends.torch.weights import read_weights, slots, write_weights
from seqgen.core.backend import Model
from seqgen.core.spec import ModelSpec, OptimizerSpec
from seqgen.core.types import Array, Batch, Ids, State, Weights

_BLOCK = 256
"""Time steps that ``prefill`` reads at once."""


class TorchModel(Model):
    """An lstm, gru or rnn of any number of layers.

    State: ``layers.N.hidden`` and, for lstm, ``layers.N.cell``, tensors on the device.  Logits are NumPy arrays on the
    CPU, and tensors on other devices.
    """

    accumulates = True

    @torch.inference_mode(mode=False)
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
        self._names = state_names(spec)
        self._network = Network(spec, device)
        self._dropout = torch.Generator(device).manual_seed(random_seed)
        self._random_name = f"random.torch-{device.partition(':')[0]}"
        self._stepper: Stepper | None = None
        self._tokens = TokensOnDevice(device)
        self._training_state: tuple[Parts, ...] | None = None
        self._evaluation_state: tuple[Parts, ...] | None = None
        self.load_weights(weights)
        # After the weights, whose average it begins with.
        self._updater = None if optimizer is None else Updater(optimizer, slots(self._network))

    # Generation

    def initial_state(self, batch_size: int) -> State:
        """Zeros."""
        return self._named(self._zeros(batch_size))

    @torch.inference_mode()
    def next_logits(self, ids: Ids, state: State) -> tuple[Array, State]:
        """One step; see :meth:`seqgen.core.backend.Model.next_logits`."""
        if self._stepper is None:
            self._stepper = Stepper(self._network, self._names)
        logits, after = self._stepper.next(ids, state)
        return self._given(logits), after

    @torch.inference_mode()
    def prefill(self, ids: Ids, state: State) -> tuple[Array, State]:
        """Read T tokens at once; see :meth:`seqgen.core.backend.Model.prefill`."""
        parts = self._parts(state)
        for block in torch.split(self._tensor(ids.T), _BLOCK):
            outputs, parts = self._network(block, parts)
        return self._given(self._network.logits(outputs[-1])), self._named(parts)

    @torch.inference_mode()
    def forward(self, ids: Ids, state: State) -> tuple[Array, State]:
        """Read T tokens; see :meth:`seqgen.core.backend.Model.forward`."""
        outputs, parts = self._network(self._tensor(ids.T), self._parts(state))  # (T, B, H)
        return self._given(self._network.logits(outputs).transpose(0, 1)), self._named(parts)

    @torch.inference_mode()
    def evaluate(self, batch: Batch) -> tuple[Tensor, int]:
        """(sum of nats, scored targets); see :meth:`seqgen.core.backend.Model.evaluate`."""
        state = self._start(batch, self._evaluation_state)
        sums, afters = [], []
        for rows in self.groups(len(batch.inputs)):
            nats, after = self._nats(batch.rows(rows), _only(state, rows), dropout=None)
            sums.append(nats)
            afters.append(after)
        self._evaluation_state = _together(afters)
        return _sum(sums), batch.scored

    # Weights

    def weights(self) -> Weights:
        """A copy of the weights in the canonical form."""
        return read_weights(self._network)

    def load_weights(self, weights: Mapping[str, npt.NDArray[np.float32]]) -> None:
        """Take over canonical weights."""
        write_weights(self._network, weights)
        self._stepper = None

    # Training, also where the program that asks for it computes no gradients (``mode=False`` computes them)

    @torch.inference_mode(mode=False)
    def train_step(self, batch: Batch, learning_rate: float) -> Tensor:
        """One update; see :meth:`seqgen.core.backend.Model.train_step`."""
        if self._updater is None:
            msg = "This model was built without an optimizer, so it does not train."
            raise TypeError(msg)
        state = self._start(batch, self._training_state)
        losses, afters = [], []
        for rows in self.groups(len(batch.inputs)):
            nats, after = self._nats(batch.rows(rows), _only(state, rows), dropout=self._dropout)
            loss = nats / max(batch.scored, 1)
            torch.autograd.backward(loss)  # adds to the gradients that are there
            losses.append(loss.detach())
            afters.append([tuple(part.detach() for part in parts) for parts in after])
        self.gradient_norm = self._updater.update(learning_rate)
        self._training_state = _together(afters)
        self._stepper = None
        return _sum(losses)

    def averaged_weights(self) -> Weights | None:
        """A copy of the running average; see :meth:`seqgen.core.backend.Model.averaged_weights`."""
        return None if self._updater is None else self._updater.averages()

    def training_state(self) -> dict[str, npt.NDArray[np.generic]]:
        """The optimiser's state, the carried state, and where dropout's random numbers stand."""
        if self._updater is None:
            return {}
        state = self._updater.state()
        if self._training_state is not None:
            carried = self._named(self._training_state)
            state |= {f"carry.{name}": part.float().cpu().numpy().copy() for name, part in carried.items()}
        return state | {self._random_name: self._dropout.get_state().numpy().copy()}

    @torch.inference_mode(mode=False)
    def load_training_state(self, state: Mapping[str, npt.NDArray[np.generic]]) -> None:
        """Take over what ``training_state`` gave, here or in another backend."""
        if self._updater is None:
            return
        self._updater.load(state)
        names = [f"carry.{name}" for names in self._names for name in names]
        self._training_state = None
        if all(name in state for name in names):
            self._training_state = self._parts(
                {name.removeprefix("carry."): torch.tensor(state[name], device=self.device) for name in names}
            )
        if self._random_name in state:
            self._dropout.set_state(torch.tensor(state[self._random_name], device="cpu"))

    # Parts of the above

    def _nats(
        self, batch: Batch, state: tuple[Parts, ...], dropout: torch.Generator | None
    ) -> tuple[Tensor, tuple[Parts, ...]]:
        """(summed nats of the scored targets, the state after); in the model's precision where it trains."""
        lower = dropout is not None and self.precision == "bfloat16"
        inputs, targets = self._tokens.of(batch)
        with torch.autocast(self.device.partition(":")[0], torch.bfloat16, enabled=lower):
            outputs, after = self._network(inputs, state, dropout)  # (T, B, H)
        if batch.last_step_only:
            outputs, targets = outputs[-1:], targets[-1:]
        weights = None if batch.weights is None else copied(batch.weights.T, self.device).flatten()
        output = self._network.output
        nats = summed_nats(outputs.flatten(0, 1), output.weight, output.bias, targets.flatten(), weights)
        return nats, after

    def _start(self, batch: Batch, carried: tuple[Parts, ...] | None) -> tuple[Parts, ...]:
        """The carried state where the batch goes on and has as many rows; else zeros."""
        rows = batch.inputs.shape[0]
        if batch.carry and carried is not None and carried[0][0].shape[0] == rows:
            return carried
        return self._zeros(rows)

    def _zeros(self, batch_size: int) -> tuple[Parts, ...]:
        zeros = torch.zeros((batch_size, self.spec.hidden_size), device=self.device, dtype=torch.float32)
        return tuple(tuple(zeros for _ in names) for names in self._names)

    def _tensor(self, ids: Ids) -> Tensor:
        return on_device(ids, self.device)

    def _given(self, logits: Tensor) -> Array:
        return logits.numpy() if self.device == "cpu" else logits

    def _parts(self, state: State) -> tuple[Parts, ...]:
        return tuple(tuple(state[name] for name in names) for names in self._names)

    def _named(self, parts: tuple[Parts, ...]) -> dict[str, Any]:
        return {
            name: part
            for names, own in zip(self._names, parts, strict=True)
            for name, part in zip(names, own, strict=True)
        }


def _only(state: tuple[Parts, ...], rows: slice) -> tuple[Parts, ...]:
    """The state of some rows."""
    return tuple(tuple(part[rows] for part in parts) for parts in state)


def _together(states: Sequence[Sequence[Parts]]) -> tuple[Parts, ...]:
    """The state of all rows from those of groups of them."""
    return tuple(
        tuple(torch.cat(parts) if len(parts) > 1 else parts[0] for parts in zip(*layers, strict=True))
        for layers in zip(*states, strict=True)
    )


def _sum(numbers: Sequence[Tensor]) -> Tensor:
    return torch.stack(tuple(numbers)).sum() if len(numbers) > 1 else numbers[0]
