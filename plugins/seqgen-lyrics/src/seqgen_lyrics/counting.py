"""What is counted of the songs that a tokenizer learns from: headings, words, and pieces of words."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from seqgen.core.types import Content
from seqgen_lyrics.structure import PIECE, WORD, as_text, split_text

_LONGEST = 40  # letters of a word that is worth counting
_HEADINGS = 64
_PIECES = 512
_COUNTED = 1 << 18


class Seen:
    """What ``fit`` counts while the base learns: all in one pass, in bounded memory."""

    def __init__(self) -> None:
        self._headings: Counter[str] = Counter()
        self._forms: Counter[str] = Counter()  # of words within lines
        self._first: Counter[str] = Counter()  # of words that begin lines
        self._floor = 0

    def segments(self, documents: Iterable[Content]) -> Iterator[str]:
        """What is between the line ends of documents."""
        for document in documents:
            text = as_text(document)
            for part in split_text(text):
                if not part.endswith("\n"):
                    self._count(part)
                    yield part
                elif part.startswith("["):
                    self._headings[part] += 1
                    yield part[:-1]

    def headings(self) -> tuple[str, ...]:
        """The commonest headings."""
        return tuple(text for text, _ in _commonest(self._headings)[:_HEADINGS])

    def words(self, min_count: int) -> tuple[str, ...]:
        """The words, commonest first, in the form that they mostly have within lines."""
        total: Counter[str] = Counter()
        form: dict[str, str] = {}
        for word, count in _commonest(self._forms):
            form.setdefault(word.lower(), word)
            total[word.lower()] += count
        for word, count in self._first.items():
            total[word.lower()] += count
        return tuple(
            form.get(word, word)
            for word, count in _commonest(total)
            if count >= min_count and form.get(word, word).lower() == word and WORD.fullmatch(form.get(word, word))
        )

    def pieces(self, words: Sequence[str]) -> tuple[str, ...]:
        """Runs of two to four letters that are common in the words that have no token."""
        known = {word.lower() for word in words}
        runs: Counter[str] = Counter()
        for word, count in itertools.chain(self._forms.items(), self._first.items()):
            if word.lower() not in known:
                for length in (2, 3, 4):
                    for start in range(len(word) - length + 1):
                        run = word[start : start + length]
                        if PIECE.fullmatch(run):
                            runs[run] += count
        worth = Counter({run: count * (len(run) - 1) for run, count in runs.items() if count > 1})
        return tuple(run for run, _ in _commonest(worth)[:_PIECES])

    def _count(self, text: str) -> None:
        for match in WORD.finditer(text):
            if len(match[0]) <= _LONGEST:
                (self._forms if match.start() else self._first)[match[0]] += 1
        while len(self._forms) + len(self._first) > _COUNTED:  # the rarest are forgotten (Manku and Motwani 2002)
            self._floor += 1
            self._forms, self._first = (
                Counter({word: count for word, count in counts.items() if count > self._floor})
                for counts in (self._forms, self._first)
            )


def _commonest(counts: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))
