"""Tunes in one spelling: fields in one order, keys and bar lines written in one way, nothing that is not music."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from seqgen_music.abc.keys import is_clef, parse_key, respelled
from seqgen_music.abc.lexemes import Kind, Lexeme, spelled
from seqgen_music.abc.metre import WHOLE, bar_length, default_unit, multiple

ORDER = "XTRCQMLK"
"""Header fields in the order in which they are written."""

_LAST_COUNTS = "MLQK"
"""Header fields of which the last counts, where there are several, also behind the K: field."""

_KEPT_WITHIN = "KLMP"
"""Fields that are kept within a tune, on lines of their own or in brackets."""

_SIGNS = str.maketrans("♯♭", "#b")
_BASS = re.compile(r"/[a-g]")

_BARS = {
    "[|": "||",
    "[|]": "|",
    ".|": "|",
    ":|]": ":|",
    ":||": ":|",
    "||:": "|:",
    "[|:": "|:",
    "|]:": "|:",
    ":||:": "::",
    ":|:": "::",
}


def normal(lexemes: Iterable[Lexeme], fields: str = "TRMLK") -> list[Lexeme]:
    """A tune in its normal spelling.

    Header fields are written in the order of ``ORDER``, X: as 1; keys as ``Ador`` or ``G octave=-1``, lengths as ``/2`` and
    ``3/2``, endings as ``[1``, chord symbols as ``Bb/D``.  Clefs, comments, remarks, lyrics and text in quotation marks are
    left out, chord symbols stay.

    Args:
        lexemes: of a tune.
        fields: letters of the header fields that stay; X: and K: always do, M: and L: where there are such.
    """
    header: dict[str, list[Lexeme]] = {"X": [Lexeme(Kind.FIELD, "X:1")]}
    body: list[Lexeme] = []
    wanted = {*fields, *"MLK"} & {*ORDER} - {"X"}
    previous = Kind.BAR
    for letter, piece in _pieces(lexemes):
        if not letter:
            body += _music(piece, previous)
            previous = piece[-1].kind if piece else previous
        elif letter == "K" and "K" in header and is_clef(piece[0].text[2:]):
            body += [] if _is_mere_clef(piece[0].text) else piece
        elif not body and "K" in header and letter in wanted.intersection(_LAST_COUNTS):
            if letter == "M" and "L" not in header:
                header |= _kept_unit(header.get("M", []), piece)
            header[letter] = piece
        elif "K" not in header:
            if letter in wanted and (letter not in header or letter in _LAST_COUNTS):
                header[letter] = piece
        elif letter in _KEPT_WITHIN:
            body += piece
    return [lexeme for letter in ORDER for lexeme in header.get(letter, [])] + body


def _kept_unit(before: list[Lexeme], after: list[Lexeme]) -> dict[str, list[Lexeme]]:
    """The L: field without which a metre from behind the K: field would change lengths, once it stands before that."""
    unit, other = (default_unit(bar_length(metre[0].text[2:].strip()) if metre else None) for metre in (before, after))
    return {} if unit == other else {"L": [Lexeme(Kind.FIELD, f"L:1/{WHOLE // unit}")]}


def _pieces(lexemes: Iterable[Lexeme]) -> Iterator[tuple[str, list[Lexeme]]]:
    """Fields with their letter, and between them music, with none; text in quotation marks is left out."""
    music: list[Lexeme] = []
    free: list[Lexeme] = []
    for lexeme in lexemes:
        kind = lexeme.kind
        if free:
            free.append(lexeme)
            if kind is Kind.LINE_END or kind is Kind.QUOTE_END:
                if kind is Kind.LINE_END and free[0].text != "%":
                    yield "", music
                    yield free[0].text[0], spelled(free[0].text, "".join(each.text for each in free[1:-1]))
                    music = []
                free = []
        elif kind is Kind.TEXT or kind is Kind.QUOTE:
            free = [lexeme]
        elif kind is Kind.FIELD:
            yield "", music
            yield lexeme.text[0], [_field(lexeme)]
            music = []
        else:
            music.append(lexeme)
    yield "", music


def _music(lexemes: list[Lexeme], previous: Kind) -> Iterator[Lexeme]:
    """What is between fields and texts in its normal spelling; ``previous`` is the kind of what was before."""
    for lexeme in lexemes:
        kind = lexeme.kind
        if kind is Kind.PITCH:
            yield lexeme
        elif kind is Kind.INLINE and (lexeme.text[1] not in _KEPT_WITHIN or _is_mere_clef(lexeme.text[1:-1])):
            continue
        elif kind is Kind.LENGTH and previous is Kind.BAR and lexeme.text[0] in "123456789":
            yield Lexeme(Kind.VOLTA, f"[{lexeme.text[0]}")
        else:
            yield from _spellings(lexeme)
        previous = kind


@lru_cache(1024)
def _spellings(lexeme: Lexeme) -> tuple[Lexeme, ...]:
    """The lexeme as it is written; none for a length of one unit."""
    kind, text = lexeme
    if kind is Kind.LENGTH:
        value = multiple(text)
        if value is None or value == 1:
            return ()
        top = "" if value.numerator == 1 else str(value.numerator)
        text = top if value.denominator == 1 else f"{top}/{value.denominator}"
    elif kind is Kind.BAR:
        text = _BARS.get(text, text)
    elif kind is Kind.VOLTA:
        text = f"[{text.removeprefix('[')}"
    elif kind is Kind.INLINE:
        text = f"[{_field(Lexeme(Kind.FIELD, text[1:-1])).text}]"
    elif kind is Kind.CHORD_SYMBOL:
        text = _BASS.sub(lambda bass: bass[0].upper(), text.translate(_SIGNS))
    elif kind is Kind.DECORATION and text.startswith("+"):
        text = f"!{text[1:-1]}!"
    return (Lexeme(kind, text),)


def _field(lexeme: Lexeme) -> Lexeme:
    letter, value = lexeme.text[0], lexeme.text[2:]
    if letter != "K" or _is_mere_clef(lexeme.text):
        return lexeme
    key = parse_key(value)
    return Lexeme(lexeme.kind, f"K:{respelled(value, key)}") if key or is_clef(value) else lexeme


def _is_mere_clef(field: str) -> bool:
    """Whether it is a K: field that says nothing which is kept: no key, and no octave in which notes are written."""
    return field[0] == "K" and is_clef(field[2:]) and not respelled(field[2:], None)
