"""Figures of a set of texts; none of them needs to know who wrote them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from seqgen.core.text import marks, word_pattern
from seqgen.core.types import Content
from seqgen.judging.copies import Copied

DISTINCT = (1, 2, 3, 4)
"""The n of distinct-n."""

REPEATED = 4
"""The n of seq-rep-n, as in Welleck et al. 2020."""

_LONGEST = 64  # characters that a word has at most; where there are more, writing has no spaces
_REST = re.compile(rf"\S{{1,{_LONGEST}}}\s+(?=\S)")


@dataclass(frozen=True)
class Figures:
    """What is measured of texts; None where there is nothing to measure it on.

    Attributes:
        texts: how many.
        characters: in all of them (bytes, for binary media).
        real_words: share of the words that occur in the sources; None for binary media.
        listed_words: share of the words that are on a word list; None without one.
        distinct: distinct-1 to distinct-4; see :func:`distinct_n`.
        repetition: seq-rep-4; see :func:`repetition`.
        longest_copied: characters of the longest span that is in the sources.
        copied_shingles: share of all spans of 20 characters that are in the sources.
        copied_text: that longest span.
    """

    texts: int
    characters: int
    real_words: float | None
    listed_words: float | None
    distinct: tuple[float | None, ...]
    repetition: float | None
    longest_copied: int
    copied_shingles: float | None
    copied_text: Content


def measure(
    texts: Sequence[Content],
    copies: Copied,
    *,
    source_words: Collection[str],
    listed_words: Collection[str] | None = None,
) -> Figures:
    """All figures of some texts.

    Args:
        texts: what is measured: all str, or all bytes.
        copies: what of them is in the sources.
        source_words: the words of the sources, as :func:`words` gives them.
        listed_words: those of a word list, or None without one.
    """
    units = [units_of(text) for text in texts]
    found = [word for text in texts if isinstance(text, str) for word in words(text)]
    return Figures(
        texts=len(texts),
        characters=sum(map(len, texts)),
        real_words=share_in(found, source_words),
        listed_words=None if listed_words is None else share_in(found, listed_words),
        distinct=tuple(distinct_n(units, n) for n in DISTINCT),
        repetition=repetition(units),
        longest_copied=len(copies.longest),
        copied_shingles=copies.shingles,
        copied_text=copies.longest,
    )


def words(text: str) -> list[str]:
    """The words of a text: letters, with apostrophes inside, whatever their case, their normal form and the form of the apostrophe."""
    return list(_found(text))


def words_of_pieces(pieces: Iterable[str]) -> Iterator[str]:
    """The words of a text that comes in pieces, which may be cut within a word."""
    held: list[str] = []  # what the next piece may go on with
    for piece in pieces:
        rest = _characters().match(piece[::-1])
        cut = len(piece) - (rest.end() if rest else 0)
        if cut:
            yield from _found("".join([*held, piece[:cut]]))
            held.clear()
        held.append(piece[cut:])
    yield from _found("".join(held))


def units_of(text: Content) -> Sequence[Hashable]:
    """What n-grams are made of: the words of a text, the bytes of binary media."""
    return words(text) if isinstance(text, str) else list(text)


def share_in(found: Sequence[str], known: Collection[str]) -> float | None:
    """The share of the words found, each as often as it was found, that are known."""
    return sum(word in known for word in found) / len(found) if found else None


def distinct_n(texts: Sequence[Sequence[Hashable]], n: int) -> float | None:
    """distinct-n: different n-grams of all texts together, over all their n-grams (Li et al. 2016).

    It falls with the amount of text, so it compares only texts of the same amount.
    """
    grams = [gram for units in texts for gram in _grams(units, n)]
    return len(set(grams)) / len(grams) if grams else None


def repetition(texts: Sequence[Sequence[Hashable]], n: int = REPEATED) -> float | None:
    """seq-rep-n: in a text, 1 - different n-grams / n-grams; the mean over the texts (Welleck et al. 2020)."""
    each = [1 - distinct for units in texts if (distinct := distinct_n([units], n)) is not None]
    return sum(each) / len(each) if each else None


def without_cut_word(text: Content) -> Content:
    """A text that was cut off at its length, without the word that the cut may have gone through.

    Where that is all of it, or longer than words are, as in writing without spaces, the text stays.
    """
    if isinstance(text, bytes):
        return text
    found = _characters().match(text[: -_LONGEST - 2 : -1])  # from its end
    length = found.end() if found else 0
    return text if length in (len(text), _LONGEST + 1) else text[: len(text) - length]


def without_rest_of_word(text: str) -> str:
    """A text that begins within a word, from the white space after that on; whole where that is further than words are long."""
    found = _REST.match(text)
    return text[found.end() :] if found else text


def _found(text: str) -> Iterator[str]:
    words = (word.replace("’", "'").casefold() for word in _words_of_letters(text))
    # A corpus may be in one normal form, and a list in another.
    return (word if word.isascii() else unicodedata.normalize("NFC", word) for word in words)


def _words_of_letters(text: str) -> Iterator[str]:
    word, numerals = _word(), _numerals()
    for found in word.findall(text):
        if found.isalpha() or numerals.isdisjoint(found):
            yield found
        else:
            yield from word.findall("".join(" " if each in numerals else each for each in found))


@cache
def _word() -> re.Pattern[str]:
    # With numerals: a class without them takes two thirds as long again for all of a text, of which few words have any.
    return re.compile(word_pattern(r"[^\W\d_]"))


@cache
def _numerals() -> frozenset[str]:
    r"""Numerals that are no digits, as ½, ² and Ⅷ, which ``\w`` takes in."""
    # Made when first asked for, which takes 20 ms; there are none elsewhere.  The zero 〇 is written within words.
    characters = map(chr, range(0xB2, 0x20000))
    return frozenset(each for each in characters if unicodedata.category(each) in ("No", "Nl") and each != "〇")


@cache
def _characters() -> re.Pattern[str]:
    return re.compile(rf"[\w'’{marks()}]+")


def _grams(units: Sequence[Hashable], n: int) -> list[tuple[Hashable, ...]]:
    return [tuple(units[i : i + n]) for i in range(len(units) - n + 1)]
