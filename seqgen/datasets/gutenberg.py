"""The licence with which Project Gutenberg ends its books, so that nobody takes it for the book."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator

from seqgen.core.errors import SeqgenWarning

_NAME = "PROJECT GUTENBERG"
_END = re.compile(rf"^\*\*\* ?END OF TH(E|IS) {_NAME}.*\n?", re.MULTILINE)
_LINE = 64  # characters of a line that are enough to tell
_LEAST = 500
"""Characters: some twenty line ends after the last line are no licence."""


class Licences:
    """Looks for the licence in texts that go by, and warns of it.  A book has it last, so that it is what is held out."""

    def __init__(self) -> None:
        self._sizes: dict[str, int] = {}  # characters, by file

    def watched(self, name: str, pieces: Iterator[str]) -> Iterator[str]:
        """The same pieces of the text of that name."""
        line, size = "", None
        for piece in pieces:
            text = line + piece  # the line that goes on here
            if size is not None:
                size += len(piece)
            if _NAME in text and (ends := [*_END.finditer(text)]):
                size = len(text) - ends[-1].end()
            line = text[text.rfind("\n") + 1 :][:_LINE]
            yield piece
        if size is not None and size >= _LEAST:
            self._sizes[name] = size

    def tell(self) -> None:
        """Warn, where any of the texts ends with it."""
        if not self._sizes:
            return
        count, first = len(self._sizes), next(iter(self._sizes))
        what = f"{first} ends" if count == 1 else f"{count:,} files, the first of them {first}, end"
        warnings.warn(
            f"{what} with the licence of Project Gutenberg, {sum(self._sizes.values()):,} characters, which count as text: they are "
            "learned, and as the last part of a text they are what is held out to measure losses on.  To cut them off: "
            r"sed -e '1,/^\*\*\* *START OF TH/d' -e '/^\*\*\* *END OF TH/,$d' FILE > BOOK",
            SeqgenWarning,
            stacklevel=1,  # what is warned of at one place is shown once
        )
