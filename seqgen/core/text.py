"""Text in pieces: cutting where no token and no normalisation reaches across; and what words and forms of text are made of."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import cache

REPLACEMENT = "\ufffd"
"""The character that Unicode has for what cannot be represented."""

_CUT = re.compile(r"(?<=\S)(?=[ \n\t\r])")


def cut_before_space(pieces: Iterable[str]) -> Iterator[str]:
    """The same text, cut only where white space (space, tab, line end) follows something that is not white space.

    No Unicode normal form composes across such a place, lower-casing does not look across it, and tokens that keep
    white space at their front do not span it.  Text without white space is held back until its end.
    """
    held: list[str] = []  # joined, it has no cut inside
    for piece in pieces:
        if not piece:
            continue
        # The cut may lie at the seam of two pieces, so the search begins one character back.
        before = held[-1][-1] if held else ""
        cut = last_cut(before + piece) - len(before)
        if cut >= 0:
            yield "".join([*held, piece[:cut]])
            held = []
        held.append(piece[max(cut, 0) :])
    if held:
        yield "".join(held)


def last_cut(text: str, *, within: int | None = None) -> int:
    """The last place at which ``cut_before_space`` may cut a text, or -1.

    Args:
        text: the text; 0 is never such a place, since nothing is before it.
        within: look only at so many characters at the end; None looks at all.
    """
    first = 1 if within is None else max(1, len(text) - within)
    reach = 256
    while True:
        # From the end in growing steps: the last place is usually near, and the work stays linear where it is not.
        begin = max(first, len(text) - reach)
        cut = max((match.start() for match in _CUT.finditer(text, begin)), default=-1)
        if cut >= 0 or begin == first:
            return cut
        reach *= 4


@cache
def marks() -> str:
    r"""The combining marks (Mn and Mc in Unicode), as they stand between the brackets of a regular expression.

    ``\w`` leaves them out, and yet words are written with them: vowels in Hindi and Thai, vocalised Arabic and Hebrew, and
    every accent in NFD.
    """
    # Made when first asked for, which takes 10 ms; there are none elsewhere.
    places = itertools.chain(range(0x300, 0x20000), range(0xE0100, 0xE01F0))
    found = [code for code in places if unicodedata.category(chr(code)) in ("Mn", "Mc")]
    runs = [list(run) for _, run in itertools.groupby(enumerate(found), lambda each: each[1] - each[0])]
    return "".join(f"{chr(run[0][1])}-{chr(run[-1][1])}" for run in runs)


def word_pattern(letter: str) -> str:
    """A regular expression of a word: letters, each with its marks, and apostrophes between letters.

    Args:
        letter: a regular expression of a letter, whatever it is taken to be.
    """
    # Looked at first is whether either may follow at all: a class of so many ranges takes half as long again for all of a text.
    return rf"{letter}+(?:(?=['\u0300-\U000e01ef])(?:['’]{letter}+|[{marks()}]+{letter}*))*"


def fuller_form(text: str, missing: Callable[[str], Collection[str]]) -> str | None:
    """The Unicode normal form, NFC or NFD, in which more of a text is known; None where that is in neither.

    Args:
        text: as it is.
        missing: the symbols of a text that are unknown.
    """
    unknown = cache(lambda character: bool(missing(character)))
    lacking, named = sum(map(unknown, text)), set(missing(text))
    for form in ("NFC", "NFD"):
        other = unicodedata.normalize(form, text)
        # Fewer alone tells nothing: in NFC any text has fewer characters, also where none of what is composed is known.
        composed = not all(map(unknown, set(other).difference(text)))
        # And where the same are named of both, text is brought to a form anyway.
        if composed and sum(map(unknown, other)) < lacking and set(missing(other)) != named:
            return form
    return None


def told_apart(one: str, other: str) -> tuple[str, str]:
    """Two texts between quotation marks; by their code points where they are only two ways to write the same."""
    same = unicodedata.normalize("NFC", one) == unicodedata.normalize("NFC", other)
    return (ascii(one), ascii(other)) if same else (repr(one), repr(other))
