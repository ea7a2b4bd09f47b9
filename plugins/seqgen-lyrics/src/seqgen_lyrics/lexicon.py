"""Words by how they begin, sound and rhyme: what the look-ahead looks ahead in."""

from __future__ import annotations

import bisect
import functools
import itertools
from collections import defaultdict
from collections.abc import Collection, Iterable
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from seqgen_lyrics.clock import Clock
from seqgen_lyrics.endings import spelled_endings, spelled_rhyme
from seqgen_lyrics.sounds import Kind, dictionary_words, fits_stress, is_weak, plain, rhyme, sounds
from seqgen_lyrics.vocabulary import Vocabulary

MOST = 31
"""Syllables of the longest word, since those of many words are kept as the bits of a number."""

_REMEMBERED = 2048  # of anything
_REMEMBERED_STEMS = 1 << 20  # of all beginnings of words together, 4 MB
_MANY = 50  # words of the corpus to begin a rhyme with, so that no others are
_LEAST = 64  # words that rhyme are looked at, however little time there is
_ENOUGH = 3  # rhymes among the words of the corpus, so that no others are looked for

Bits = npt.NDArray[np.uint32]


class Words:
    """Some words, sorted: which of them go on from given letters, and how many syllables those have.

    Args:
        words: in any order.
        vocabulary: of the model.
        foot: of a metre that the words must fit, as :func:`~seqgen_lyrics.sounds.fits_stress`; empty: none.
        cut_short: there was no time to look for more of them.
    """

    def __init__(
        self, words: Iterable[str], vocabulary: Vocabulary, foot: str = "", *, cut_short: bool = False
    ) -> None:
        self.words = sorted(words)
        self.foot = foot
        self.cut_short = cut_short
        self._vocabulary = vocabulary
        self._all: Words | None = None
        self._banned: list[str] = []
        phases = range(len(foot)) if foot else (0,)
        self._bits = [np.array([_bits(word, foot, phase) for word in self.words], np.uint32) for phase in phases]
        self._fewest: dict[int, int] = {}
        self._after: dict[tuple[str, int], Bits] = {}
        self._most_after = min(_REMEMBERED, max(1, _REMEMBERED_STEMS // max(1, len(vocabulary.stems))))

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: str) -> bool:
        place = bisect.bisect_left(self.words, word)
        return place < len(self.words) and self.words[place] == word and any(bits[place] for bits in self._bits)

    def __deepcopy__(self, memo: dict[int, Any]) -> Words:
        """It never changes, but for what it remembers."""
        return self

    def without(self, banned: Collection[str]) -> Words:
        """All but these."""
        left = Words((), self._vocabulary, self.foot)
        left.words = self.words
        left._all = self
        left._bits = [bits.copy() for bits in self._bits]
        for word in banned:
            place = bisect.bisect_left(self.words, word)
            if place < len(self.words) and self.words[place] == word:
                left._banned.append(word)
                for bits in left._bits:
                    bits[place] = 0
        return left

    def fewest(self, syllables: int) -> int:
        """The fewest syllables that any of the words has after so many in the line; ``MOST`` where none fits."""
        phase = syllables % len(self._bits)
        if phase not in self._fewest:
            bits = int(np.bitwise_or.reduce(self._bits[phase], initial=0))
            self._fewest[phase] = (bits & -bits).bit_length() - 1 if bits else MOST
        return self._fewest[phase]

    def after(self, letters: str, syllables: int) -> Bits:
        """(U,) for each stem of the vocabulary, the numbers of syllables of the words that begin with letters and stem.

        Bit k stands for k syllables.

        Args:
            letters: how the word begins; may be empty.
            syllables: in the line before the word, which tells where in the foot it is.
        """
        phase = syllables % len(self._bits)
        found = self._after.get((letters, phase))
        if found is None:
            if len(self._after) >= self._most_after:
                self._after.clear()
            if self._all is None:
                found = self._find(letters, self._bits[phase])
            else:
                found = self._find_left(self._all, letters, phase)
            self._after[letters, phase] = found
        return found

    def beginning(self, letters: str, syllables: int) -> int:
        """The numbers of syllables, as bits, of the words that begin with these letters."""
        return int(self._of_stem(letters, self._bits[syllables % len(self._bits)], 0, len(self.words)))

    def _find(self, letters: str, bits: Bits) -> Bits:
        begin = bisect.bisect_left(self.words, letters)
        end = bisect.bisect_left(self.words, letters + "\uffff", begin)
        stems, number = self._vocabulary.stems, self._vocabulary.number
        found = np.zeros(len(stems), np.uint32)
        if (end - begin) * 4 < len(stems):  # few words: by word; many: by stem
            for place in range(begin, end):
                word, held = self.words[place], bits[place]
                for stop in range(len(letters) + 1, len(word) + 1):
                    stem = number.get(word[len(letters) : stop])
                    if stem is not None:
                        found[stem] |= held
            return found
        for stem, text in enumerate(stems):
            found[stem] = self._of_stem(letters + text, bits, begin, end)
        return found

    def _find_left(self, all_words: Words, letters: str, phase: int) -> Bits:
        """The same where words were taken from others: only the stems of those must be looked up, which are few."""
        number = self._vocabulary.number
        found = all_words.after(letters, phase).copy()
        begun = [word for word in self._banned if word.startswith(letters)]
        ends = {word[len(letters) : stop] for word in begun for stop in range(len(letters) + 1, len(word) + 1)}
        for text in ends & number.keys():
            found[number[text]] = self._of_stem(letters + text, self._bits[phase], 0, len(self.words))
        return found

    def _of_stem(self, text: str, bits: Bits, begin: int, end: int) -> np.uint32:
        """The numbers of syllables, as bits, of the words from one place to another that begin with a text."""
        first = bisect.bisect_left(self.words, text, begin, end)
        last = bisect.bisect_left(self.words, text + "\uffff", first, end)
        return np.uint32(np.bitwise_or.reduce(bits[first:last], initial=0))


def _bits(word: str, foot: str, phase: int) -> int:
    heard = sounds(word)
    count = heard[0].syllables
    fits = not foot or any(sound.syllables == count and fits_stress(sound, foot, phase) for sound in heard)
    return 1 << count if fits and count <= MOST else 0


class Lexicon:
    """All words that a model may be steered to: those of CMUdict that it can write, the ones of its corpus first.

    Where its language is none that CMUdict knows, only those of its corpus, which the tokenizer may know.

    Args:
        vocabulary: of the model.
        foot: of a metre, or empty.
        look_ahead: how many words that rhyme are looked at, at most.
        clock: tells when to look at no more.
        english: with the words of CMUdict.
    """

    def __init__(
        self, vocabulary: Vocabulary, foot: str, look_ahead: int, clock: Clock, *, english: bool = True
    ) -> None:
        self._vocabulary = vocabulary
        self._foot = foot
        self._look_ahead = look_ahead
        self._clock = clock
        self._english = english
        self.all = _all_words(vocabulary, foot, english=english)
        self._rhyming: dict[tuple[tuple[str, ...], bool, bool], Words] = {}

    def __deepcopy__(self, memo: dict[int, Any]) -> Lexicon:
        """It never changes, but for what it remembers."""
        return self

    @cached_property
    def strong(self) -> Words:
        """What a line may end with that is to rhyme with none: no little words; those of the corpus, where it is known."""
        with self._clock.stopped():
            return _strong_words(self._vocabulary, self._foot, english=self._english)

    def echoes(self, ends: Iterable[str]) -> set[str]:
        """The words of which a line that ends so would rhyme perfectly with one of these ends, or be the same."""
        with self._clock.stopped():
            by_rhyme = by_rhyme_of(self._vocabulary, english=self._english)
        return {word for end in ends for key in _rhyme_keys(end, self._english) for word in by_rhyme.get(key, ())}

    def rich(self, partners: int, most: int) -> Words:
        """Words that so many others rhyme with, in at most so many syllables: what a rhyme may begin with."""
        with self._clock.stopped():
            return _rich_words(self._vocabulary, self._foot, partners, min(most, MOST), english=self._english)

    def rhyming(self, words: tuple[str, ...], *, slant: bool, identical: bool) -> Words:
        """The words that rhyme with all of these, at most as many as are looked ahead to.

        Args:
            words: the last words of lines.
            slant: slant rhymes too.
            identical: the words themselves, and those that sound the same, too.
        """
        key = words, slant, identical
        if key not in self._rhyming:
            if len(self._rhyming) >= _REMEMBERED:
                self._rhyming.clear()
            found, cut_short = self._find(*key)
            self._rhyming[key] = Words(found, self._vocabulary, self._foot, cut_short=cut_short)
        return self._rhyming[key]

    def _find(self, words: tuple[str, ...], slant: bool, identical: bool) -> tuple[list[str], bool]:
        """What rhymes, and whether there was no time to look further."""
        with self._clock.stopped():
            by_rhyme = by_rhyme_of(self._vocabulary, english=self._english)
            by_end = _by_end(self._vocabulary, english=self._english) if slant else {}
        wanted = {Kind.PERFECT} | ({Kind.SLANT} if slant else set()) | ({Kind.IDENTICAL} if identical else set())
        candidates = dict.fromkeys(
            word for key in _rhyme_keys(words[0], self._english) for word in by_rhyme.get(key, ())
        )
        if slant:
            keys = sorted(_end_keys(words[0], self._english))
            candidates |= dict.fromkeys(word for key in keys for word in by_end.get(key, ()))
        kind = rhyme if self._english else spelled_rhyme
        preferred = self._vocabulary.words
        found: list[str] = []
        looked_at = 0
        for chosen in (True, False):
            if not chosen and len(found) >= _ENOUGH:
                break
            for word in candidates:
                if (word in preferred) is chosen and looked_at < self._look_ahead:
                    if looked_at >= _LEAST and self._clock.late():
                        return found, True
                    looked_at += 1
                    if all(kind(word, other) in wanted for other in words):
                        found.append(word)
        return found, False


@functools.lru_cache(8)
def _all_words(vocabulary: Vocabulary, foot: str, *, english: bool) -> Words:
    return Words(_writable(vocabulary, english=english), vocabulary, foot)


@functools.lru_cache(8)
def _strong_words(vocabulary: Vocabulary, foot: str, *, english: bool) -> Words:
    all_words = _all_words(vocabulary, foot, english=english)
    weak = {word for word in all_words.words if is_weak(word)}
    # A tokenizer that knows no words cannot tell which its corpus has: its model chooses among all, by its letters.
    if vocabulary.knows_words:
        preferred = [word for word in all_words.words if word in vocabulary.words and word not in weak]
        if len(preferred) >= _MANY:
            return Words(preferred, vocabulary, foot)
    return all_words.without(weak)


@functools.lru_cache(64)
def _rich_words(vocabulary: Vocabulary, foot: str, partners: int, most: int, *, english: bool) -> Words:
    found: list[str] = []
    for preferred in (vocabulary.words, None):  # all of CMUdict only where the words of the corpus do not do
        for alike in by_rhyme_of(vocabulary, english=english).values():
            words = alike if preferred is None else [word for word in alike if word in preferred]
            if len(words) > partners + 1:
                # Those with one onset do not rhyme with one another, so onsets are counted, not words.
                onsets = {_onset(word, english) for word in words if sounds(word)[0].syllables <= most}
                if len(onsets) > partners + 1:
                    found += words
        if len(found) >= _MANY:
            break
    return Words(dict.fromkeys(found), vocabulary, foot)


@functools.lru_cache(8)
def _writable(vocabulary: Vocabulary, *, english: bool) -> list[str]:
    """In order, so that runs are alike."""
    own = {word for word in map(plain, vocabulary.words) if word and (english or vocabulary.knows_words)}
    return sorted(word for word in {*(dictionary_words() if english else ()), *own} if vocabulary.can_spell(word))


@functools.lru_cache(8)
def by_rhyme_of(vocabulary: Vocabulary, *, english: bool) -> dict[str, list[str]]:
    """The words of each rhyme, in all pronunciations, weak ones left out, in order."""
    found: dict[str, list[str]] = defaultdict(list)
    for word in _writable(vocabulary, english=english):
        keys = _rhyme_keys(word, english)  # also where it is weak, so that all are heard once
        if not is_weak(word):
            for key in keys:
                found[key].append(word)
    return found


@functools.lru_cache(8)
def _by_end(vocabulary: Vocabulary, *, english: bool) -> dict[str, list[str]]:
    """The words of each last vowel, and, after a hyphen, of each end after it, weak ones left out."""
    found: dict[str, list[str]] = defaultdict(list)
    strong = set(itertools.chain.from_iterable(by_rhyme_of(vocabulary, english=english).values()))
    for word in _writable(vocabulary, english=english):
        if word in strong:
            for key in _end_keys(word, english):
                found[key].append(word)
    return found


def _rhyme_keys(word: str, english: bool) -> list[str]:
    """What words have in common that rhyme perfectly."""
    return list(dict.fromkeys(sound.rhyme for sound in sounds(word))) if english else [spelled_endings(word)[0]]


def _end_keys(word: str, english: bool) -> set[str]:
    """What words have in common that rhyme by a slant: one of these."""
    if not english:
        return {spelled_endings(word)[-1]}
    heard = sounds(word)
    return {sound.vowel for sound in heard} | {f"-{sound.coda}" for sound in heard if sound.coda}


def _onset(word: str, english: bool) -> str:
    """What comes before the rhyme."""
    return sounds(word)[0].onset if english else word[: -len(spelled_endings(word)[0])][-1:]
