"""Where in the bar a tune is: the time of notes, one lexeme after another."""

from __future__ import annotations

from fractions import Fraction

from seqgen_music.abc.lexemes import Kind, Lexeme
from seqgen_music.abc.metre import bar_length, default_unit, is_compound, multiple, tuplet, unit_length

_ONE = Fraction(1)
_NOTES = frozenset({Kind.PITCH, Kind.REST, Kind.CHORD_END})
_WITHIN_CHORD = frozenset({Kind.PITCH, Kind.REST, Kind.LENGTH})
_TIMED = _NOTES | {
    *(Kind.LENGTH, Kind.BAR, Kind.BROKEN, Kind.CHORD, Kind.GRACE, Kind.GRACE_END, Kind.TUPLET, Kind.FIELD, Kind.INLINE)
}


class Rhythm:
    """Follows the lexemes of a tune.  All times are ticks (see :mod:`seqgen_music.abc.metre`).

    A note has its length only once it is known that neither a length nor ``>`` follows it, so ``position`` counts what is
    settled, and ``pending`` is the length so far of the note that is not.

    Attributes:
        metre: the value of the last M: field; empty where there was none.
        bar: how long a bar is, or None.
        unit: the length of a note that has none written.
        position: of what is settled, since the last bar line.
        pending: the length of the note that was read last, until another begins.
        last: the length of the note that was read last.
        exact: False once a length was no whole number of ticks, and was rounded.
        in_chord, in_grace: inside these brackets.
        tuplet_left: how many notes of a tuplet are still to come.
        broken: the length of the next note is changed by a > or < before it.
    """

    def __init__(self) -> None:
        self.metre = ""
        self.bar: int | None = None
        self.unit = default_unit(None)
        self.position = 0
        self.pending: int | None = None
        self.last = 0
        self.exact = True
        self.in_chord = self.in_grace = self.broken = False
        self.tuplet_left = 0
        self._unit: int | None = None
        self._tuplet = self._broken = _ONE
        self._inner: Fraction | None = None  # of the first note of a chord, by which the others go
        self._first = False  # in a chord, and nothing but its first note was read
        self._bare = False  # the pending note has no length yet

    @property
    def now(self) -> int:
        """The position behind the last note, as far as it is known."""
        return self.position + (self.pending or 0)

    def feed(self, lexeme: Lexeme) -> None:  # noqa: C901, PLR0912  one branch a kind
        """Go on over a lexeme."""
        kind, text = lexeme
        if kind not in _TIMED:
            return
        if self.in_grace and kind is not Kind.BAR:
            self.in_grace = kind is not Kind.GRACE_END
        elif self.in_chord and kind in _WITHIN_CHORD:
            self._in_chord(kind, text)
        elif kind in _NOTES:
            self._begin(text, self._inner or _ONE if kind is Kind.CHORD_END else _ONE)
        elif kind is Kind.LENGTH:
            if self._bare and self.pending is not None:
                self.pending, self._bare = self._times(self.pending, multiple(text) or _ONE), False
        elif kind is Kind.BAR:
            self.pending, self._broken = None, _ONE
            self.position, self.tuplet_left = 0, 0
            self.in_chord = self.in_grace = self.broken = False
        elif kind is Kind.BROKEN:
            self._break(text)
        elif kind is Kind.CHORD:
            self.in_chord, self._inner, self._first = True, None, False
        elif kind is Kind.GRACE:
            self.in_grace = True
        elif kind is Kind.TUPLET:
            self.tuplet_left, self._tuplet = tuplet(text, compound=is_compound(self.metre))
        elif kind is Kind.FIELD:
            self._field(text[0], text[2:])
        elif kind is Kind.INLINE:
            self._field(text[1], text[3:-1])

    def _in_chord(self, kind: Kind, text: str) -> None:
        if kind is not Kind.LENGTH:
            self._first = self._inner is None
            self._inner = self._inner or _ONE
        elif self._first:
            self._inner, self._first = multiple(text) or _ONE, False

    def _begin(self, text: str, units: Fraction) -> None:
        self._settle()
        length = self.unit
        if units is not _ONE or self._broken is not _ONE:
            length = self._times(length, units * self._broken)
        if text in ("Z", "X"):
            length = self.bar or self.unit
        if self.tuplet_left:
            length = self._times(length, self._tuplet)
            self.tuplet_left -= 1
        self.pending, self._bare = length, True
        self.in_chord, self.broken, self._broken = False, False, _ONE

    def _break(self, text: str) -> None:
        if self.pending is None:
            return
        short = Fraction(1, 2 ** len(text))
        mine, other = (2 - short, short) if text[0] == ">" else (short, 2 - short)
        self.pending = self._times(self.pending, mine)
        self._settle()
        self.broken, self._broken = True, other

    def _settle(self) -> None:
        self.last = self.pending or self.last
        self.position += self.pending or 0
        self.pending = None

    def _times(self, ticks: int, factor: Fraction) -> int:
        product = ticks * factor.numerator
        if product % factor.denominator:
            self.exact = False
        return product // factor.denominator

    def _field(self, letter: str, value: str) -> None:
        if letter == "M":
            self.metre, self.bar = value, bar_length(value)
        elif letter == "L":
            self._unit = unit_length(value)
        elif letter == "X":
            self._unit = None
        self.unit = self._unit or default_unit(self.bar)
        if letter == "K":
            self._unit = self.unit  # which a metre within the tune leaves as it is (ABC standard 2.1, 3.1.7)
