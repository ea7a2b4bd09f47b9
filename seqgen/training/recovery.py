"""What a run does about a loss that is no number, and about a device whose memory does not suffice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from seqgen.core.errors import DamagedModelError, TrainingError
from seqgen.training.progress import Reporter
from seqgen.training.run import Run
from seqgen.training.trainer import Counters, DivergedError, Trainer

SETBACKS = 3
"""How often a run goes back before it gives up."""


def train(trainer: Trainer, run: Run, reporter: Reporter) -> None:
    """Train; where that diverges, go back to the last good checkpoint, or to the start, with half the learning rate.

    The best weights so far stay the best, and the time that was spent counts.

    Raises:
        TrainingError: it has diverged once more after ``SETBACKS`` setbacks; ``trainer`` holds what was best before.
    """
    model = trainer.model
    # Where a checkpoint is there, it is what a setback goes back to.
    start = None if run.newest_step() is not None else (model.weights(), model.training_state())
    while True:
        try:
            trainer.run()
        except DivergedError as error:
            now, best_weights = trainer.counters, trainer.best_weights
            if now.setbacks >= SETBACKS:
                msg = f"{error}  It has gone back {SETBACKS} times, each time with half the rate."
                raise TrainingError(msg) from error
            if start is not None:
                model.load_weights(start[0])
                model.load_training_state(start[1])
                trainer.counters = Counters()
            try:
                run.restore(trainer)
            except DamagedModelError as damage:
                msg = f"{error}\nThere is no checkpoint to go back to: {damage}"
                raise TrainingError(msg) from error
            back = trainer.counters
            back.setbacks, back.seconds = now.setbacks + 1, now.seconds
            back.best_loss, back.best_step, trainer.best_weights = now.best_loss, now.best_step, best_weights
            reporter.warn(
                f"The loss was not a number any more after step {now.step:,}: back to step {back.step:,}, with half the "
                f"learning rate ({trainer.learning_rate:.2g})."
            )
        else:
            return


@contextmanager
def enough_memory(values: Mapping[str, Any]) -> Iterator[None]:
    """Turn a framework's failure to get memory into a sentence that says what to reduce.

    Args:
        values: the training options in use.

    Raises:
        TrainingError: there was not enough.
    """
    try:
        yield
    except Exception as error:
        if not _out_of_memory(error):
            raise
        sizes = ", ".join(
            f"--{name.replace('_', '-')}" + (f" ({values[name]})" if values.get(name) else "")
            for name in ("batch_size", "seq_len", "hidden_size")
        )
        msg = f"There is not enough memory for a step of training.  Reduce one of {sizes}, or the vocabulary of the tokenizer."
        raise TrainingError(msg) from error


def _out_of_memory(error: Exception) -> bool:
    """Python's and NumPy's MemoryError, and what torch (by device), TensorFlow and JAX raise in its place."""
    named = type(error).__name__ in {"OutOfMemoryError", "ResourceExhaustedError"}
    said = str(error)
    told = isinstance(error, RuntimeError) and any(
        words in said for words in ("can't allocate memory", "not enough memory", "out of memory", "RESOURCE_EXHAUSTED")
    )
    return isinstance(error, MemoryError) or named or told
