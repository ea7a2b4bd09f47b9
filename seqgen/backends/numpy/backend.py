"""What the NumPy backend offers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from seqgen.backends.choice import check_architecture, choose_device, choose_precision
from seqgen.backends.numpy.cells import CELLS
from seqgen.backends.numpy.model import NumpyModel
from seqgen.core.backend import Backend
from seqgen.core.canonical import initial_weights
from seqgen.core.errors import OptionError
from seqgen.core.spec import ModelSpec, OptimizerSpec, Precision


@dataclass(frozen=True, kw_only=True)
class NumpyBackend(Backend):
    """Generates and evaluates in float32 on the CPU; nothing to import but NumPy, so text appears at once."""

    can_train: ClassVar[bool] = False

    def devices(self) -> Sequence[str]:
        """The CPU."""
        return ("cpu",)

    def architectures(self) -> Sequence[str]:
        """The recurrent networks of :mod:`seqgen.core.canonical`."""
        return tuple(CELLS)

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
    ) -> NumpyModel:
        """A model that generates and evaluates; see :meth:`seqgen.core.backend.Backend.build`."""
        check_architecture("numpy", spec.architecture, self.architectures())
        choose_device("numpy", device, self.devices())
        choose_precision("numpy", precision, ("float32",), device="cpu", where="on cpu")
        if optimizer is not None:
            msg = 'Backend "numpy" generates and evaluates only.  Train with --backend torch or --backend keras'
            raise OptionError(msg)
        return NumpyModel(spec, initial_weights(spec, random_seed) if weights is None else weights)
