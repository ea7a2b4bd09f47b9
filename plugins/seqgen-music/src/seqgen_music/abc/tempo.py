"""Tempos: how fast a tune is played."""

from __future__ import annotations

import re
from fractions import Fraction

from seqgen_music.abc.metre import WHOLE, multiple

USUAL = 120
"""Quarter notes a minute, where a tune names no tempo; that of MIDI too."""

_BEAT = r"(?:C[0-9]{0,2}|[0-9]{1,3}(?:/[0-9]{1,3})?)"
_COUNT = r"[0-9]{1,4}(?:\.[0-9]{1,3})?"
_TEMPO = re.compile(rf"({_BEAT}(?: {_BEAT})*) ?= ?({_COUNT})")
_OLD_TEMPO = re.compile(rf" ?({_COUNT})(?![0-9/])")
_WORDS = re.compile(r'"[^"]*"?')


def quarters_a_minute(text: str, unit: int) -> Fraction | None:
    """The tempo that a Q: field names, in quarter notes a minute (ABC standard 2.1, 3.1.8); None where it names none.

    Args:
        text: its value, single-spaced: ``3/8=120``, or ``1/4 1/8=120`` for the same, words in quotation marks before or behind;
            or as in older books ``120``, of the unit, and ``C3=40``, of three of them.
        unit: the length, in ticks, of a note that has none written.
    """
    text = _WORDS.sub("", text)
    found, old = _TEMPO.search(text), _OLD_TEMPO.match(text)
    beats, count = found.groups() if found else ("C", old[1]) if old else ("", "0")
    length = sum((_whole_notes(beat, unit) for beat in beats.split()), Fraction())
    return 4 * length * Fraction(count) or None


def _whole_notes(beat: str, unit: int) -> Fraction:
    """Of one beat: C stands for the unit; 0 of what divides by nothing."""
    length = multiple(beat.removeprefix("C")) or Fraction()
    return length * Fraction(unit, WHOLE) if beat.startswith("C") else length
