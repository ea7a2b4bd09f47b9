"""Metres and lengths of notes.

Time is counted in ticks, ``WHOLE`` of them a whole note: whole numbers, so that bars add up exactly and nothing grows.
"""

from __future__ import annotations

import functools
import re
from fractions import Fraction

WHOLE = 2**10 * 3**2 * 5 * 7
"""Ticks of a whole note: down to the 1024th, in triplets within triplets, quintuplets and septuplets."""

LONGEST = 16 * WHOLE
"""Ticks of a bar or a unit; what claims to be longer is none.  The longest metre in use, 12/2, has six whole notes."""

_METRE = re.compile(r"\(?(\d{1,2}(?:\s*\+\s*\d{1,2}){0,8})\)?\s*/\s*(\d{1,3})")
_UNIT = re.compile(r"(\d{1,3})(?:\s*/\s*(\d{1,3}))?")
_LENGTH = re.compile(r"(\d*)(/*)(\d*)")


@functools.lru_cache(1024)
def bar_length(metre: str) -> int | None:
    """Ticks of a bar by the value of an M: field; None where there is no metre, or it is not one."""
    if metre in ("C", "C|"):
        return WHOLE
    match = _METRE.fullmatch(metre)
    if match is None or not int(match[2]):
        return None
    return _exactly(Fraction(sum(map(int, match[1].split("+"))), int(match[2])))


@functools.lru_cache(1024)
def signature(metre: str) -> tuple[int, int] | None:
    """How many beats a bar has, and of which part of a whole note; None where there is no metre."""
    match = _METRE.fullmatch({"C": "4/4", "C|": "2/2"}.get(metre, metre))
    if match is None or bar_length(metre) is None:
        return None
    return sum(map(int, match[1].split("+"))), int(match[2])


@functools.lru_cache(1024)
def unit_length(text: str) -> int | None:
    """Ticks of the unit by the value of an L: field, where 1 is a whole note; None where it is not one."""
    match = _UNIT.fullmatch(text)
    if match is None or not int(match[2] or 1):
        return None
    return _exactly(Fraction(int(match[1]), int(match[2] or 1)))


def default_unit(bar: int | None) -> int:
    """Ticks of the unit of a tune without L: field (ABC standard 2.1, 3.1.7)."""
    return WHOLE // 16 if bar is not None and bar < WHOLE * 3 // 4 else WHOLE // 8


@functools.lru_cache(1024)
def beat_length(metre: str) -> int | None:
    """Ticks of the notes under one beam together; None where there is no metre."""
    bar = bar_length(metre)
    match = _METRE.fullmatch(metre)
    if bar is None or match is None:  # C and C|
        return None if bar is None else WHOLE // 2
    beats, unit = sum(map(int, match[1].split("+"))), int(match[2])
    if beats % 3 == 0 and unit >= 8:
        return WHOLE * 3 // unit
    if (beats, unit) == (4, 4):
        return WHOLE // 2
    return WHOLE // unit if unit < 8 else bar


@functools.lru_cache(1024)
def multiple(length: str) -> Fraction | None:
    """How many units a LENGTH is: ``3/2``, ``/``, ``2``; None for nothing and for what divides by nothing."""
    match = _LENGTH.fullmatch(length)
    assert match is not None
    above, slashes, below = match.groups()
    top = int(above) if above else 1
    bottom = int(below) if below else 2 ** len(slashes)
    return Fraction(top, bottom) if top and bottom else None


@functools.lru_cache(1024)
def tuplet(text: str, *, compound: bool) -> tuple[int, Fraction]:
    """How many notes a TUPLET is for, and by what each is multiplied: ``(p:q:r`` puts p into the time of q, for r notes.

    Args:
        text: the lexeme.
        compound: whether the metre is, as 6/8, which decides on (5, (7 and (9.
    """
    numbers = [int(number) if number else None for number in text[1:].split(":")]
    p, q, r = (*numbers, None, None)[:3]
    assert p is not None
    q = q or {2: 3, 3: 2, 4: 3, 6: 2, 8: 3}.get(p, 3 if compound else 2)
    return r or p, Fraction(q, p)


def is_compound(metre: str) -> bool:
    """Whether each beat of the metre has three parts, as in 6/8."""
    match = _METRE.fullmatch(metre)
    return match is not None and match[1] in ("6", "9", "12") and int(match[2]) >= 8


def shown(ticks: int) -> str:
    """A time as a fraction: ``5/8``."""
    time = Fraction(ticks, WHOLE)
    eighths = time * 8
    return f"{eighths.numerator}/8" if eighths.denominator == 1 else str(time)


def _exactly(whole_notes: Fraction) -> int | None:
    ticks = whole_notes * WHOLE
    return int(ticks) if ticks.denominator == 1 and 0 < ticks <= LONGEST else None
