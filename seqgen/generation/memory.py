"""Memory that does not suffice for writing: a sentence about what needs less."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from seqgen.core.backend import Model
from seqgen.core.errors import GenerationError
from seqgen.core.memory import out_of_memory

_STEP = "for a step of this model"
_ADVICE = "Use a smaller model, or another --device"


def not_enough_memory(model: Model, purpose: str = _STEP, advice: str = _ADVICE) -> GenerationError:
    """The error, with what computes, what the memory is for, and what needs less."""
    return GenerationError(f"There is not enough memory on {model.device} {purpose}.  {advice}")


@contextmanager
def enough_memory(model: Model, purpose: str = _STEP, advice: str = _ADVICE) -> Iterator[None]:
    """Turn a library's failure to get memory into ``not_enough_memory``."""
    try:
        yield
    except Exception as error:
        if not out_of_memory(error):
            raise
        raise not_enough_memory(model, purpose, advice) from error
