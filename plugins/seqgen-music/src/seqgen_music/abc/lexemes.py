r"""The smallest pieces of ABC that mean something: fields, notes, lengths, bars, brackets, and letters of free text.

    [lexeme.text for lexeme in lex("K:G\nG2 (3ABc|")]   # K:G G 2 (3 A B c |

White space separates lexemes and is none, except within free text, where it is one space.  So are y, with a
width or without, which only moves notes apart, $, which ends a line of the score, the characters that the ABC standard 2.1
reserves (8.1), and a backslash at the end of a line, which joins it to the next.  A lexeme never spans two lines, so that a text
can be read line by line.  What the notation has no meaning for becomes a lexeme for each character.
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
_COMMENT = re.compile(r"(?<!\\)%")
_CHORD = r"[A-G][#b♯♭]?(?:maj|min|dim|aug|sus|add|[mMo]|/?[0-9]|[+()#b♯♭-])*(?:/[A-Ga-g][#b♯♭]?)?"
_CHORD_SYMBOL = re.compile(rf"N\.?C\.?|{_CHORD}(?: ?\({_CHORD}\))?")
"""A chord and perhaps another in parentheses, to be played instead (ABC standard 2.1, 4.18)."""

_MUSIC = re.compile(
    r"""
    (?P<TEXT>%.*)
  | (?P<QUOTE>"[^"]*"?)
  | (?P<INLINE>\[[A-Za-z]:[^]]*\])
  | (?P<VOLTA>\[[1-9](?:[,-][1-9])* | (?<![^\s|:\]])[1-9](?:[,-][1-9])+)  # A1,3 has none
  | (?P<BAR>:{1,3}\|{1,2}:{1,3} | :{1,3}\|{1,2}\]? | :: | \[\|[]:]? | \|{1,2}\]?:{0,3} | \.\|(?![]|:]))
  | (?P<PITCH>(?:\^\^?|__?|=)?[A-Ga-g][,']*)
  | (?P<REST>[zxZX])
  | (?P<LENGTH>[0-9]{1,4}(?:/[0-9]{1,4}|/{1,4})? | /[0-9]{1,4} | /{1,4})
  | (?P<TUPLET>\([2-9](?::[1-9]?(?::[1-9]?)?)?)
  | (?P<BROKEN>>{1,3}|<{1,3})
  | (?P<GRACE>\{/?)
  | (?P<DECORATION>![^!\s"%]{1,24}! | \+[^+\s"%]{1,24}\+ | [.~H-Wh-w])
  | (?P<GRACE_END>\}) | (?P<CHORD>\[) | (?P<CHORD_END>\]) | (?P<SLUR>\() | (?P<SLUR_END>\)) | (?P<TIE>-)
  | y[0-9]*  # its width is no length of the note before
  | (?P<CHARACTER>\S)
    """,
    re.VERBOSE,
)
_PIECE = re.compile(re.sub(r"\(\?P<\w+>", "(?:", _MUSIC.pattern), re.VERBOSE)
"""The same without names, so that ``findall`` gives what was found."""

_NOTHING = frozenset("`y$#*;?@")
"""The back quote and y only move notes apart, $ ends a line of the score, and the others are reserved."""

LONGEST_LINE = 1 << 12
"""Characters of a line that are read at once, so that memory stays bounded.  A longer line of music comes in parts; of a field,
a comment or a text in quotation marks that is longer, the rest of the line is left out.
"""


def lex(text: str) -> Iterator[Lexeme]:
    """The lexemes of a text."""
    for line in lines_of([text]):
        yield from lex_line(line)


def lex_line(line: str) -> list[Lexeme]:
    """The lexemes of one line, without its line end."""
    line = line.strip()
    if _FIELD.match(line):
        return _field(line)
    pieces = [piece for piece in _PIECE.findall(line) if piece[0] not in _NOTHING]  # it passes over white space
    comment = spelled("%", pieces.pop()[1:]) if pieces and pieces[-1][0] == "%" else []
    while pieces and pieces[-1] == "\\":
        pieces.pop()
    found: list[Lexeme] = []
    for piece in pieces:
        if piece[0] == '"':
            found += quoted(piece.strip('"'))
        else:
            found.append(_lexeme(piece))
    return found + comment


def is_field(line: str) -> bool:
    """Whether a line is a field, and no music."""
    return _FIELD.match(line.lstrip()) is not None


def bar_lines(line: str) -> list[tuple[int, int]]:
    """From where to where the bar lines of one line stand."""
    if is_field(line):
        return []
    return [match.span() for match in _MUSIC.finditer(line) if match.lastgroup == Kind.BAR.name]


def _field(line: str) -> list[Lexeme]:
    letter = line[0]
    value, *rest = _COMMENT.split(line[2:], maxsplit=1)
    comment = spelled("%", rest[0]) if rest else []
    if letter not in WHOLE_FIELDS:
        return spelled(f"{letter}:", value) + comment
    value = single_spaced(value)
    # K:|| would be a note before a bar.
    field = Lexeme(Kind.FIELD, f"{letter}: {value}" if value.startswith(("|", ":")) else f"{letter}:{value}")
    return [field, *comment]


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
    """A line of free text: ``T:`` or ``%`` and what follows, of a field up to a comment, a lexeme for each character."""
    if opening != "%":
        text = _COMMENT.split(text, maxsplit=1)[0]
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
    """The lines of a text that comes in pieces, without their ends; of a long one (see ``LONGEST_LINE``) its parts."""
    held: str | None = ""  # of the line that is read; None where the rest of it is left out
    for piece in pieces:
        begin = 0
        while begin < len(piece):
            end = piece.find("\n", begin, begin + LONGEST_LINE)
            stop = end if end >= 0 else begin + LONGEST_LINE
            if held is not None:
                held += piece[begin:stop]
            while held is not None and len(held) > LONGEST_LINE:
                cut = _cut(held[:LONGEST_LINE])
                yield held[:cut]
                held = held[cut:] if cut < LONGEST_LINE else None
            if end >= 0:
                if held is not None:
                    yield held
                held = ""
            begin = stop + (end >= 0)
    if held is not None:
        yield held


def _cut(line: str) -> int:
    """Where the beginning of a long line is cut: before its last bar line or behind its last space, or else before its last
    lexeme, which may go on behind it.  At its end where it is one lexeme or field.
    """
    later = [] if _FIELD.match(line.lstrip()) else list(_MUSIC.finditer(line))[1:]
    apart = [each for each in later if each.lastgroup == Kind.BAR.name or line[each.start() - 1].isspace()]
    return (apart or later)[-1].start() if later else len(line)
