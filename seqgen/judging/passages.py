"""Held-out text in passages that are as samples are, of which only those are decoded that are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from seqgen.core.tokenizer import Tokenizer
from seqgen.core.types import Content, Ids
from seqgen.data.arrays import blocks
from seqgen.data.store import Part
from seqgen.generation.writer import UNFINISHED
from seqgen.judging.measures import without_cut_word, without_rest_of_word

_BEFORE = 64
"""Tokens, of which the last that has a text tells with which character it ends."""

_AT_ONCE = 1 << 20
"""Tokens that are searched for the ends of documents at a time."""


@dataclass(frozen=True)
class Passages:
    """A part in passages as samples are: of ``length`` tokens and cut off there, or a document that ended before.

    Each begins with a word, as samples do, so one from within a text is shorter by the rest of a word.  Memory grows with the
    number of documents, by some bytes for each.

    Attributes:
        part: of a corpus.
        tokenizer: of its tokens.
        length: tokens of a passage at most.
        before: the character before the part, where it begins within a document.
    """

    part: Part
    tokenizer: Tokenizer
    length: int
    before: str = ""

    def __len__(self) -> int:
        until = self._documents[2]
        return int(until[-1]) if until.size else 0

    def __getitem__(self, place: int) -> Content:
        """The passage of that place, from 0; empty where it has no word, or no whole character.

        Raises:
            IndexError: there are not so many.
        """
        if not 0 <= place < len(self):
            raise IndexError(place)
        begins, stops, until = self._documents
        document = int(np.searchsorted(until, place, side="right"))
        begin, stop = int(begins[document]), int(stops[document])
        first = begin + self.length * (place - (int(until[document - 1]) if document else 0))
        text = self.tokenizer.decode(self.part.tokens[first : min(first + self.length, stop)])
        goes_on = first + self.length < stop
        if isinstance(text, str):
            before = self.before if first == 0 else ""
            if first > begin:
                before = _last_character(self.part.tokens[max(begin, first - _BEFORE) : first], self.tokenizer)
            text = without_rest_of_word(text) if before.strip() and text[:1].strip() else text
            # Where tokens are bytes, a piece may begin and end within a character, of which a sample has nothing either.
            text = text.lstrip(UNFINISHED) if before == UNFINISHED else text
            text = text.removesuffix(UNFINISHED) if goes_on else text
        return without_cut_word(text) if goes_on else text

    def spread(self, most: int) -> list[Content]:
        """So many passages from all over the part, which may be in some order; an empty one gives way to the next.

        Args:
            most: there may be fewer.
        """
        found: list[Content] = []
        place = 0
        for each in np.linspace(0, max(len(self) - 1, 0), min(most, len(self))).round().astype(int).tolist():
            place = max(place, each)
            while place < len(self):
                passage, place = self[place], place + 1
                if passage:
                    found.append(passage)
                    break
        return found

    @cached_property
    def _documents(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """(D,) where each document that has tokens begins, and where it stops, without its ends; and up to which passage it has them.

        Where there are no ends, all is one document.
        """
        begins, stops = np.zeros(1, np.int64), np.full(1, self.part.tokens.size)
        if self.part.has_ends:
            ends: list[npt.NDArray[np.int64]] = []
            first = 0
            for block in blocks(self.part.tokens, _AT_ONCE):
                ends.append(first + np.flatnonzero(block == self.tokenizer.end_id))
                first += block.size
            begins, stops = np.concatenate([begins, *(each + 1 for each in ends)]), np.concatenate([*ends, stops])
        some = begins < stops
        begins, stops = begins[some], stops[some]
        counts = (stops - begins) // self.length
        if self.part.has_ends:
            counts = np.maximum(counts, 1)  # a whole document that is shorter
        return begins, stops, np.cumsum(counts)


def last_character(part: Part, tokenizer: Tokenizer) -> str:
    """With which character of its last document a part ends; empty where that has ended or has no text."""
    ids = np.asarray(part.tokens[-_BEFORE:])
    if part.has_ends:
        ids = ids[np.append(-1, np.flatnonzero(ids == tokenizer.end_id))[-1] + 1 :]
    return _last_character(ids, tokenizer)


def _last_character(ids: Ids, tokenizer: Tokenizer) -> str:
    text = tokenizer.decode(ids)
    return text[-1:] if isinstance(text, str) else ""
