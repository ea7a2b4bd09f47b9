"""Text in pieces: cutting where no token and no normalisation reaches across."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

_CUT = re.compile(r"(?<=[^ \n\t\r])(?=[ \n\t\r])")


def cut_before_space(pieces: Iterable[str]) -> Iterator[str]:
    """The same text, cut only where white space (space, tab, line end) follows something else.

    No Unicode normal form composes across such a place, lower-casing does not look across it, and tokens that keep
    white space at their front do not span it.  Text without white space is held back until its end.
    """
    held = ""
    for piece in pieces:
        # The regular expression looks one character back, so the cut may lie at the seam of two pieces.
        text = held + piece
        cut = max((match.start() for match in _CUT.finditer(text)), default=0)
        if cut:
            yield text[:cut]
        held = text[cut:]
    if held:
        yield held
