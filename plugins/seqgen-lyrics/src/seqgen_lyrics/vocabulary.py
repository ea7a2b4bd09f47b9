"""What the tokens of a model stand for, as the look-ahead needs it: in lower case, sorted by what they can do to a line."""

from __future__ import annotations

import functools
import importlib.resources
import unicodedata
from collections.abc import Sequence
from functools import cached_property
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from seqgen.core.tokenizer import Tokenizer
from seqgen_lyrics.sounds import groups

APOSTROPHES = "'’"
CLOSING = frozenset(",.;:!?)]}…")
"""Marks after which a space comes, or the line ends."""


@runtime_checkable
class Spelled(Protocol):
    """A tokenizer in which the text of a token depends on others, but not what it spells."""

    def spelled(self) -> Sequence[str]:
        """(V,) what each token adds to a text, in lower case, with its own space."""
        ...

    def known_words(self) -> Sequence[str]:
        """The words of its corpus, commonest first; none where it does not know."""
        ...

    @property
    def drops_space(self) -> bool:
        """Whether the space before a word is none where it begins a line."""
        ...


def is_letter(character: str) -> bool:
    """Whether a character belongs to a word: letters, digits, accents and apostrophes."""
    return character in APOSTROPHES or unicodedata.category(character)[0] in "LMN"


def is_closing(text: str) -> bool:
    """Whether a text is nothing but marks after which a space comes, or the line ends, and spaces."""
    return all(character in CLOSING or character == " " for character in text)


def normal(text: str) -> str:
    """A text as it is compared: lower case, straight apostrophes."""
    return text.lower().replace("’", "'")


class Vocabulary:
    """The tokens of a tokenizer.

    Attributes:
        exact: (V,) what each stands for; of words whose case is told by other tokens, in lower case.
        texts: (V,) the same, all in lower case.
        stems: different texts of letters alone, (U,).
        number: the place of each of them.
        capitals: ids of stems with a capital letter that can be written without.
        others: ids and texts of the tokens that are no stem; what ends a line or the text comes first, then what is short.
        end_id: the end token, if there is one.
        marks: ids of tokens of closing marks alone, as a comma, maybe with a space.
        breaks: ids of tokens that end the line or the text.
        words: those that are rhymed on first: of its corpus, where the tokenizer knows them, else common ones.
        ordered: the same, those of its corpus commonest first.
        knows_words: whether they are those of its corpus.
        drops_space: whether the space before a word is none where it begins a line.
    """

    def __init__(
        self,
        texts: tuple[str, ...],
        words: tuple[str, ...],
        end_id: int | None,
        *,
        drops_space: bool,
        knows_words: bool = False,
    ) -> None:
        self.exact = texts
        self.texts = tuple(map(normal, texts))
        self.words = frozenset(words)
        self.ordered = words
        self.knows_words = knows_words
        self.end_id = end_id
        self.drops_space = drops_space
        inside = {token: text for token, text in enumerate(self.texts) if text and all(map(is_letter, text))}
        spaced = {
            token: text[1:]
            for token, text in enumerate(self.texts)
            if text[:1] == " " and text[1:] and all(map(is_letter, text[1:]))
        }
        self.stems = sorted({*inside.values(), *spaced.values()})
        self.number = {stem: place for place, stem in enumerate(self.stems)}
        self.inside = Column.of(inside, self.number)
        self.spaced = Column.of(spaced, self.number)
        others = [(token, text) for token, text in enumerate(self.texts) if token not in inside and token not in spaced]
        small = {text for token, text in inside.items() if self.exact[token] == text}
        self.capitals = np.array(
            [
                token
                for token, text in inside.items()
                if normal(self.exact[token]) != self.exact[token] and text in small
            ],
            np.int64,
        )
        written = set(self.capitals.tolist())
        self._columns = {
            "inside": self.inside,
            "spaced": self.spaced,
            "small": Column.of({token: text for token, text in inside.items() if token not in written}, self.number),
        }
        self.marks = np.array([token for token, text in others if text.strip(" ") and is_closing(text)], np.int64)
        self.breaks = np.array([token for token, text in others if token == end_id or text[:1] == "\n"], np.int64)
        self.others = sorted(others, key=lambda each: (each[0] != end_id and "\n" not in each[1], len(each[1])))
        self.letters = frozenset(text for text in inside.values() if len(text) == 1)

    @classmethod
    def of(cls, tokenizer: Tokenizer) -> Vocabulary:
        """That of a tokenizer; the same object for one that stands for the same."""
        if not isinstance(tokenizer, Spelled):
            return _made(
                tuple(_texts(tokenizer)), _common_words(), tokenizer.end_id, drops_space=False, knows_words=False
            )
        words = tuple(map(normal, tokenizer.known_words()))
        return _made(
            tuple(tokenizer.spelled()),
            words,
            tokenizer.end_id,
            drops_space=tokenizer.drops_space,
            knows_words=bool(words),
        )

    def __len__(self) -> int:
        return len(self.texts)

    def __deepcopy__(self, memo: dict[int, Any]) -> Vocabulary:
        """It never changes."""
        return self

    @cached_property
    def ends_lines(self) -> bool:
        """Whether any token ends a line, without which nothing of verse can be told."""
        return any("\n" in text for text in self.texts)

    @cached_property
    def groups(self) -> npt.NDArray[np.int64]:
        """(U,) groups of vowels of each stem."""
        return np.array([groups(stem) for stem in self.stems], np.int64)

    def column(self, kind: str) -> Column:
        """The tokens of letters that are ``inside`` a word, ``spaced``, or ``small``: inside, without needless capitals."""
        return self._columns[kind]

    def can_spell(self, word: str) -> bool:
        """Whether the word can be written."""
        return word in self.number or all(letter in self.letters for letter in word)


@functools.cache
def _common_words() -> tuple[str, ...]:
    """Plain words, those of the songs and the tale that come with seqgen: CMUdict is full of names."""
    return tuple(importlib.resources.files("seqgen_lyrics").joinpath("common.txt").read_text("utf-8").split())


@functools.lru_cache(8)
def _made(
    texts: tuple[str, ...], words: tuple[str, ...], end_id: int | None, *, drops_space: bool, knows_words: bool
) -> Vocabulary:
    return Vocabulary(texts, words, end_id, drops_space=drops_space, knows_words=knows_words)


class Column:
    """Tokens that are a stem, maybe after a space: their ids, and the stem of each."""

    def __init__(self, ids: npt.NDArray[np.int64], stems: npt.NDArray[np.int64]) -> None:
        self.ids = ids
        self.stems = stems

    @classmethod
    def of(cls, texts: dict[int, str], number: dict[str, int]) -> Column:
        """Those of these ids, whose letters these are."""
        return cls(np.array(list(texts), np.int64), np.array([number[text] for text in texts.values()], np.int64))


def _texts(tokenizer: Tokenizer) -> list[str]:
    pieces = tokenizer.pieces()
    if pieces is None:
        return [str(tokenizer.decode(np.array([token]))) for token in range(tokenizer.vocab_size)]
    return [piece.decode("utf-8", "replace") for piece in pieces]
