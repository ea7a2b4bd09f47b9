"""A checkpoint of a run put back into a trainer; nothing in it is believed before it is checked."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from seqgen.checkpoint import read_weights
from seqgen.core.canonical import GATES
from seqgen.core.errors import DamagedModelError
from seqgen.training.counters import Counters
from seqgen.training.trainer import Trainer
from seqgen.untrusted import read_json, read_tensors, shown

MAX_STEP = 10**9
"""The names of checkpoints have nine digits."""

MAX_COUNT = 2**53
"""No run counts this far; below it whole numbers are exact in JSON and as floats."""

FIGURES, MAX_FIGURE = (
    {"best_loss", "best_train_loss", "train_loss", "validation_loss", "nats", "norm_sum", "largest_norm"},
    sys.float_info.max,
)
"""Losses and norms, which may be of any size before a run has diverged."""

COUNTERS_SINCE = {"scored", "nats", "norms", "norm_sum", "largest_norm", "best_train_loss"}
"""Counters that runs of before do not have: the last was not kept, and the others began anew in each sitting."""


def load_state(trainer: Trainer, folder: Path) -> None:
    """Put a trainer where a checkpoint was: weights, best weights, the state of training, counters.

    Raises:
        DamagedModelError: a file is missing, or not what was written.
    """
    shapes = {name: tensor.shape for name, tensor in trainer.model.weights().items()}
    last = read_weights(folder / "last.safetensors", shapes, where=str(folder / "last.safetensors"))
    best = None
    if (folder / "best.safetensors").exists():
        best = read_weights(folder / "best.safetensors", shapes, where=str(folder / "best.safetensors"))
    path = folder / "training_state.safetensors"
    state = read_tensors(path, where=str(path))
    _check_state(state, trainer, where=str(path))
    counters = _counters(folder / "counters.json")
    trainer.model.load_weights(last)
    try:
        trainer.model.load_training_state(state)
    except (ArithmeticError, LookupError, RuntimeError, TypeError, ValueError) as error:
        # What a backend keeps beside moments, such as the position of its random numbers, only it can judge.
        msg = f"{path}: the backend cannot go on from it: {error}"
        raise DamagedModelError(msg) from error
    trainer.best_weights = best
    trainer.counters = counters


def _check_state(state: Mapping[str, npt.NDArray[Any]], trainer: Trainer, *, where: str) -> None:
    """Hold a training state against the one that the model has now, which another backend's may exceed or lack.

    Random states are the backend's own, which alone can judge them; so is what a model without a canonical form carries, be it
    whole numbers, minus infinity, or longer than that of a fresh model.
    """
    model = trainer.model
    canonical = model.spec.architecture in GATES
    own = model.training_state()
    carried = model.initial_state(1) if canonical else {}
    rows = set()
    for name, tensor in state.items():
        carry = name.startswith("carry.")
        if name.startswith("random.") or (carry and not canonical):
            continue
        if canonical and tensor.dtype.kind == "f" and not np.isfinite(tensor).all():
            msg = f'{where}: tensor "{name}" holds values that are not finite numbers.'
            raise DamagedModelError(msg)
        expected = own.get(name)
        part = carried.get(name.removeprefix("carry.")) if carry else None
        fits = expected is None or (tensor.shape, tensor.dtype) == (expected.shape, expected.dtype)
        if part is not None:  # (rows, ...), with as many rows as the last batch had
            fits = (
                tensor.ndim == len(part.shape)
                and tensor.shape[1:] == tuple(part.shape)[1:]
                and tensor.dtype == np.float32
            )
            rows.add(tensor.shape[:1])
        if not fits or len(rows) > 1 or (name == "step" and not 0 <= int(tensor) < MAX_COUNT):
            msg = f'{where}: tensor "{name}" of shape {tensor.shape} and type {tensor.dtype} is not of this model\'s training.'
            raise DamagedModelError(msg)


def _counters(path: Path) -> Counters:
    value = read_json(path, where=str(path))
    fresh = Counters().to_json()
    for wrong, what in (
        (value.keys() - fresh.keys(), "unknown to this seqgen"),
        (fresh.keys() - COUNTERS_SINCE - value.keys(), "missing"),
    ):
        if wrong:
            msg = f"{path}: {shown(min(wrong))} is {what}; the run cannot go on from there."
            raise DamagedModelError(msg)
    for name, number in value.items():
        kinds = (int, float) if name in FIGURES or name == "seconds" else (int,)
        limit = MAX_STEP if name == "step" else MAX_FIGURE if name in FIGURES else MAX_COUNT
        absent = number is None and fresh[name] is None
        if not absent and (type(number) not in kinds or not 0 <= number < limit):
            msg = f"{path}: {name} is not a number that a run can have counted."
            raise DamagedModelError(msg)
    return Counters(**value)
