"""Memory that does not suffice for writing, or never could: a sentence about what needs less."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from seqgen.core.backend import Model
from seqgen.core.errors import GenerationError, OptionError
from seqgen.core.memory import out_of_memory

MOST_HELD = 100_000_000
"""Tokens (or characters) of texts that are held together while they are written: 16 to 120 bytes each."""

_STEP = "for a step of this model"
_ADVICE = "Use a smaller model, or another --device"


def not_enough_memory(model: Model, purpose: str = _STEP, advice: str = _ADVICE) -> GenerationError:
    """The error, with what computes, what the memory is for, and what needs less."""
    return GenerationError(f"There is not enough memory on {model.device} {purpose}.  {advice}")


def refuse_unholdable(texts: int, length: int | None, most: int = MOST_HELD) -> None:
    """Refuse so many texts of a length that would be held until no memory is left.

    Raises:
        OptionError: they are more than ``most`` together, or no length bounds them.
    """
    if length is None:
        raise OptionError(
            "length is None, but a text that is held until it is whole must end.  Give a length, or let one text be streamed"
        )
    if texts * length > most:
        which = "" if texts == 1 else f" for {texts:,} texts"
        raise OptionError(
            f"length is too large{which}: {texts * length:,} tokens or characters would be held at once, and at most "
            f"{most:,} can be.  Ask for less, or let one text be streamed"
        )


@contextmanager
def enough_memory(model: Model, purpose: str = _STEP, advice: str = _ADVICE) -> Iterator[None]:
    """Turn a library's failure to get memory into ``not_enough_memory``."""
    try:
        yield
    except Exception as error:
        if not out_of_memory(error):
            raise
        raise not_enough_memory(model, purpose, advice) from error
