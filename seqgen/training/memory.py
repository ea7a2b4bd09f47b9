"""Memory that does not suffice: what to reduce, in a sentence, and fewer sequences at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from seqgen.core.backend import Model
from seqgen.core.errors import TrainingError
from seqgen.core.memory import out_of_memory
from seqgen.training.options import TrainingOptions

T = TypeVar("T")


def fewer_rows(model: Model, batch_size: int) -> bool:
    """Let a model compute half as many sequences of a batch at a time; False where it is one already, or it cannot."""
    now = model.micro_batch_size or batch_size
    if not model.accumulates or now <= 1:
        return False
    model.micro_batch_size = -(-now // 2)
    return True


def with_fewer_rows(action: Callable[[], T], model: Model, batch_size: int, *, auto_batch: bool) -> T:
    """Do something with a model, with ``auto_batch`` again with half as many sequences at a time, as long as memory does not suffice."""
    while True:
        try:
            return action()
        except Exception as error:
            if not (auto_batch and out_of_memory(error) and fewer_rows(model, batch_size)):
                raise


@contextmanager
def enough_memory(options: TrainingOptions) -> Iterator[None]:
    """Turn a framework's failure to get memory into a sentence that says what to reduce.

    Args:
        options: of the training.

    Raises:
        TrainingError: there was not enough.
    """
    try:
        yield
    except Exception as error:
        if not out_of_memory(error):
            raise
        sizes = {"batch-size": options.batch_size, "seq-len": options.seq_len, "hidden-size": options.hidden_size}
        flags = ", ".join(f"--{name} ({size})" if size else f"--{name}" for name, size in sizes.items())
        msg = f"There is not enough memory for a step of training.  Reduce one of {flags}, or the vocabulary of the tokenizer."
        if not options.auto_batch:
            msg += "  With --auto-batch fewer sequences of a batch are computed at a time, which gives the same."
        raise TrainingError(msg) from error
