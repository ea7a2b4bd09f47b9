"""Where a tune is after each of its tokens, also after one that may not come."""

from __future__ import annotations

from collections.abc import Sequence

from seqgen_music.abc.filling import Filling
from seqgen_music.abc.lexemes import Kind, Lexeme
from seqgen_music.abc.metre import multiple
from seqgen_music.abc.place import (
    USED,
    Place,
    State,
    after_bar,
    after_broken,
    after_field,
    after_prefix,
    in_chord,
    in_grace,
    in_header,
    lasting,
    settled,
    unit_of,
)

_AROUND_CHORD = (Kind.CHORD, Kind.CHORD_END, Kind.BAR)


class Reader:
    """Reads the tokens of a vocabulary.

    Args:
        lexemes: (V,) what each id stands for, None for the end token.
        filling: the lengths that notes may have.
    """

    def __init__(self, lexemes: Sequence[Lexeme | None], filling: Filling) -> None:
        self._lexemes = lexemes
        self._fill = filling
        self._first_ending = 1 if Lexeme(Kind.VOLTA, "[2") in lexemes else 0  # it is one only where a second can follow

    def next(self, state: State, token: int) -> State:  # noqa: C901, PLR0912  one branch a kind
        """The state after a token, also after one that may not come."""
        lexeme = self._lexemes[token]
        if lexeme is None:
            return State()
        kind, text = lexeme
        if kind is Kind.FIELD:
            return after_field(state, text[0], text[2:].strip())
        if kind is Kind.INLINE:
            return after_field(state, text[1], text[3:-1].strip())
        if state.place in (Place.HEADER, Place.TEXT):
            return in_header(state, kind, text)
        if state.place is Place.GRACE:
            return in_grace(state, kind)
        if state.place is Place.CHORD and kind not in _AROUND_CHORD:
            return in_chord(state, kind, text)
        match kind:
            case Kind.REST if text in "ZX":  # of a prompt: whole bars, whatever its length
                return settled(state, Place.LENGTH)._replace(position=state.bar or state.now, used=0, last_pitch="")
            case Kind.PITCH | Kind.REST | Kind.CHORD_END:
                begun = self._begin_note(state, text if kind is Kind.PITCH else "")
                return begun if kind is Kind.REST else begun._replace(sounded=True)
            case Kind.LENGTH:
                return self._with_length(state, text)
            case Kind.BAR:
                return after_bar(state, text)
            case Kind.VOLTA:
                volta = self._first_ending if "1" in text else 3  # a prompt may have [1,3
                return state._replace(place=Place.PREFIX, volta=volta)
            case Kind.TIE:
                return state._replace(place=Place.TIE, pitches=(state.last_pitch,)) if state.last_pitch else state
            case Kind.BROKEN:
                return after_broken(state, text)
            case Kind.SLUR_END:
                return state._replace(place=Place.LENGTH, slur=0)
            case Kind.CHORD:
                opened = settled(state, Place.CHORD)
                return opened._replace(pitches=(), inner="", used=state.used | USED[Kind.CHORD])
            case Kind.GRACE | Kind.SLUR | Kind.TUPLET | Kind.CHORD_SYMBOL | Kind.DECORATION:
                return after_prefix(state, kind, text)
        return state

    def fits(self, state: State, ticks: int) -> bool:
        """Whether the note that was read last may be so long: the bar can still be filled, with a tuplet of equal notes."""
        if state.bar is None:
            return ticks > 0
        rest = state.bar - state.position - ticks * (1 + state.tuplet[0])
        return ticks > 0 and rest >= 0 and self._fill.can(unit_of(state), rest)

    def _begin_note(self, state: State, pitch: str) -> State:
        left, top, bottom = state.tuplet
        inner = multiple(state.inner) or 1
        factor = (top * state.broken[0] * inner.numerator, bottom * state.broken[1] * inner.denominator)
        is_broken = state.broken != (1, 1)
        begun = state._replace(
            place=Place.NOTE,
            position=state.now,
            pending=max(lasting(unit_of(state), factor), 0),
            used=0,
            must=None,
            written=state.inner,
            last_pitch=pitch,
            factor=factor,
            broken=(1, 1),
            unbroken=is_broken or left > 0,
            tuplet=(left - 1, top, bottom) if left > 1 else (0, 1, 1),
            pitches=(),
            inner="",
            slur=min(2 * state.slur, 2),
        )
        # All notes of a tuplet are as long as its first, and the second of two that have a > as the first; a prompt may have
        # others, and chords with lengths within, which need none behind them.
        must = state.written
        if not (left or is_broken) or state.used & USED[Kind.TUPLET] or state.inner:
            return begun
        if left == 1 and not self.fits(begun, lasting(self._ticks(state, must), factor)):
            return begun  # so that the last note of an unequal tuplet may bring the bar to its end
        return begun._replace(place=Place.MUST, must=must) if must else begun._replace(place=Place.LENGTH)

    def _with_length(self, state: State, text: str) -> State:
        if state.factor is None:
            return state
        return state._replace(
            place=state.place if state.place is Place.TIE else Place.LENGTH,
            pending=max(lasting(self._ticks(state, text), state.factor), 0),
            must=None,
            written=text,
            factor=None,
        )

    def _ticks(self, state: State, text: str) -> int:
        """Of a length as it is written."""
        return dict(self._fill.lengths(unit_of(state))).get(text, unit_of(state))
