r"""The smallest pieces of ABC that mean something: fields, notes, lengths, bars, brackets, and letters of free text.

    [lexeme.text for lexeme in lex("K:G\nG2 (3ABc|")]   # K:G G 2 (3 A B c |

White space separates lexemes and is none, except within free text, where it is one space.  So are y, which only moves notes
apart, and a backslash at the end of a line, which joins it to the next.  A lexeme never spans two lines,
so that a text can be read line by line.  What the notation has no meaning for becomes a lexeme for each character.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator
from enum import IntEnum, auto
from typing import NamedTuple


class Kind(IntEnum):
    """What a lexeme is."""

    __hash__ = int.__hash__  # that of an enumeration hashes its name, in Python

    FIELD = auto()  # a line such as M:6/8, whole
    TEXT = auto()  # the beginning of a line of free text: T:, w:, %
    LINE_END = auto()  # the end of such a line
    QUOTE = auto()  # the beginning of free text in quotation marks
    QUOTE_END = auto()
    CHARACTER = auto()  # of free text, or one that means nothing
    INLINE = auto()  # [K:D]
    PITCH = auto()  # ^c'
    REST = auto()
    LENGTH = auto()  # 3/2
    TIE = auto()
    BROKEN = auto()  # > and <
    TUPLET = auto()  # (3
    SLUR = auto()
    SLUR_END = auto()
    CHORD = auto()  # [
    CHORD_END = auto()
    GRACE = auto()  # {
    GRACE_END = auto()
    CHORD_SYMBOL = auto()  # "Am7"
    DECORATION = auto()  # ~ or !trill!
    BAR = auto()
    VOLTA = auto()  # [1, or 1,3 behind a bar line; there a 1 alone is a length


class Lexeme(NamedTuple):
    """One lexeme.

    Attributes:
        kind: what it is.
        text: as it stands in the tune; a field with single spaces.
    """

    kind: Kind
    text: str


WHOLE_FIELDS = "KLMPQRX"
"""Fields whose values are few, so that each is one lexeme; the others are free text."""

LINE_END = Lexeme(Kind.LINE_END, "\n")
QUOTE = Lexeme(Kind.QUOTE, '"')
QUOTE_END = Lexeme(Kind.QUOTE_END, '"')

_FIELD = re.compile(r"[A-Za-z+]:(?![|:])")  # A:| is a note before a repeat
_CHORD_SYMBOL = re.compile(r"(?:N\.?C\.?|[A-G][#b]?(?:maj|min|dim|aug|sus|add|m|M|[0-9]|[+()#b-])*(?:/[A-G][#b]?)?)")
_MUSIC = re.compile(
    r"""
    (?P<TEXT>%.*)
  | (?P<QUOTE>"[^"]*"?)
  | (?P<INLINE>\[[A-Za-z]:[^]]*\])
  | (?P<VOLTA>\[[1-9](?:[,-][1-9])* | (?<![^\s|:\]])[1-9](?:[,-][1-9])+)  # A1,3 has none
  | (?P<BAR>:{1,3}\|{1,2}:{1,3} | :{1,3}\|{1,2}\]? | :: | \[\|[]:]? | \|{1,2}\]?:{0,3})
  | (?P<PITCH>(?:\^\^?|__?|=)?[A-Ga-g][,']*)
  | (?P<REST>[zxZX])
  | (?P<LENGTH>[0-9]{1,4}(?:/[0-9]{1,4}|/{1,4})? | /[0-9]{1,4} | /{1,4})
  | (?P<TUPLET>\([2-9](?::[1-9]?(?::[1-9]?)?)?)
  | (?P<BROKEN>>{1,3}|<{1,3})
  | (?P<GRACE>\{/?)
  | (?P<DECORATION>![^!\s"%]{1,24}! | \+[^+\s"%]{1,24}\+ | [.~H-Wh-w])
  | (?P<GRACE_END>\}) | (?P<CHORD>\[) | (?P<CHORD_END>\]) | (?P<SLUR>\() | (?P<SLUR_END>\)) | (?P<TIE>-)
  | (?P<CHARACTER>\S)
    """,
    re.VERBOSE,
)
_PIECE = re.compile(re.sub(r"\(\?P<\w+>", "(?:", _MUSIC.pattern), re.VERBOSE)
"""The same without names, so that ``findall`` gives what was found."""

_NOTHING = frozenset("`y")  # they only move notes apart
LONGEST_LINE = 1 << 12
"""Characters of a line; a longer one is read as if it ended there, so that memory stays bounded."""


def lex(text: str) -> Iterator[Lexeme]:
    """The lexemes of a text."""
    for line in lines_of([text]):
        yield from lex_line(line)


def lex_line(line: str) -> list[Lexeme]:
    """The lexemes of one line, without its line end."""
    line = line.strip()
    if _FIELD.match(line):
        return _field(line)
    pieces = _PIECE.findall(line)  # it passes over white space
    if pieces and pieces[-1] == "\\":
        pieces.pop()
    found: list[Lexeme] = []
    for piece in pieces:
        if piece[0] == '"':
            found += quoted(piece.strip('"'))
        elif piece[0] == "%":
            found += spelled("%", piece[1:])
        elif piece not in _NOTHING:
            found.append(_lexeme(piece))
    return found


def _field(line: str) -> list[Lexeme]:
    letter, value = line[0], line[2:]
    if letter not in WHOLE_FIELDS:
        return spelled(f"{letter}:", value)
    value, percent, comment = value.partition("%")
    value = single_spaced(value)
    # K:|| would be a note before a bar.
    field = Lexeme(Kind.FIELD, f"{letter}: {value}" if value.startswith(("|", ":")) else f"{letter}:{value}")
    return [field, *spelled("%", comment)] if percent else [field]


@functools.lru_cache(1024)  # most are notes and lengths that come again and again
def _lexeme(piece: str) -> Lexeme:
    match = _MUSIC.match(piece)
    assert match is not None
    assert match.lastgroup is not None
    kind = Kind[match.lastgroup]
    return Lexeme(kind, f"{piece[:3]}{single_spaced(piece[3:-1])}]" if kind is Kind.INLINE else piece)


@functools.lru_cache(1024)
def character(text: str) -> Lexeme:
    """A letter of free text."""
    return Lexeme(Kind.CHARACTER, text)


def spelled(opening: str, text: str) -> list[Lexeme]:
    """A line of free text: ``T:`` or ``%`` and what follows, a lexeme for each character."""
    return [Lexeme(Kind.TEXT, opening), *map(character, single_spaced(text)), LINE_END]


def quoted(text: str) -> list[Lexeme]:
    """What stands in quotation marks: a chord symbol, or free text."""
    text = single_spaced(text)
    if _CHORD_SYMBOL.fullmatch(text):
        return [Lexeme(Kind.CHORD_SYMBOL, f'"{text}"')]
    return [QUOTE, *map(character, text), QUOTE_END]


def lexeme_of(text: str) -> Lexeme | None:
    """The one lexeme that a text is, or begins as a line of free text; None if it is not one.  Single characters of free
    text and quotation marks are none.
    """
    if not text or "\n" in text:
        return None
    found = lex_line(text)
    if len(found) == 2 and found[0] == Lexeme(Kind.TEXT, text) and found[1] is LINE_END:
        return found[0]
    if len(found) == 1 and found[0].text == text and found[0].kind is not Kind.CHARACTER:
        return found[0]
    return None


def single_spaced(text: str) -> str:
    """The text with one space for each run of white space, and none around."""
    return " ".join(text.split())


def lines_of(pieces: Iterable[str]) -> Iterator[str]:
    """The lines of a text that comes in pieces, without their ends; what is longer than any line of music comes as several."""
    held, length = [""], 0
    for piece in pieces:
        begin = 0
        while (end := piece.find("\n", begin)) >= 0:  # all at once would be several times the piece
            yield from _chunks("".join([*held, piece[begin:end]]))
            held, length, begin = [""], 0, end + 1
        rest = piece[begin:]
        held.append(rest)
        length += len(rest)
        if length >= LONGEST_LINE:
            *chunks, rest = _chunks("".join(held))
            yield from chunks
            held, length = [rest], len(rest)
    yield from _chunks("".join(held))


def _chunks(line: str) -> Iterator[str]:
    for start in range(0, max(len(line), 1), LONGEST_LINE):
        yield line[start : start + LONGEST_LINE]
