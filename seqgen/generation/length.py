"""How long a text becomes: in tokens, or in characters."""

from __future__ import annotations

import re
from numbers import Integral
from typing import Any, NamedTuple

from seqgen.core.errors import OptionError


class Length(NamedTuple):
    """Where a text ends, whichever comes first; None: no end of that kind.

    Attributes:
        tokens: how many are drawn.
        characters: how many (bytes, for binary media) the text has; the last token's text is cut to fit.
    """

    tokens: int | None = None
    characters: int | None = None

    @classmethod
    def parse(cls, text: str) -> Length:
        """Read ``400``, tokens, or ``400c``, characters.

        Raises:
            OptionError: neither of them, or 0.
        """
        match = re.fullmatch(r"0*([1-9][0-9]{0,17})(c?)", text.strip())
        if match is None:
            raise OptionError(
                f'length is "{text}", but must be a whole number of tokens, at least 1, or of characters with a c, as 400c.'
            )
        number = int(match[1])
        return cls(characters=number) if match[2] else cls(tokens=number)

    @classmethod
    def of(cls, given: int | str | Length) -> Length:
        """The length that is given as one, as a number of tokens, or as text that ``parse`` reads.

        Raises:
            OptionError: it is none, or below 0.
        """
        if isinstance(given, str):
            return cls.parse(given)
        length = given if isinstance(given, Length) else cls(tokens=given)
        at_least(0, length=length.tokens, characters=length.characters)
        return length

    def __str__(self) -> str:
        """The length as it can be read again."""
        return f"{self.characters}c" if self.characters is not None else str(self.tokens)


def longest(tokens: int | None, characters: int | None) -> int | None:
    """How many tokens or characters a text has at most; None where neither bounds it."""
    return min((bound for bound in (tokens, characters) if bound is not None), default=None)


def at_least(least: int, **values: Any) -> None:
    """Refuse what is no whole number of at least so many, as a float or True; None, where it is allowed, says nothing.

    Raises:
        OptionError: names the value.
    """
    for name, value in values.items():
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
            raise OptionError(f"{name} is {value!r}, but must be a whole number at least {least}.")
