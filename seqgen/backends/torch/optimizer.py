"""The update rules of :mod:`seqgen.backends.updates` by PyTorch's optimisers, and their moments in the canonical form."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from seqgen.backends.torch.weights import Slot
from seqgen.backends.updates import AVERAGE, MOMENTS, average_kept, decay_of
from seqgen.core.spec import OptimizerSpec
from seqgen.core.types import Weights

_NAMES: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("adamw", "first_moment"): "exp_avg",
        ("adamw", "second_moment"): "exp_avg_sq",
        ("adam", "first_moment"): "exp_avg",
        ("adam", "second_moment"): "exp_avg_sq",
        ("rmsprop", "second_moment"): "square_avg",
    }
)
"""What PyTorch calls the moments."""


class Updater:
    """Clips gradients and updates the parameters in which the canonical tensors lie."""

    def __init__(self, spec: OptimizerSpec, slots: Mapping[str, Slot]) -> None:
        self._spec = spec
        self._slots = slots
        self._parameters = [slot.parameter for slot in slots.values()]
        self._step = 0
        self._optimizer = self._fresh()
        self._averages = self._copies() if spec.weight_average else []

    def update(self, learning_rate: float) -> Tensor:
        """One update from the gradients that are there, which are then dropped; gives their norm before clipping."""
        norm = nn.utils.clip_grad_norm_(self._parameters, self._spec.grad_clip)
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate
        self._optimizer.step()
        self._optimizer.zero_grad()
        self._step += 1
        if self._averages:
            new = 1.0 - average_kept(self._spec, self._step)
            torch._foreach_lerp_(self._averages, [parameter.detach() for parameter in self._parameters], new)
        return norm

    def averages(self) -> Weights | None:
        """The running averages in the canonical form; None where there are none."""
        if not self._averages:
            return None
        return {name: slot.read(each) for (name, slot), each in zip(self._slots.items(), self._averages, strict=True)}

    def state(self) -> dict[str, npt.NDArray[np.generic]]:
        """``step``, and the moments of each tensor in the canonical form."""
        state: dict[str, npt.NDArray[np.generic]] = {"step": np.array(self._step, dtype=np.int64)}
        for moment in MOMENTS[self._spec.name]:
            for name, slot in self._slots.items():
                known = self._optimizer.state[slot.parameter].get(_NAMES[self._spec.name, moment])
                state[f"{moment}.{name}"] = np.zeros_like(slot.read()) if known is None else slot.read(known)
        return state | {f"{AVERAGE}.{name}": value for name, value in (self.averages() or {}).items()}

    def load(self, state: Mapping[str, npt.NDArray[np.generic]]) -> None:
        """Take over what ``state`` gave; the moments start afresh if another optimiser's lack some."""
        moments = MOMENTS[self._spec.name]
        names = [f"{moment}.{name}" for moment in moments for name in self._slots]
        self._optimizer = self._fresh()
        self._optimizer.zero_grad()  # a step that failed may have left some
        self._step = 0
        self._averages = self._copies() if self._averages else []
        names += [f"{AVERAGE}.{name}" for name in self._slots if self._averages]
        if any(name not in state for name in ["step", *names]):
            return
        self._step = int(state["step"])
        for name, slot in self._slots.items():
            # On the CPU a fused optimiser counts there, on other devices where its parameters are.
            step = torch.tensor(float(self._step), device=slot.parameter.device)
            own = self._optimizer.state[slot.parameter] = {"step": step}
            for moment in moments:
                tensor = own[_NAMES[self._spec.name, moment]] = torch.zeros_like(slot.parameter)
                slot.write(state[f"{moment}.{name}"], tensor)
        for (name, slot), average in zip(self._slots.items(), self._averages, strict=False):
            slot.write(state[f"{AVERAGE}.{name}"], average)

    def _copies(self) -> list[Tensor]:
        return [parameter.detach().clone() for parameter in self._parameters]

    def _fresh(self) -> torch.optim.Optimizer:
        spec = self._spec
        match spec.name:
            case "adamw" | "adam":
                groups = [
                    {"params": [slot.parameter], "weight_decay": decay_of(spec, name)}
                    for name, slot in self._slots.items()
                ]
                betas = (spec.beta_1, spec.beta_2)
                return torch.optim.AdamW(groups, betas=betas, eps=spec.epsilon, fused=True)
            case "rmsprop":
                return torch.optim.RMSprop(self._parameters, alpha=spec.beta_2, eps=spec.epsilon)
            case "sgd":
                return torch.optim.SGD(self._parameters)
