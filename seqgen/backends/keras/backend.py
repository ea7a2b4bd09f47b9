"""What the Keras backend offers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seqgen.backends.allocation import keep_freed_memory
from seqgen.backends.choice import check_architecture, choose_device, choose_precision
from seqgen.backends.keras import engine
from seqgen.backends.keras.model import KerasModel
from seqgen.backends.keras.network import LAYERS
from seqgen.core.backend import Backend
from seqgen.core.canonical import initial_weights
from seqgen.core.errors import OptionError
from seqgen.core.spec import ModelSpec, OptimizerSpec, Precision


@dataclass(frozen=True, kw_only=True)
class KerasBackend(Backend):
    """Trains and generates with Keras 3, on the engine that ``KERAS_BACKEND`` names; TensorFlow if it names none."""

    def devices(self) -> Sequence[str]:
        """The devices that the engine sees: CUDA (ROCm goes by the same name), then the CPU."""
        return engine.devices()

    def architectures(self) -> Sequence[str]:
        """The recurrent networks of :mod:`seqgen.core.canonical`."""
        return tuple(LAYERS)

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
    ) -> KerasModel:
        """A model that generates, evaluates and, with an optimizer, trains; see :class:`seqgen.core.backend.Backend`.

        ``deterministic`` holds for the whole process, since engines have one switch for all models, and so do the memory
        that is kept between steps of training on a CPU, and float32 in place of TF32.
        """
        check_architecture("keras", spec.architecture, self.architectures())
        device = choose_device("keras", device, self.devices())
        precisions = ("float32", "bfloat16") if engine.name() in engine.BFLOAT16 else ("float32",)
        where = f"on {device} with {engine.name()}"
        computed = choose_precision("keras", precision, precisions, device=device, where=where)
        if optimizer is not None and engine.name() not in engine.TRAINING:
            msg = (
                f'Backend "keras" does not train on the Keras engine "{engine.name()}".  '
                f"Set KERAS_BACKEND to one of {', '.join(engine.TRAINING)}"
            )
            raise OptionError(msg)
        engine.exact_float32()
        if deterministic and device != "cpu":
            engine.only_deterministic()
        if device == "cpu" and optimizer is not None:
            keep_freed_memory()
        return KerasModel(
            spec,
            initial_weights(spec, random_seed) if weights is None else weights,
            device=device,
            precision=computed,
            random_seed=random_seed,
            optimizer=optimizer,
        )
