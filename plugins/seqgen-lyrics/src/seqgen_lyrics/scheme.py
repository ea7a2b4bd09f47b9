"""What people write for a scheme, a pattern, a metre and a form, read and checked."""

from __future__ import annotations

import re
import unicodedata
from types import MappingProxyType

from seqgen.core.errors import OptionError
from seqgen_lyrics.structure import of_a_name

SCHEMES = MappingProxyType({"LIMERICK": "AABBA", "FREE": ""})
UNRHYMED = "X"
FEET = MappingProxyType({"iambic": "01", "trochaic": "10", "anapestic": "001", "dactylic": "100"})
REFRAINS = frozenset({"chorus", "refrain", "hook", "prechorus"})
"""Sections that come back the same."""

MOST_LINES = 64
MOST_SYLLABLES = 30
_LONGEST_NAME = 20  # letters of a section


def read_scheme(text: str) -> str:
    """The letters of a rhyme scheme, one a line: lines of one letter rhyme, others do not, X with none; empty: as they come.

    Raises:
        OptionError: something else.
    """
    scheme = SCHEMES.get(text.upper(), text.upper())
    if not re.fullmatch(rf"[A-Z]{{0,{MOST_LINES}}}", scheme) or (not scheme and text.upper() != "FREE"):
        raise OptionError(
            f"sampler rhyme: scheme is {text[:80]!r}, but must be up to {MOST_LINES} letters, one a line, X for a line that "
            "rhymes with none, or limerick or free.  Try --sampler rhyme:scheme=ABAB"
        )
    return scheme


def read_pattern(text: str) -> tuple[int, ...]:
    """The syllables of each line of a stanza; of one number, those of every line; empty: any.

    Raises:
        OptionError: something else.
    """
    if not text:
        return ()
    numbers = text.split("-")
    fits = len(numbers) <= MOST_LINES and all(re.fullmatch("[0-9]{1,2}", each) for each in numbers)
    if not fits or not all(1 <= int(each) <= MOST_SYLLABLES for each in numbers):
        raise OptionError(
            f"sampler syllables: pattern is {text[:80]!r}, but must be numbers from 1 to {MOST_SYLLABLES} with hyphens between "
            "them, one a line.  Try --sampler syllables:pattern=8-6-8-6"
        )
    return tuple(map(int, numbers))


def read_stress(text: str) -> str:
    """A foot, 0 weak and 1 strong; empty: any.

    Raises:
        OptionError: no foot.
    """
    foot = FEET.get(text, text)
    if not re.fullmatch("[01]{0,8}", foot):
        raise OptionError(
            f"sampler syllables: stress is {text[:80]!r}, but must be {', '.join(FEET)}, or a foot of 0 (weak) and 1 (strong), "
            "as 01.  Try --sampler syllables:stress=iambic"
        )
    return foot


def read_sections(text: str) -> tuple[str, ...]:
    """The names of sections in their order.

    Raises:
        OptionError: no names.
    """
    names = unicodedata.normalize("NFC", text.lower()).split("-")  # as the dataset songs writes headings
    if len(names) > MOST_LINES or not all(of_a_name(name) and len(name) <= _LONGEST_NAME for name in names):
        raise OptionError(
            f"sampler form: sections is {text[:80]!r}, but must be up to {MOST_LINES} names of letters and digits with hyphens "
            "between them.  Try --sampler form:sections=verse-chorus-verse-chorus"
        )
    return tuple(names)
