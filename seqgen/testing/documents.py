"""Documents to try parts with."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

TRICKY = (
    "aAbBeE éÉê\u0301\u0302 ΑΣσς İiIK™ﬁ … 'don’t \n\r\t\x0b\x0c\x1c\x85\u00a0\u2003¨ "
    "👍\U0001f469\u200d\ufffd한\u1112\u1161\U0010ffff"
)
"""What goes wrong somewhere: accents alone and composed, letters whose lower case depends on their neighbours or takes two
characters, white space of all kinds, characters of four bytes, the last code point."""

TEXTS: SearchStrategy[str] = st.text(st.sampled_from("abAé\u0301Σ'. \n"), max_size=20) | st.text(
    st.sampled_from(TRICKY) | st.characters(codec="utf-8"), max_size=40
)
"""Text as a file may hold it, so without lone surrogates; half of it of few characters, so that there are words again."""

ANY_TEXT: SearchStrategy[str] = TEXTS | st.text(
    st.sampled_from("a \ud83d\udc4d") | st.characters(exclude_categories=()), max_size=40
)
"""Any str at all: prompts come from anywhere."""

_LETTERS = [
    chr(code)
    for first, last in ((33, 126), (161, 383), (913, 969), (1040, 1103), (0x4E00, 0x4E7F))
    for code in range(first, last + 1)
]


def many_symbols(characters: int) -> str:
    """A text of so many characters, of which more than 500 differ: words, spaces and line ends; always the same."""
    generator = np.random.default_rng(0)
    letters = generator.choice(_LETTERS, characters)
    letters[generator.random(characters) < 1 / 6] = " "
    letters[generator.random(characters) < 1 / 40] = "\n"
    return "".join(letters.tolist())


_LINES = """The ice lay still over the sea, and nobody spoke of the way back, for there was none that anybody knew of.
So the night went by, and the wind with it; and in the morning the men went out to the ship and looked at her.

She lay as she had lain the day before, on her side, with snow on her deck, and nothing moved but the flag.
"""


def long_text(characters: int) -> Iterator[str]:
    """Plain text of so many characters, lines and paragraphs, in pieces of 4,096, made as it is read."""
    lines = itertools.cycle(_LINES)
    for start in range(0, characters, 4096):
        yield "".join(itertools.islice(lines, min(4096, characters - start)))
