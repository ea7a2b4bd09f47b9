"""Where a tune is after each of its tokens, also after one that may not come."""

from __future__ import annotations

from collections.abc import Sequence

from seqgen_music.abc.filling import Filling
from seqgen_music.abc.lexemes import Kind, Lexeme
from seqgen_music.abc.place import (
    USED,
    Place,
    State,
    after_bar,
    after_field,
    after_prefix,
    in_header,
    in_tuplet,
    settled,
    unit_of,
)


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
            if kind is Kind.PITCH:
                return state._replace(pending=state.pending + 1)
            return state._replace(place=Place.PREFIX, pending=0) if kind is Kind.GRACE_END else state
        if state.place is Place.CHORD and kind in (Kind.PITCH, Kind.LENGTH):
            return state._replace(pitches=(*state.pitches, text)) if kind is Kind.PITCH else state
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
                return state._replace(place=Place.BROKEN, position=state.now, pending=0, must=state.written)
            case Kind.SLUR_END:
                return state._replace(place=Place.LENGTH, slur=0)
            case Kind.CHORD:
                return settled(state, Place.CHORD)._replace(pitches=())
            case Kind.GRACE | Kind.SLUR | Kind.TUPLET | Kind.CHORD_SYMBOL | Kind.DECORATION:
                return after_prefix(state, kind, text)
        return state

    def _begin_note(self, state: State, pitch: str) -> State:
        left, top, bottom = state.tuplet
        must = state.must
        if left and not state.used & USED[Kind.TUPLET] and must is None:
            must = state.written  # all notes of a tuplet are as long as its first
        ticks = dict(self._fill.lengths(unit_of(state))).get(must or "", unit_of(state))
        place = Place.NOTE if must is None else Place.MUST if must else Place.LENGTH
        return state._replace(
            place=place,
            position=state.now if state.place is not Place.CHORD else state.position,
            pending=max(in_tuplet(state, ticks), 0) if left else ticks,
            used=0,
            must=must if left > 1 or place is Place.MUST else None,
            written=must or "",
            last_pitch=pitch,
            unbroken=state.place is Place.BROKEN or left > 0,
            tuplet=(left - 1, top, bottom) if left > 1 else (0, 1, 1),
            pitches=(),
            slur=min(2 * state.slur, 2),
        )

    def _with_length(self, state: State, text: str) -> State:
        if state.place is Place.MUST:
            return state._replace(place=Place.LENGTH, must=state.must if state.tuplet[0] else None)
        if state.place is not Place.NOTE:
            return state
        ticks = dict(self._fill.lengths(unit_of(state))).get(text, unit_of(state))
        pending = max(in_tuplet(state, ticks), 0)
        return state._replace(place=Place.LENGTH, pending=pending, written=text)
