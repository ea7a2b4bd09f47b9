"""Where a tune is: what of it counts for what may follow, and how each symbol changes that."""

from __future__ import annotations

from enum import IntEnum, auto
from typing import NamedTuple

from seqgen_music.abc.lexemes import Kind, Lexeme
from seqgen_music.abc.metre import bar_length, default_unit, is_compound, tuplet, unit_length
from seqgen_music.abc.normal import ORDER


class Place(IntEnum):
    """What came just now."""

    HEADER = auto()
    TEXT = auto()
    BAR = auto()  # a bar line, or the header
    PREFIX = auto()  # what belongs to the next note
    NOTE = auto()  # a note that may have a length
    MUST = auto()  # a note that must have the length `must`
    LENGTH = auto()
    TIE = auto()
    BROKEN = auto()
    CHORD = auto()
    GRACE = auto()
    END = auto()  # the final bar line


class State(NamedTuple):
    """What of a tune counts for what may follow; times in ticks.

    Attributes:
        rank: of the last header field, in their order.
        bar, unit: lengths; None where not known.  The unit is known from the K: field on.
        position: in the bar, without the note that was read last.
        pending: the length of that.
        begin: where in a bar this part began: there it may end; None in the first bar, which may be an upbeat.
        bars: how many bar lines have ended something.
        used: kinds of prefixes (bits) that the next note has.
        must: the length, as written, that the note that was read last has to have; None: any.
        written: the length of the note that was read last, as written: of a chord the one behind it, or else that within.
        factor: what multiplies the length that may still be written behind that note; None where none may.
        broken: what a > or < makes of the next note.
        last_pitch: that note; empty for a rest and a chord.
        sounded: the tune has a note.
        unbroken: neither > nor < may follow that note: it is the second of two that have one, or the last of a tuplet.
        tuplet: how many notes are still to come, and what multiplies them.
        pitches: of the chord that is open, with its rests; or one that has to come after a tie.
        inner: the length of the first note of that chord, as written.
        slur: 1 open, 2 with a note in it.
        volta: 1 in the first ending, 2 after it, 3 in the second.
        repeat: a |: waits for its :|.
        line: the last bar line.
    """

    place: Place = Place.HEADER
    rank: int = -1
    bar: int | None = None
    unit: int | None = None
    compound: bool = False
    position: int = 0
    pending: int = 0
    begin: int | None = None
    bars: int = 0
    used: int = 0
    must: str | None = None
    written: str = ""
    factor: tuple[int, int] | None = None
    broken: tuple[int, int] = (1, 1)
    last_pitch: str = ""
    sounded: bool = False
    unbroken: bool = False
    tuplet: tuple[int, int, int] = (0, 1, 1)
    pitches: tuple[str, ...] = ()
    inner: str = ""
    slur: int = 0
    volta: int = 0
    repeat: bool = False
    line: str = ""

    @property
    def now(self) -> int:
        """The position behind the last note."""
        return self.position + self.pending


USED = {
    kind: 1 << number
    for number, kind in enumerate(
        (Kind.CHORD_SYMBOL, Kind.DECORATION, Kind.GRACE, Kind.SLUR, Kind.TUPLET, Kind.FIELD, Kind.INLINE, Kind.CHORD)
    )
}
"""What the next note may have but once, as bits; that of a chord is set while it is open."""

_LAST_RANK = len(ORDER) - 1


def unit_of(state: State) -> int:
    """What a note without a length has, in ticks."""
    return state.unit or default_unit(state.bar)


def lasting(ticks: int, factor: tuple[int, int] | None) -> int:
    """How long a note is whose written length is so many ticks, by its factor; -1 where that is no whole number."""
    top, bottom = factor or (1, 1)
    return ticks * top // bottom if ticks * top % bottom == 0 else -1


def settled(state: State, place: Place) -> State:
    """The note that was read last has its length."""
    return state._replace(place=place, position=state.now, pending=0, factor=None)


def after_prefix(state: State, kind: Kind, text: str) -> State:
    """What belongs to the next note was read."""
    state = settled(state, Place.GRACE if kind is Kind.GRACE else Place.PREFIX)
    if kind is Kind.SLUR:
        state = state._replace(slur=1)
    if kind is Kind.TUPLET:
        count, factor = tuplet(text, compound=state.compound)
        state = state._replace(tuplet=(count, factor.numerator, factor.denominator), must=None)
    return state._replace(used=state.used | USED[kind])


def in_grace(state: State, kind: Kind) -> State:
    """Grace notes go on or end, which are counted and take no time; they may stand within a chord."""
    if kind is Kind.PITCH:
        return state._replace(pending=state.pending + 1)
    if kind is Kind.GRACE_END:
        return state._replace(place=Place.CHORD if state.used & USED[Kind.CHORD] else Place.PREFIX, pending=0)
    return state


def in_chord(state: State, kind: Kind, text: str) -> State:
    """Something within the brackets of a chord was read, which is as long as its first note."""
    if kind in (Kind.PITCH, Kind.REST):
        return state._replace(pitches=(*state.pitches, text))
    if kind is Kind.LENGTH and len(state.pitches) == 1 and not state.inner:
        return state._replace(inner=text)
    if kind is Kind.GRACE:
        return state._replace(place=Place.GRACE)
    if kind in (Kind.SLUR, Kind.SLUR_END):
        return state._replace(slur=int(kind is Kind.SLUR))
    return state


def after_broken(state: State, text: str) -> State:
    """A > or < was read, which takes from one of two notes what it gives the other; behind no note it is nothing."""
    if not state.pending:
        return state
    parts = 2 ** len(text)
    mine, other = (2 * parts - 1, 1) if text[0] == ">" else (1, 2 * parts - 1)
    longer = state._replace(pending=state.pending * mine // parts)
    return settled(longer, Place.BROKEN)._replace(broken=(other, parts))


def after_field(state: State, letter: str, value: str) -> State:
    """A field of the header, or one within the tune, was read."""
    heading = state.rank < _LAST_RANK
    rank = max(state.rank, ORDER.find(letter)) if heading else state.rank
    if letter == "M":
        bar = bar_length(value)
        state = state._replace(bar=bar, compound=is_compound(value))
        if not heading:
            state = state._replace(position=0, pending=0, begin=0)
    elif letter == "L":
        state = state._replace(unit=unit_length(value))
    if heading and letter == "K":
        # A metre within the tune leaves the unit as it is (ABC standard 2.1, 3.1.7).
        return state._replace(rank=rank, place=Place.BAR, unit=unit_of(state))
    if heading:
        return state._replace(rank=rank, place=Place.HEADER)
    return state._replace(used=state.used | USED[Kind.FIELD])


def is_lost(state: State, lexeme: Lexeme | None) -> bool:
    """Whether this is a note, and there was no K: field, with which the notes begin."""
    return lexeme is not None and lexeme.kind in (Kind.PITCH, Kind.REST) and state.place is Place.HEADER


def in_header(state: State, kind: Kind, text: str) -> State:
    """Free text of the header goes on; anything else changes nothing there."""
    if kind is Kind.TEXT:
        return state._replace(place=Place.TEXT, rank=max(state.rank, ORDER.find(text[0])), pending=0)
    if kind is Kind.CHARACTER and state.place is Place.TEXT:
        return state._replace(pending=state.pending + 1)
    if kind is Kind.LINE_END:
        return state._replace(place=Place.HEADER, pending=0)
    return state


def after_bar(state: State, text: str) -> State:
    """A bar line was read: where the next bar begins, and what waits for its end."""
    text = "|" if text == ".|" else text  # a prompt is not spelled anew
    now, bar, begin = state.now, state.bar, state.begin
    position = 0 if text == "|" or bar is None or (state.volta == 1 and text == ":|") else now % bar
    if now:
        begin = (-now) % (bar or now) if begin is None and text == "|" else begin or 0
    return state._replace(
        place=Place.END if text == "|]" else Place.BAR,
        position=position,
        pending=0,
        begin=begin,
        bars=state.bars + (now > 0),
        used=0,
        must=None,
        factor=None,
        broken=(1, 1),
        tuplet=(0, 1, 1),
        inner="",
        pitches=state.pitches if state.place is Place.TIE else (),
        volta=state.volta if text == "|" else 2 if state.volta == 1 and text == ":|" else 0,
        repeat=text in ("|:", "::") or (state.repeat and text != ":|"),
        line=text,
    )
