"""What the laws of training share: a run with dropout, done once, and what comes back from a checkpoint of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load, save

from seqgen.core.backend import Model
from seqgen.core.spec import OptimizerSpec
from seqgen.core.types import Weights
from seqgen.testing.backend_models import ModelContract, stream, train
from seqgen.testing.laws import LawBroken, require

BEFORE, SINCE = 3, 3
"""Updates before a checkpoint, and after it."""


@dataclass(frozen=True)
class Course:
    """A training run with dropout: its losses, and what was there at a checkpoint and at the end."""

    losses: list[float]
    checkpoint: Weights
    training_state: dict[str, npt.NDArray[np.generic]]
    end: Weights


class LearningContract(ModelContract):
    """What the laws of training share."""

    def learner(self, random_seed: int = 5, **how: Any) -> Model:
        """A model that trains with dropout."""
        return self.build(self.spec(dropout=0.3), random_seed=random_seed, **{"optimizer": OptimizerSpec(), **how})

    @property
    def course(self) -> Course:
        """A run of ``learner``, done once."""
        return self.once("course", self._course)

    def _course(self) -> Course:
        learner = self.learner()
        losses = train(learner, stream(BEFORE), self.learning_rate)
        checkpoint, state = stored(learner.weights()), stored(learner.training_state())
        losses += train(learner, stream(SINCE, start=BEFORE), self.learning_rate)
        return Course(losses, checkpoint, state, learner.weights())


def stored(arrays: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
    """Named arrays as they come back from a checkpoint."""
    for name, value in arrays.items():
        require(isinstance(value, np.ndarray), f'"{name}" is a {type(value).__name__}.  Give NumPy arrays.')
    try:
        return load(save(dict(arrays)))
    except Exception as error:
        kinds = {name: value.dtype for name, value in arrays.items()}
        raise LawBroken(f"safetensors cannot hold these arrays: {error}.  Their types: {kinds}.") from error
