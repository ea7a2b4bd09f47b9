"""How words are written: their case and their space, and rare ones in pieces."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping
from types import MappingProxyType

CASES = ("as it is", "title", "upper")
"""The marks of case: a word in the form of the vocabulary, with a capital, or in capitals."""

_FORMS: Mapping[str, Callable[[str], str]] = MappingProxyType(
    {"as it is": lambda word: word, "title": lambda word: word[:1].upper() + word[1:], "upper": str.upper}
)


def spelled_line(word: str, case: str, *, at_start: bool) -> str:
    """A word as it stands in a line, with the space before it.

    Args:
        word: in the form of the vocabulary.
        case: the mark before it; empty: none, so that it has a capital where it begins the line.
        at_start: it begins the line.
    """
    text = _FORMS[case or ("title" if at_start else "as it is")](word)
    return text if at_start else f" {text}"


def cased(form: str, word: str, *, at_start: bool) -> str | None:
    """The mark that a word needs, empty for none; None where no mark gives it.

    Args:
        form: of the vocabulary.
        word: as it is written.
        at_start: it begins the line.
    """
    for case in ("", *CASES):
        if spelled_line(form, case, at_start=at_start).removeprefix("" if at_start else " ") == word:
            return case
    return None


def split_word(word: str, pieces: Container[str], longest: int = 4) -> Iterator[str]:
    """A word in the longest pieces that there are, from its beginning; letters in between alone."""
    place = 0
    while place < len(word):
        for length in range(min(longest, len(word) - place), 1, -1):
            if word[place : place + length] in pieces:
                break
        else:
            length = 1
        yield word[place : place + length]
        place += length
