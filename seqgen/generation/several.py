"""What a person gives as several, or as one alone."""

from __future__ import annotations

import reprlib
from collections.abc import Iterable
from typing import Any

from seqgen.core.errors import OptionError


def several(name: str, given: Any, kinds: tuple[type, ...], what: str) -> tuple[Any, ...]:
    """The values; one alone may be given as it is, and None for none.

    Args:
        name: of the argument.
        given: as it was.
        kinds: of which each is one.
        what: they are, for the sentence, as "texts".

    Raises:
        OptionError: one of them is something else.
    """
    if given is None:
        return ()
    # Text is tested first: it is an iterable too, of its characters.
    values = tuple(given) if isinstance(given, Iterable) and not isinstance(given, kinds) else (given,)
    for value in values:
        if not isinstance(value, kinds):
            raise OptionError(f"{name} has {reprlib.repr(value)}, but takes {what}, or one alone.")
    return values
