"""What a run does about a loss that is no number, and about memory that does not suffice."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from seqgen.core.errors import DamagedModelError, TrainingError
from seqgen.core.memory import out_of_memory
from seqgen.core.types import Weights
from seqgen.training.counters import Counters
from seqgen.training.memory import fewer_rows
from seqgen.training.progress import Reporter
from seqgen.training.run import Run
from seqgen.training.trainer import DivergedError, Trainer

FreshState: TypeAlias = tuple[Weights, dict[str, npt.NDArray[np.generic]]]
"""The weights and the state of training before the first step."""

SETBACKS = 3
"""How often a run goes back before it gives up."""


def train_with_setbacks(trainer: Trainer, run: Run, reporter: Reporter, *, auto_batch: bool = False) -> None:
    """Train; where that diverges, go back to the last good checkpoint, or to the start, with half the learning rate.

    The best weights so far stay the best, and the time that was spent counts.

    Args:
        trainer: at its start, or where a checkpoint was.
        run: has the checkpoints.
        reporter: told what happens.
        auto_batch: where memory does not suffice, go back likewise, and take fewer sequences at a time.

    Raises:
        TrainingError: it has diverged once more after ``SETBACKS`` setbacks; ``trainer`` holds what was best before.
    """
    model = trainer.model
    # Where a checkpoint is there, it is what a setback goes back to.
    start = None if run.newest_step() is not None else (model.weights(), model.training_state())
    while True:
        diverged: DivergedError | None = None
        try:
            trainer.run()
        except DivergedError as error:
            diverged = error
        except Exception as error:
            if not (auto_batch and out_of_memory(error) and fewer_rows(model, trainer.training.batch_size)):
                raise
        else:
            return
        # Here, where nothing of the step that failed is held any more.
        if diverged is None:
            _go_back(trainer, run, start)
            trainer.counters.micro_batch_size = model.micro_batch_size
            reporter.note(
                f"memory   is not enough: from now on {model.micro_batch_size} sequences of a batch at a time"
            )
        else:
            _give_up_or_go_back(diverged, trainer, run, start)
            reporter.warn(
                f"The loss was not a number any more after step {diverged.step:,}: back to step {trainer.counters.step:,}, "
                f"with half the learning rate ({trainer.learning_rate:.2g})."
            )


def _give_up_or_go_back(error: DivergedError, trainer: Trainer, run: Run, start: FreshState | None) -> None:
    now = trainer.counters
    if now.setbacks >= SETBACKS:
        msg = f"{error}  It has gone back {SETBACKS} times, each time with half the rate."
        raise TrainingError(msg) from error
    try:
        _go_back(trainer, run, start)
    except DamagedModelError as damage:
        msg = f"{error}\nThere is no checkpoint to go back to: {damage}"
        raise TrainingError(msg) from error
    trainer.counters.setbacks = now.setbacks + 1


def _go_back(trainer: Trainer, run: Run, start: FreshState | None) -> None:
    """To the last good checkpoint, or to the start; what stays is the best so far, the time spent, the setbacks, and what memory holds.

    Raises:
        DamagedModelError: no checkpoint is whole.
    """
    now, best_weights = trainer.counters, trainer.best_weights
    if start is not None:
        trainer.model.load_weights(start[0])
        trainer.model.load_training_state(start[1])
        trainer.counters = Counters()
    run.restore(trainer)
    back = trainer.counters
    back.seconds, back.setbacks, back.micro_batch_size = now.seconds, now.setbacks, now.micro_batch_size
    # Once more there may be too little time to do as well.
    back.best_loss, back.best_step, trainer.best_weights = now.best_loss, now.best_step, best_weights
    back.best_train_loss = now.best_train_loss
    if back.best_step >= back.step:
        back.since_best = 0
