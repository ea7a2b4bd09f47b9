"""Words that a model itself would write, found by a bounded beam over its probabilities, token by token.

Words that must end in certain letters are found by a grid beam search (Hokamp and Liu 2017, Lexically Constrained Decoding
for Sequence Generation Using Grid Beam Search): beginnings are kept in columns by how much of an ending they have, and
compete within a column only.  So an ending that is unlikely as a whole is written after the beginnings that it suits, and
no beginning is lost to those that are likelier and lead nowhere.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from seqgen.core.sampler import Ahead
from seqgen_lyrics.clock import Clock
from seqgen_lyrics.penalties import Penalties, penalised
from seqgen_lyrics.vocabulary import Vocabulary

Floats: TypeAlias = npt.NDArray[np.float64]
Integers: TypeAlias = npt.NDArray[np.int64]

WIDTH = 6
"""Beginnings of words that are kept beside those that have begun an ending."""
DEPTH = 12
"""Tokens of a word at most."""
_COLUMN = 2  # beginnings that have as much of an ending
_ENOUGH = 8  # words
_FAR = 5.0  # nats by which a beginning is less likely than the likeliest word found, so that it is given up
_BANNED = 20.0  # nats that penalties take from a word so that it is no choice, even where it is the only one found
_MAY_END = math.log(0.02)  # the least probability of a word's end after a whole word


class Found(NamedTuple):
    """A word that the model would write.

    Attributes:
        word: its letters.
        log_probability: of the word here, and of its end; what penalties leave of it.
        fluency: the mean log-probability of what follows its first token, its end included: how surely it is a word,
            whatever penalties leave of it.
    """

    word: str
    log_probability: float
    fluency: float


class Quest(NamedTuple):
    """A word that is looked for.

    Attributes:
        row: of the text that it is to follow.
        spaced: it begins with a token that has a space before its letters.
        endings: letters, with one of which it ends; empty: any.
        accepts: tells whether a word that may end there is one.
    """

    row: int
    spaced: bool
    endings: tuple[str, ...]
    accepts: Callable[[Found], bool]


def search(
    ahead: Ahead, quests: Sequence[Quest], vocabulary: Vocabulary, penalties: Penalties, *, most: int, clock: Clock
) -> tuple[list[list[Found]], bool]:
    """The words that are found for each quest, likeliest first, and whether the time was over before.

    Args:
        ahead: of the texts.
        quests: one or more for a text.
        vocabulary: of the model.
        penalties: that the words are drawn under.
        most: beginnings of words that are looked at for each quest, at most.
        clock: tells when to look no further.
    """
    beams = [_Beam(quest, vocabulary, most) for quest in quests]
    running = beams
    rows = np.array([quest.row for quest in quests], np.int64)
    here: Ahead | None = None  # what follows the beginnings of all that run, in their order
    held = penalties.of([quest.row for quest in quests]) if penalties else []  # after the same beginnings
    while running:
        logits = ahead.logits[rows] if here is None else here.logits
        known = log_softmax(logits)  # (R, V)
        inside = np.exp(known[:, vocabulary.inside.ids]).sum(axis=1)
        ends = np.log1p(-np.minimum(inside, 1 - 1e-12)).tolist()  # (R,) of a word
        drawn = log_softmax(penalised(known, held)) if held else known  # (R, V)
        parents: list[int] = []
        ids: list[int] = []
        left, first = [], 0
        for beam in running:
            size = len(beam.kept)
            its_own = slice(first, first + size)
            beam.go_on(known[its_own], drawn[its_own], ends[its_own])
            if beam.kept:
                left.append(beam)
                parents += [first + each.parent for each in beam.kept]
                ids += [each.token for each in beam.kept]
            first += size
        if left and clock.late():
            return [beam.words() for beam in beams], True
        running = left
        if running:
            if held:
                held = penalties.after(held, parents, ids)
            places = np.array(parents, np.int64)
            here = (ahead if here is None else here).after(rows[places] if here is None else places, np.array(ids))
    return [beam.words() for beam in beams], False


@dataclass
class _Beginning:
    """Of a word, as far as the model has read it.

    Attributes:
        parent: the row, among those before, that it goes on from.
        token: with which it does.
        letters: so far.
        score: what the penalties leave of its log-probability.
        own: its log-probability, says the model.
        first: the same of its first token.
        free: it may go on with anything.
        columns: which endings it has begun, and how many letters of each it has.
    """

    parent: int
    token: int
    letters: str
    score: float
    own: float
    first: float
    free: bool
    columns: set[tuple[int, int]]


class _Beam:
    """The beginnings of one quest."""

    def __init__(self, quest: Quest, vocabulary: Vocabulary, most: int) -> None:
        self.kept = [_Beginning(0, -1, "", 0.0, 0.0, 0.0, free=True, columns=set())]
        self._quest = quest
        self._vocabulary = vocabulary
        self._left = most
        self._depth = 0
        self._found: dict[str, Found] = {}
        self._banned: set[str] = set()  # also in another way of writing, for the likelier one is written

    def words(self) -> list[Found]:
        """What was found, likeliest first."""
        allowed = [found for word, found in self._found.items() if word not in self._banned]
        return sorted(allowed, key=lambda found: (-found.log_probability, found.word))

    def go_on(self, known: Floats, drawn: Floats, ends: Sequence[float]) -> None:
        """Take the words that may end here, and the beginnings that go on.

        Args:
            known: (R, V) log-probabilities of what follows each of those that are kept, says the model.
            drawn: (R, V) what the penalties leave of them.
            ends: (R,) log-probabilities of a word's end, says the model.
        """
        if self._depth:
            self._take_words(ends)
        best = max((found.log_probability for found in self._found.values()), default=-math.inf)
        if len(self._found) >= _ENOUGH or self._depth == DEPTH:
            self.kept = []
            return
        chosen: dict[tuple[int, int], _Beginning] = {}
        for row, place, score, column in self._grown(drawn):
            if score < best - _FAR or score == -math.inf:
                continue
            beginning = chosen.get((row, place)) or self._beginning(row, place, score, known)
            chosen[row, place] = beginning
            if column is None:
                beginning.free = True
            else:
                beginning.columns.add(column)
        self._depth += 1
        self.kept = list(chosen.values())[: self._left]
        self._left -= len(self.kept)

    def _take_words(self, ends: Sequence[float]) -> None:
        endings = self._quest.endings
        for beginning, end in zip(self.kept, ends, strict=True):
            if end < _MAY_END:
                continue
            if beginning.score < beginning.own - _BANNED:
                self._banned.add(beginning.letters)
                continue
            if endings and not any(letters == len(endings[number]) for number, letters in beginning.columns):
                continue
            fluency = (beginning.own - beginning.first + end) / self._depth
            found = Found(beginning.letters, beginning.score + end, fluency)
            other = self._found.get(found.word)
            if other is not None:  # written in another way, as with a capital
                if other.log_probability < found.log_probability:
                    self._found[found.word] = found
            elif self._quest.accepts(found):
                self._found[found.word] = found

    @property
    def _tokens(self) -> tuple[Integers, Integers]:
        """The ids that may come next, and the stem of each."""
        column = self._vocabulary.column(self._kind)
        return column.ids, column.stems

    @property
    def _kind(self) -> str:
        return "small" if self._depth else "spaced" if self._quest.spaced else "inside"

    def _beginning(self, row: int, place: int, score: float, known: Floats) -> _Beginning:
        ids, stems = self._tokens
        parent = self.kept[row]
        own = parent.own + float(known[row, ids[place]])
        first = parent.first if self._depth else own
        letters = parent.letters + self._vocabulary.stems[stems[place]]
        return _Beginning(row, int(ids[place]), letters, score, own, first, free=False, columns=set())

    def _grown(self, drawn: Floats) -> Iterator[tuple[int, int, float, tuple[int, int] | None]]:
        """The best of each column: which row goes on with which of ``_tokens``, its score, and the column."""
        ids, _ = self._tokens
        if not len(ids):
            return
        free = [row for row, each in enumerate(self.kept) if each.free]
        scores = drawn[free][:, ids] + np.array([self.kept[row].score for row in free])[:, None]
        for place in _largest(scores.ravel(), WIDTH):
            row, column = divmod(int(place), len(ids))
            yield free[row], column, float(scores[row, column]), None
        for key, reached in self._toward_endings(drawn, free, scores).items():
            for score, row, place in sorted(reached, key=lambda each: (-each[0], *each[1:]))[:_COLUMN]:
                yield row, place, score, key

    def _toward_endings(
        self, drawn: Floats, free: Sequence[int], scores: Floats
    ) -> dict[tuple[int, int], list[tuple[float, int, int]]]:
        """The score, row and token of what gets so far in an ending: from those that are free, and from those that began it."""
        ids, _ = self._tokens
        columns: dict[tuple[int, int], list[tuple[float, int, int]]] = {}
        for number, ending in enumerate(self._quest.endings):
            toward = _toward(self._vocabulary, ending, self._kind)
            for letters, places in toward[0]:
                part = scores[:, places]
                reached = columns.setdefault((number, letters), [])
                for place in _largest(part.ravel(), _COLUMN):
                    row, column = divmod(int(place), len(places))
                    reached.append((float(part[row, column]), free[row], int(places[column])))
            begun = [(row, had) for row, each in enumerate(self.kept) for own, had in each.columns if own == number]
            for row, had in begun:
                score = self.kept[row].score
                for letters, places in toward[had] if had < len(ending) else ():
                    columns.setdefault((number, letters), []).extend(
                        (score + float(drawn[row, ids[place]]), row, int(place)) for place in places
                    )
        return columns


@functools.lru_cache(512)
def _toward(vocabulary: Vocabulary, ending: str, kind: str) -> list[list[tuple[int, Integers]]]:
    """After each number of letters of an ending, the numbers that a token leads to, and the places of those tokens.

    After none a token may have other letters before those of the ending.

    Args:
        vocabulary: of the model.
        ending: letters.
        kind: of the tokens: ``small``, ``inside`` or ``spaced``.
    """
    column = vocabulary.column(kind)
    led: list[dict[int, list[int]]] = [{} for _ in ending]
    for place, stem in enumerate(vocabulary.stems[number] for number in column.stems):
        begun = next((size for size in range(len(ending), 0, -1) if stem.endswith(ending[:size])), 0)
        if begun:
            led[0].setdefault(begun, []).append(place)
        for had in range(1, len(ending)):
            if ending.startswith(stem, had):
                led[had].setdefault(had + len(stem), []).append(place)
    return [[(letters, np.array(places, np.int64)) for letters, places in each.items()] for each in led]


def log_softmax(logits: npt.NDArray[np.floating]) -> Floats:
    """Natural logarithms (R, V) of the probabilities that logits (R, V) stand for."""
    exact = logits.astype(np.float64)
    exact -= np.maximum.reduce(exact, axis=-1, keepdims=True)
    exact -= np.log(np.add.reduce(np.exp(exact), axis=-1, keepdims=True))
    return exact


def _largest(values: Floats, count: int) -> Integers:
    """The places of so many largest values, the largest first; among equals the earlier place."""
    if count < len(values):
        least = np.partition(values, -count)[-count]
        places = np.flatnonzero(values >= least)
    else:
        places = np.arange(len(values))
    best: Integers = places[np.argsort(-values[places], kind="stable")][:count]
    return best
