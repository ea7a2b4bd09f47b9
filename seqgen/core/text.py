"""Text in pieces: cutting where no token and no normalisation reaches across."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

_CUT = re.compile(r"(?<=\S)(?=[ \n\t\r])")


def cut_before_space(pieces: Iterable[str]) -> Iterator[str]:
    """The same text, cut only where white space (space, tab, line end) follows something that is not white space.

    No Unicode normal form composes across such a place, lower-casing does not look across it, and tokens that keep
    white space at their front do not span it.  Text without white space is held back until its end.
    """
    held: list[str] = []  # joined, it has no cut inside
    for piece in pieces:
        if not piece:
            continue
        # The cut may lie at the seam of two pieces, so the search begins one character back.
        before = held[-1][-1] if held else ""
        cut = last_cut(before + piece) - len(before)
        if cut >= 0:
            yield "".join([*held, piece[:cut]])
            held = []
        held.append(piece[max(cut, 0) :])
    if held:
        yield "".join(held)


def last_cut(text: str, *, within: int | None = None) -> int:
    """The last place at which ``cut_before_space`` may cut a text, or -1.

    Args:
        text: the text; 0 is never such a place, since nothing is before it.
        within: look only at so many characters at the end; None looks at all.
    """
    first = 1 if within is None else max(1, len(text) - within)
    reach = 256
    while True:
        # From the end in growing steps: the last place is usually near, and the work stays linear where it is not.
        begin = max(first, len(text) - reach)
        cut = max((match.start() for match in _CUT.finditer(text, begin)), default=-1)
        if cut >= 0 or begin == first:
            return cut
        reach *= 4
