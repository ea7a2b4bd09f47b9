"""Tunes in one spelling: fields in one order, keys and bar lines written in one way, nothing that is not music."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from seqgen_music.abc.keys import parse_key
from seqgen_music.abc.lexemes import Kind, Lexeme, lex, spelled
from seqgen_music.abc.metre import multiple

ORDER = "XTRCQMLK"
"""Header fields in the order in which they are written."""

_BARS = {
    "[|": "||",
    ":|]": ":|",
    ":||": ":|",
    "||:": "|:",
    "[|:": "|:",
    "|]:": "|:",
    ":||:": "::",
    ":|:": "::",
}


def normal(text: str, fields: str = "TRMLK") -> list[Lexeme]:
    """The lexemes of a tune in its normal spelling.

    Header fields are written in the order of ``ORDER``, X: as 1; keys as ``Ador``, lengths as ``/2`` and ``3/2``, endings as
    ``[1``.  Comments, lyrics and text in quotation marks are left out, chord symbols stay.

    Args:
        text: a tune.
        fields: letters of the header fields that stay; X: and K: always do, M: and L: where there are such.
    """
    header: dict[str, list[Lexeme]] = {"X": [Lexeme(Kind.FIELD, "X:1")]}
    body: list[Lexeme] = []
    for letter, piece in _pieces(lex(text)):
        if not letter:
            body += _music(piece)
        elif not body and "K" in header and letter in "MLK":
            header[letter] = piece
        elif "K" not in header:
            if letter in {*fields, *"MLK"} and letter in ORDER and letter not in header and letter != "X":
                header[letter] = piece
        elif letter in "KLMP":
            body += piece
    return [lexeme for letter in ORDER for lexeme in header.get(letter, [])] + body


def _pieces(lexemes: Iterable[Lexeme]) -> Iterator[tuple[str, list[Lexeme]]]:
    """Fields with their letter, and between them music, with none; text in quotation marks is left out."""
    music: list[Lexeme] = []
    free: list[Lexeme] = []
    for lexeme in lexemes:
        kind, text = lexeme
        if free:
            free.append(lexeme)
            if kind in (Kind.LINE_END, Kind.QUOTE_END):
                if kind is Kind.LINE_END and free[0].text != "%":
                    yield "", music
                    yield free[0].text[0], list(spelled(free[0].text, "".join(each.text for each in free[1:-1])))
                    music = []
                free = []
        elif kind in (Kind.TEXT, Kind.QUOTE):
            free = [lexeme]
        elif kind is Kind.FIELD:
            yield "", music
            yield text[0], [_field(lexeme)]
            music = []
        else:
            music.append(lexeme)
    yield "", music


def _music(lexemes: list[Lexeme]) -> Iterator[Lexeme]:
    previous = Kind.BAR
    for kind, text in lexemes:
        if kind is Kind.LENGTH and previous is Kind.BAR:
            yield Lexeme(Kind.VOLTA, f"[{text[0]}")
        elif kind is Kind.LENGTH:
            yield from _length(text)
        elif kind is Kind.BAR:
            yield Lexeme(kind, _BARS.get(text, text))
        elif kind is Kind.INLINE:
            field = _field(Lexeme(Kind.FIELD, text[1:-1]))
            yield Lexeme(kind, f"[{field.text}]")
        elif kind is Kind.DECORATION and text.startswith("+"):
            yield Lexeme(kind, f"!{text[1:-1]}!")
        else:
            yield Lexeme(kind, text)
        previous = kind


def _length(text: str) -> Iterator[Lexeme]:
    value = multiple(text)
    if value is None or value == 1:
        return
    top = "" if value.numerator == 1 else str(value.numerator)
    yield Lexeme(Kind.LENGTH, top if value.denominator == 1 else f"{top}/{value.denominator}")


def _field(lexeme: Lexeme) -> Lexeme:
    if lexeme.text[0] != "K":
        return lexeme
    key = parse_key(lexeme.text[2:])
    return lexeme if key is None else Lexeme(lexeme.kind, f"K:{key}")
