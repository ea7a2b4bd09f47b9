"""A text of lyrics in parts: the ends of lines and stanzas, headings, and what is between them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from seqgen.core.types import Content

HEADING = re.compile(r"\[[^\]\n]{1,40}\]\n")
WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
PIECE = re.compile(r"[^\W\d_]{2,4}")
"""Letters that a word may be spelled in."""

_STRUCTURE = re.compile(rf"\n\n|\n|(?:(?<=\n)|\A){HEADING.pattern}")


def of_a_name(text: str) -> bool:
    """Whether this is letters and digits of any script, with their marks, and a letter first, as in the name of a section."""
    return text[:1].isalpha() and all(each.isalnum() or unicodedata.category(each)[0] == "M" for each in text)


def split_text(text: str) -> Iterator[str]:
    """A text in line ends, stanza ends, headings, and what is between them."""
    place = 0
    for match in _STRUCTURE.finditer(text):
        if place < match.start():
            yield text[place : match.start()]
        yield match[0]
        place = match.end()
    if place < len(text):
        yield text[place:]


def as_text(document: Content) -> str:
    """The document as text without lone surrogates, which no encoding can write; bytes are read as UTF-8."""
    if isinstance(document, bytes):
        return document.decode("utf-8", "replace")
    return document.encode("utf-32-le", "surrogatepass").decode("utf-32-le", "replace")
