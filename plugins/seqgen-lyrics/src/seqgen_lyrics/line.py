"""A line of verse, and the place in a stanza, read character by character."""

from __future__ import annotations

from typing import NamedTuple

from seqgen_lyrics.sounds import plain, syllables
from seqgen_lyrics.vocabulary import is_letter, normal


class Line(NamedTuple):
    """A line so far.

    Attributes:
        word: the letters of the word that is being written; empty between words.
        words: the words before it.
        syllables: of ``words``.
        gap: what came since the last letter.
    """

    word: str = ""
    words: tuple[str, ...] = ()
    syllables: int = 0
    gap: str = ""

    @classmethod
    def of(cls, text: str) -> Line:
        """A whole line."""
        line = cls()
        for character in normal(text):
            line = line.push(character)
        return line.ended()

    def push(self, character: str) -> Line:
        """The line with one more character, none of them a line end."""
        if is_letter(character):
            return self._replace(word=self.word + character, gap="")
        return self.ended()._replace(gap=self.gap + character)

    def ended(self) -> Line:
        """The line with its last word whole."""
        if not plain(self.word):
            return self._replace(word="")
        return Line("", (*self.words, plain(self.word)), self.syllables + syllables(self.word), "")

    @property
    def is_empty(self) -> bool:
        """Whether nothing was written yet."""
        return not (self.word or self.words or self.gap)

    @property
    def last(self) -> str:
        """The last word of a line whose words are whole."""
        return self.words[-1] if self.words else ""


class Place(NamedTuple):
    """A place in a text.

    Attributes:
        line: so far.
        number: how many lines the stanza has before this one.
        heading: of a line such as ``[Chorus]``, what is there so far; empty where the line is none.
    """

    line: Line = Line()
    number: int = 0
    heading: str = ""

    @property
    def at_start(self) -> bool:
        """Whether a line may begin here."""
        return self.line.is_empty and not self.heading

    def push(self, character: str) -> Place:
        """The place one character on."""
        if character == "\n":
            if self.heading:
                return Place(Line(), 0, "")
            return Place(Line(), 0 if self.line.is_empty else self.number + 1, "")
        if self.heading:
            return self._replace(heading=self.heading + character)
        if character == "[" and self.line.is_empty:
            return self._replace(heading=character)
        return self._replace(line=self.line.push(character))
