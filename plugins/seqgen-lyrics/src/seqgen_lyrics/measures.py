"""Figures of verse: how well it keeps a scheme and a pattern, and what it is made of."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from seqgen_lyrics.endings import spelled_rhyme
from seqgen_lyrics.line import Line
from seqgen_lyrics.poem import keeps_stress
from seqgen_lyrics.scheme import UNRHYMED
from seqgen_lyrics.sounds import Kind, is_known, rhyme

USUAL = ("AABB", "ABAB", "ABBA")
"""The schemes that are measured where none is named."""

_HEADING = re.compile(r"\[[^\]\n]*\]\s*")

Stanza = tuple[Line, ...]


@dataclass(frozen=True)
class Rhymes:
    """How often two lines rhyme that a scheme says should; shares of all such pairs.

    Each line is paired with the line before it of the same letter.  A pair of which a line is missing does not rhyme.

    Attributes:
        pairs: how many there are.
        perfect, slant, identical: how they rhyme; the rest does not.
    """

    pairs: int
    perfect: float
    slant: float
    identical: float


@dataclass(frozen=True)
class Figures:
    """What is measured; None where there is nothing to measure it on.

    Attributes:
        stanzas, lines, words: how many there are.
        rhymes: for each scheme.
        syllables: share of lines with the number of syllables that the pattern has for them; None without a pattern.
        metre: share of lines in which each word fits the metre; None without one.
        distinct: distinct-1 and distinct-2, over words.
        real_words: share of words that the corpus has; None without a corpus.
        listed_words: share of words that are on a word list.
        dictionary_words: share of words that CMUdict has; the sounds of the others are guessed.
        copied_lines: share of lines that stand in the corpus, whatever their case and punctuation; None without a corpus.
    """

    stanzas: int
    lines: int
    words: int
    rhymes: dict[str, Rhymes]
    syllables: float | None
    metre: float | None
    distinct: tuple[float | None, float | None]
    real_words: float | None
    listed_words: float | None
    dictionary_words: float | None
    copied_lines: float | None


@dataclass(frozen=True)
class Corpus:
    """What copies and real words are told by.

    Attributes:
        words: of all lines, and how often each comes.
        lines: the words of each.
    """

    words: Counter[str]
    lines: frozenset[tuple[str, ...]]

    @classmethod
    def of(cls, texts: Iterable[str]) -> Corpus:
        """That of some songs."""
        words: Counter[str] = Counter()
        lines = set()
        for line in (line for text in texts for stanza in stanzas_of(text) for line in stanza):
            words.update(line.words)
            lines.add(line.words)
        return cls(words, frozenset(lines))


def stanzas_of(text: str) -> Iterator[Stanza]:
    """The stanzas of a text, lines in their order, headings and lines without a word left out."""
    stanza: list[Line] = []
    for text_line in [*text.split("\n"), ""]:
        blank = not text_line.strip()
        if blank or _HEADING.fullmatch(text_line):
            if stanza:
                yield tuple(stanza)
            stanza = []
            continue
        line = Line.of(text_line)
        if line.words:
            stanza.append(line)


def measure(
    stanzas: Sequence[Stanza],
    *,
    schemes: Sequence[str] = USUAL,
    pattern: Sequence[int] = (),
    foot: str = "",
    corpus: Corpus | None = None,
    listed: Collection[str] | None = None,
    spelled: bool = False,
) -> Figures:
    """All figures of some stanzas.

    Args:
        stanzas: as :func:`stanzas_of` gives them.
        schemes: that rhymes are measured by; each begins anew where a stanza has more lines.
        pattern: syllables of each line of a stanza, again and again; empty: none.
        foot: of a metre, or empty.
        corpus: what may have been copied.
        listed: a word list.
        spelled: rhymes are told by letters, since CMUdict lacks the language.
    """
    lines = [line for stanza in stanzas for line in stanza]
    words = [line.words for line in lines]
    flat = [word for each in words for word in each]
    counted = [
        line.syllables == pattern[place % len(pattern)]
        for stanza in stanzas
        for place, line in enumerate(stanza)
        if pattern
    ]
    return Figures(
        stanzas=len(stanzas),
        lines=len(lines),
        words=len(flat),
        rhymes={scheme: _rhymes(stanzas, scheme, spelled=spelled) for scheme in schemes if scheme},
        syllables=_share(counted),
        metre=_share([keeps_stress(line, foot) for line in lines]) if foot else None,
        distinct=(_distinct(words, 1), _distinct(words, 2)),
        real_words=_share([word in corpus.words for word in flat]) if corpus else None,
        listed_words=_share([word in listed for word in flat]) if listed is not None else None,
        dictionary_words=_share([is_known(word) for word in flat]),
        copied_lines=_share([line in corpus.lines for line in words]) if corpus else None,
    )


def _rhymes(stanzas: Sequence[Stanza], scheme: str, *, spelled: bool) -> Rhymes:
    kind_of = spelled_rhyme if spelled else rhyme
    kinds: Counter[Kind] = Counter()
    for stanza in stanzas:
        for first in range(0, max(len(stanza), 1), len(scheme)):
            part = stanza[first : first + len(scheme)]
            for one, other in _pairs(scheme):
                there = other < len(part)
                kinds[kind_of(part[one].last, part[other].last) if there else Kind.NONE] += 1
    pairs = kinds.total()
    perfect, slant, identical = (
        kinds[kind] / pairs if pairs else 0.0 for kind in (Kind.PERFECT, Kind.SLANT, Kind.IDENTICAL)
    )
    return Rhymes(pairs, perfect, slant, identical)


def _pairs(scheme: str) -> Iterator[tuple[int, int]]:
    """Each line of a scheme with the one before it of the same letter."""
    last: dict[str, int] = {}
    for place, letter in enumerate(scheme):
        if letter in last and letter != UNRHYMED:
            yield last[letter], place
        last[letter] = place


def _distinct(lines: Sequence[Sequence[str]], n: int) -> float | None:
    """distinct-n: different n-grams within lines over all of them (Li et al. 2016)."""
    grams = [tuple(words[start : start + n]) for words in lines for start in range(len(words) - n + 1)]
    return len(set(grams)) / len(grams) if grams else None


def _share(found: Sequence[bool]) -> float | None:
    return sum(found) / len(found) if found else None
