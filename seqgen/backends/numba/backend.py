"""What the Numba backend offers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from seqgen.backends.choice import check_architecture, choose_device, choose_precision
from seqgen.backends.numba.model import NumbaModel
from seqgen.core.backend import Backend
from seqgen.core.canonical import GATES, initial_weights
from seqgen.core.errors import OptionError
from seqgen.core.spec import ModelSpec, OptimizerSpec, Precision


@dataclass(frozen=True, kw_only=True)
class NumbaBackend(Backend):
    """Generates and evaluates on the CPU with weights rounded to 8 bits: one text about twice to three times as fast as with NumPy.

    A step reads all weights once, and takes about as long as that; of 8 bits they are a quarter of the bytes.  Texts side by side
    are written one after another, which gains less.  The text may differ from that of other backends.  Numba compiles for some seconds when it
    is first used, and keeps the result.
    """

    can_train: ClassVar[bool] = False

    def devices(self) -> Sequence[str]:
        """The CPU."""
        return ("cpu",)

    def architectures(self) -> Sequence[str]:
        """The recurrent networks of :mod:`seqgen.core.canonical`."""
        return tuple(GATES)

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
    ) -> NumbaModel:
        """A model that generates and evaluates; see :meth:`seqgen.core.backend.Backend.build`."""
        check_architecture("numba", spec.architecture, self.architectures())
        choose_device("numba", device, self.devices())
        choose_precision("numba", precision, ("float32",), device="cpu", where="on cpu")
        if optimizer is not None:
            msg = 'Backend "numba" generates and evaluates only.  Train with --backend torch or --backend keras'
            raise OptionError(msg)
        return NumbaModel(spec, initial_weights(spec, random_seed) if weights is None else weights)
