"""How long a text becomes: in tokens, or in characters."""

from __future__ import annotations

import re
from typing import NamedTuple

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

    def __str__(self) -> str:
        """The length as it can be read again."""
        return f"{self.characters}c" if self.characters is not None else str(self.tokens)
