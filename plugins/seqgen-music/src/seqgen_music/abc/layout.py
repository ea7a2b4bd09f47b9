"""Lexemes back to text: lines, spaces and beams.

Between notes there is a space where a beat ends, so that beams are right, and a new line after four bars.
"""

from __future__ import annotations

from seqgen_music.abc.lexemes import Kind, Lexeme
from seqgen_music.abc.metre import beat_length
from seqgen_music.abc.rhythm import Rhythm

BARS_A_LINE = 4

_LINES = frozenset({Kind.FIELD, Kind.TEXT})
_SPACED = frozenset({Kind.BAR, Kind.INLINE, Kind.CHARACTER})
"""A space before and after; a character that means nothing might mean something together with its neighbour."""

_BEFORE_NOTE = frozenset(
    {Kind.SLUR, Kind.TUPLET, Kind.DECORATION, Kind.CHORD_SYMBOL, Kind.QUOTE_END, Kind.GRACE_END, Kind.GRACE}
)
_GROUP_STARTS = _BEFORE_NOTE - {Kind.GRACE_END, Kind.QUOTE_END} | {Kind.QUOTE, Kind.PITCH, Kind.REST, Kind.CHORD}
_AFTER_NOTE = frozenset({Kind.PITCH, Kind.REST, Kind.CHORD_END, Kind.LENGTH, Kind.TIE, Kind.SLUR_END, Kind.BROKEN})
_JOINED_TO_LENGTH = frozenset({Kind.PITCH, Kind.REST, Kind.CHORD_END, Kind.BAR})


class Layout:
    """Gives the text of each lexeme of a tune as it stands behind those before it."""

    def __init__(self) -> None:
        self._rhythm = Rhythm()
        self._previous: Kind | None = None
        self._free: Kind | None = None  # what began the free text that we are in
        self._bars = 0  # in this line

    def push(self, lexeme: Lexeme) -> str:
        """The text, with what separates it from what was before."""
        if self._free is not None:
            return self._in_free_text(lexeme)
        kind = lexeme.kind
        text = self._separator(lexeme) + lexeme.text
        if kind is Kind.BAR:
            self._bars += self._rhythm.now > 0
        elif kind is Kind.TEXT or kind is Kind.QUOTE:
            self._free = kind
        elif kind is Kind.LINE_END or kind is Kind.QUOTE_END:  # of nothing: a model may write any lexeme anywhere
            text = ""
        self._rhythm.feed(lexeme)
        if text:
            self._previous = kind
        return text

    def finish(self) -> str:
        """What ends the text: a quotation mark where one is open."""
        return '"' if self._free is Kind.QUOTE else ""

    def _in_free_text(self, lexeme: Lexeme) -> str:
        if lexeme.kind is Kind.CHARACTER:
            # T:: would be a repeat.
            apart = self._previous is Kind.TEXT and lexeme.text in "|:"
            self._previous = Kind.CHARACTER
            return f" {lexeme.text}" if apart else lexeme.text
        opened, self._free = self._free, None
        if opened is Kind.QUOTE:
            self._previous = Kind.QUOTE_END
            return '"' if lexeme.kind is Kind.QUOTE_END else '"' + self.push(lexeme)
        self._previous = Kind.TEXT
        return "" if lexeme.kind is Kind.LINE_END else self.push(lexeme)

    def _separator(self, lexeme: Lexeme) -> str:
        kind, previous = lexeme.kind, self._previous
        if previous is None:
            return ""
        if kind in _LINES or previous in _LINES:
            self._bars = 0
            # A tune ends at an empty line.
            return "\n\n" if lexeme.text.startswith("X:") else "\n"
        if kind is Kind.LENGTH:
            return "" if previous in _JOINED_TO_LENGTH else " "
        if previous is Kind.BAR:
            if kind is Kind.VOLTA:
                return ""
            if self._bars >= BARS_A_LINE:
                self._bars = 0
                return "\n"
            return " "
        if kind in _SPACED or previous in _SPACED or kind is Kind.VOLTA or previous is Kind.VOLTA:
            return " "
        if previous is Kind.CHORD:
            return "" if kind is Kind.PITCH else " "
        if previous is kind and kind not in (Kind.PITCH, Kind.REST):
            return " "
        return " " if kind in _GROUP_STARTS and self._beat_ends() else ""

    def _beat_ends(self) -> bool:
        rhythm = self._rhythm
        if rhythm.in_chord or rhythm.in_grace or rhythm.broken or self._previous not in _AFTER_NOTE:
            return False
        beat = beat_length(rhythm.metre)
        if beat is None or rhythm.tuplet_left:
            return False
        return rhythm.now % beat == 0


def laid_out(lexemes: list[Lexeme]) -> str:
    """The text of lexemes."""
    return "".join(pieces_of(lexemes))


def pieces_of(lexemes: list[Lexeme]) -> list[str]:
    """The same in pieces: one for each lexeme, and one for the end."""
    layout = Layout()
    return [*map(layout.push, lexemes), layout.finish()]


def laid_out_as(lexemes: list[Lexeme], pieces: list[str], others: list[Lexeme]) -> str:
    """The text of lexemes that are of the same kinds and lengths as some whose pieces are known."""
    texts = [
        piece if one is other else piece[: len(piece) - len(one.text)] + other.text
        for piece, one, other in zip(pieces, lexemes, others, strict=False)
    ]
    return "".join([*texts, pieces[-1]])
