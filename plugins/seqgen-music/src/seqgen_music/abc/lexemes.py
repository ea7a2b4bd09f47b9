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
    VOLTA = auto()  # [1


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
    (?P<SPACE>`|y|\\\s*$)
  | (?P<TEXT>%.*)
  | "(?P<QUOTE>[^"]*)"?
  | (?P<INLINE>\[[A-Za-z]:[^]]*\])
  | (?P<VOLTA>\[[1-9](?:[,-][1-9])*)
  | (?P<BAR>:{1,3}\|{1,2}:{1,3} | :{1,3}\|{1,2}\]? | :: | \[\|:? | \|{1,2}\]?:{0,3})
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
LONGEST_LINE = 1 << 12
"""Characters of a line; a longer one is read as if it ended there, so that memory stays bounded."""


def lex(text: str) -> Iterator[Lexeme]:
    """The lexemes of a text."""
    for line in lines_of([text]):
        yield from lex_line(line)


def lex_line(line: str) -> Iterator[Lexeme]:
    """The lexemes of one line, without its line end."""
    line = line.strip()
    if _FIELD.match(line):
        letter, value = line[0], line[2:]
        if letter not in WHOLE_FIELDS:
            yield from spelled(f"{letter}:", value)
            return
        value, percent, comment = value.partition("%")
        value = single_spaced(value)
        # K:|| would be a note before a bar.
        yield Lexeme(Kind.FIELD, f"{letter}: {value}" if value.startswith(("|", ":")) else f"{letter}:{value}")
        if percent:
            yield from spelled("%", comment)
        return
    for match in _MUSIC.finditer(line):  # it passes over white space
        name = match.lastgroup
        if name == "TEXT":
            yield from spelled("%", match[0][1:])
        elif name == "QUOTE":
            yield from quoted(match["QUOTE"])
        elif name == "INLINE":
            yield Lexeme(Kind.INLINE, f"{match[0][:3]}{single_spaced(match[0][3:-1])}]")
        elif name != "SPACE":
            yield _lexeme(name, match[0])


@functools.lru_cache(256)  # most are notes and lengths that come again and again
def _lexeme(name: str, text: str) -> Lexeme:
    return Lexeme(Kind[name], text)


def spelled(opening: str, text: str) -> Iterator[Lexeme]:
    """A line of free text: ``T:`` or ``%`` and what follows, a lexeme for each character."""
    yield Lexeme(Kind.TEXT, opening)
    for character in single_spaced(text):
        yield Lexeme(Kind.CHARACTER, character)
    yield LINE_END


def quoted(text: str) -> Iterator[Lexeme]:
    """What stands in quotation marks: a chord symbol, or free text."""
    text = single_spaced(text)
    if _CHORD_SYMBOL.fullmatch(text):
        yield Lexeme(Kind.CHORD_SYMBOL, f'"{text}"')
        return
    yield QUOTE
    for character in text:
        yield Lexeme(Kind.CHARACTER, character)
    yield QUOTE_END


def lexeme_of(text: str) -> Lexeme | None:
    """The one lexeme that a text is, or begins as a line of free text; None if it is not one.  Single characters of free
    text and quotation marks are none.
    """
    if not text or "\n" in text:
        return None
    found = list(lex_line(text))
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
        *whole, rest = piece.split("\n")
        for part in whole:
            yield from _chunks("".join([*held, part]))
            held, length = [""], 0
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
