"""The update rules of :mod:`seqgen.backends.updates` in PyTorch's kernels, and their moments in the canonical form.

The kernels are called, and not ``torch.optim``, whose first optimiser imports PyTorch's compiler: as long again as PyTorch itself.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from seqgen.backends.torch.weights import Slot
from seqgen.backends.updates import AVERAGE, MOMENTS, average_kept, decay_of
from seqgen.core.spec import OptimizerSpec
from seqgen.core.types import Weights


class Updater:
    """Clips gradients and updates the parameters in which the canonical tensors lie."""

    def __init__(self, spec: OptimizerSpec, slots: Mapping[str, Slot]) -> None:
        self._spec = spec
        self._slots = slots
        self._parameters = [slot.parameter for slot in slots.values()]
        self._values = [parameter.detach() for parameter in self._parameters]
        self._decays = [decay_of(spec, name) for name in slots]
        self._step = 0
        self._moments = self._zeros()
        self._averages = self._copies() if spec.weight_average else []

    def update(self, learning_rate: float) -> Tensor:
        """One update from the gradients that are there, which are then dropped; gives their norm before clipping."""
        norm = nn.utils.clip_grad_norm_(self._parameters, self._spec.grad_clip)
        self._step += 1
        self._change(learning_rate)
        self._drop_gradients()
        if self._averages:
            torch._foreach_lerp_(self._averages, self._values, 1.0 - average_kept(self._spec, self._step))
        return norm

    def averages(self) -> Weights | None:
        """The running averages in the canonical form; None where there are none."""
        if not self._averages:
            return None
        return {name: slot.read(each) for (name, slot), each in zip(self._slots.items(), self._averages, strict=True)}

    def state(self) -> dict[str, npt.NDArray[np.generic]]:
        """``step``, and the moments of each tensor in the canonical form."""
        state: dict[str, npt.NDArray[np.generic]] = {"step": np.array(self._step, dtype=np.int64)}
        for moment, tensors in self._moments.items():
            for (name, slot), tensor in zip(self._slots.items(), tensors, strict=True):
                state[f"{moment}.{name}"] = slot.read(tensor)
        return state | {f"{AVERAGE}.{name}": value for name, value in (self.averages() or {}).items()}

    def load(self, state: Mapping[str, npt.NDArray[np.generic]]) -> None:
        """Take over what ``state`` gave; the moments start afresh if another optimiser's lack some."""
        self._drop_gradients()  # a step that failed may have left some
        self._step = 0
        self._moments = self._zeros()
        self._averages = self._copies() if self._averages else []
        remembered = self._moments | ({AVERAGE: self._averages} if self._averages else {})
        if any(
            name not in state for name in ["step", *(f"{kind}.{name}" for kind in remembered for name in self._slots)]
        ):
            return
        self._step = int(state["step"])
        for kind, tensors in remembered.items():
            for (name, slot), tensor in zip(self._slots.items(), tensors, strict=True):
                slot.write(state[f"{kind}.{name}"], tensor)

    def _change(self, learning_rate: float) -> None:
        """The rule itself, with the clipped gradients."""
        spec, values = self._spec, self._values
        gradients = [parameter.grad for parameter in self._parameters if parameter.grad is not None]
        if spec.name == "sgd":
            torch._foreach_add_(values, gradients, alpha=-learning_rate)
        elif spec.name == "rmsprop":
            (second,) = self._moments.values()
            torch._foreach_mul_(second, spec.beta_2)
            torch._foreach_addcmul_(second, gradients, gradients, 1.0 - spec.beta_2)
            divisors = torch._foreach_sqrt(second)  # noqa: SLF001  torch.optim's own
            torch._foreach_add_(divisors, spec.epsilon)
            torch._foreach_addcdiv_(values, gradients, divisors, -learning_rate)
        else:
            first, second = self._moments.values()
            step = torch.full((), float(self._step), device=values[0].device, dtype=torch.float32)
            for decay in sorted({*self._decays}):
                torch._fused_adamw_(
                    self._of(decay, values),
                    self._of(decay, gradients),
                    self._of(decay, first),
                    self._of(decay, second),
                    [],
                    [step] * self._decays.count(decay),
                    lr=learning_rate,
                    beta1=spec.beta_1,
                    beta2=spec.beta_2,
                    weight_decay=decay,
                    eps=spec.epsilon,
                    amsgrad=False,
                    maximize=False,
                )

    def _of(self, decay: float, tensors: list[Tensor]) -> list[Tensor]:
        """Those of the parameters with that weight decay."""
        return [tensor for tensor, own in zip(tensors, self._decays, strict=True) if own == decay]

    def _drop_gradients(self) -> None:
        for parameter in self._parameters:
            parameter.grad = None

    def _zeros(self) -> dict[str, list[Tensor]]:
        """The moments before the first update, each in the order of the parameters."""
        return {moment: [torch.zeros_like(each) for each in self._values] for moment in MOMENTS[self._spec.name]}

    def _copies(self) -> list[Tensor]:
        return [value.clone() for value in self._values]
