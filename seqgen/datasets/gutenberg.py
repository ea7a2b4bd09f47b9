"""The licence with which Project Gutenberg ends its books, so that nobody takes it for the book."""

from __future__ import annotations

import re
from collections.abc import Iterator

_NAME = "PROJECT GUTENBERG"
_START = re.compile(rf"^\ufeff?\*\*\* ?START OF TH(E|IS) {_NAME}", re.MULTILINE)
_END = re.compile(rf"^\*\*\* ?END OF TH(E|IS) {_NAME}.*\n?", re.MULTILINE)
_LINE = 64  # characters of a line that are enough to tell
_LEAST, _MOST = 500, 30_000
"""Characters: some twenty line ends after the last line are no licence, and after its 18,500 something else may come."""


class Licences:
    """Looks for the licence in texts that go by, and says so.  A book has it last, so that it is what is held out."""

    def __init__(self) -> None:
        self._sizes: dict[str, int] = {}  # characters, by file
        self._headed = True  # whether all of these have the line before the book as well

    def watched(self, name: str, pieces: Iterator[str]) -> Iterator[str]:
        """The same pieces of the text of that name."""
        line, size, headed = "", None, False
        for piece in pieces:
            text = line + piece  # the line that goes on here
            if size is not None:
                size += len(piece)
            if _NAME in text:
                headed = headed or _START.search(text) is not None
                if ends := [*_END.finditer(text)]:
                    size = len(text) - ends[-1].end()
            line = text[text.rfind("\n") + 1 :][:_LINE]
            yield piece
        if size is not None and _LEAST <= size <= _MOST:
            self._sizes[name] = size
            self._headed = self._headed and headed

    def said(self) -> str:
        """What to warn of, where any of the texts ends with it; else nothing."""
        if not self._sizes:
            return ""
        count, first = len(self._sizes), next(iter(self._sizes))
        what = f"{first} ends" if count == 1 else f"{count:,} files, the first of them {first}, end"
        begins = r"; /^\*\*\* *START OF TH/ {b=1}" if self._headed else ""
        command = rf"awk {'' if self._headed else '-v b=1 '}'/^\*\*\* *END OF TH/ {{b=0}} b{begins}' FILE > BOOK"
        return (
            f"{what} with the licence of Project Gutenberg, {sum(self._sizes.values()):,} characters, which count as text: they are "
            f"learned, and as the last part of a text they are what is held out to measure losses on.  To cut them off: {command}"
        )
