"""From the tokens of lyrics to their text, a token at a time."""

from __future__ import annotations

import codecs
from collections.abc import Sequence

from seqgen_lyrics.spelling import spelled_line


class LyricsDecoder:
    """Words take their case and their space from what is before them.

    Args:
        pieces: (V,) the text of tokens; empty for words, marks and the last, which is the end.
        structure: how many ids, from 0, end a line or are a heading.
        words: in their form, after the marks; both may be none.
        marks: of case, after the structure.
    """

    def __init__(self, pieces: Sequence[bytes], structure: int, marks: Sequence[str], words: Sequence[str]) -> None:
        self._pieces = pieces
        self._structure = structure
        self._marks = marks
        self._words = words
        self._utf8 = codecs.getincrementaldecoder("utf-8")("replace")
        self._at_start = True
        self._case = ""

    def push(self, token: int) -> str:
        """The characters that are whole now."""
        mark = token - self._structure
        word = mark - len(self._marks)
        if 0 <= mark < len(self._marks):
            self._case = self._marks[mark]
            return ""
        if 0 <= word < len(self._words):
            text = spelled_line(self._words[word], self._case, at_start=self._at_start)
            self._at_start, self._case = False, ""
            return self._utf8.decode(text.encode())
        piece = self._pieces[token]
        if mark < 0 or token == len(self._pieces) - 1:  # after the end another song begins
            self._at_start, self._case = True, ""
        elif piece:
            self._at_start = False
        return self._utf8.decode(piece)

    def forget(self) -> None:
        """Give nothing of an unfinished character."""
        self._utf8.reset()

    def finish(self) -> str:
        """What an unfinished character becomes."""
        return self._utf8.decode(b"", final=True)
