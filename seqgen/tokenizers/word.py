"""Words, punctuation marks and white space; rare words are spelled."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from typing import Annotated, Any, Self

import numpy as np
import numpy.typing as npt
from annotated_doc import Doc
from annotated_types import Ge

from seqgen.core.text import cut_before_space, word_pattern
from seqgen.core.tokenizer import Decoder, Tokenizer
from seqgen.core.types import Content, Ids
from seqgen.tokenizers.common import StateReader, TableDecoder, as_text, missing_symbols, places, replace_missing

_LONGEST = 64  # characters of a token that is worth remembering
_COUNTED = 1 << 20  # different tokens


@cache
def _token() -> re.Pattern[str]:
    return re.compile(word_pattern(r"\w") + r"|\s+|[^\w\s]")


@dataclass(frozen=True, kw_only=True)
class WordTokenizer(Tokenizer):
    """Words, runs of white space, and single other characters; and one token that stands between documents.

    Every character seen in ``fit`` is a token too, in which words outside the vocabulary are spelled, so nothing that
    was seen is lost.  Ids: the characters by code point, the words from the commonest, the end.
    """

    lowercase: Annotated[bool, Doc("make everything lower case")] = False
    min_count: Annotated[int, Ge(1), Doc("rarer words are spelled in characters")] = 2
    vocab_size: Annotated[int, Ge(1), Doc("how many tokens there are at most; the characters have a place always")] = (
        8192
    )
    symbols: str = field(default="", repr=False)
    words: tuple[str, ...] = field(default=(), repr=False)

    def fit(self, documents: Iterable[Content]) -> Self:
        """Learn which characters and words there are; ``vocab_size`` becomes their number."""
        counts: Counter[str] = Counter()
        symbols: set[str] = set()
        floor = 0
        for document in documents:
            text = self._normal(as_text(document))
            symbols.update(text)
            counts.update(_token().findall(text))
            while len(counts) > _COUNTED:
                # The rarest are forgotten, so that memory is bounded (as Manku and Motwani 2002, lossy counting).
                floor += 1
                counts = Counter({token: count for token, count in counts.items() if count > floor})
        common = [
            (-count, token) for token, count in counts.items() if count >= self.min_count and 1 < len(token) <= _LONGEST
        ]
        words = [token for _, token in sorted(common)[: max(0, self.vocab_size - len(symbols) - 1)]]
        return replace(
            self, symbols="".join(sorted(symbols)), words=tuple(words), vocab_size=len(symbols) + len(words) + 1
        )

    def extended(self, documents: Iterable[Content]) -> tuple[Self, Ids]:
        """With the characters of documents; new words are spelled in them."""
        symbols = set(self.symbols)
        for document in documents:
            symbols.update(self._normal(as_text(document)))
        ordered = "".join(sorted(symbols))
        rest = len(self.words) + 1
        ids = np.append(places(self.symbols, ordered), len(ordered) + np.arange(rest))
        return replace(self, symbols=ordered, vocab_size=len(ordered) + rest), ids

    @property
    def end_id(self) -> int:
        """The last id."""
        return len(self.symbols) + len(self.words)

    def encode(self, document: Content) -> Ids:
        """The ids, (T,)."""
        return self._encode(self.canonical(document))

    def cut(self, pieces: Iterable[Content]) -> Iterator[Content]:
        """Between words."""
        # Twice: lower-casing looks across borders, and so do the tokens of what it and replacing give.
        return cut_before_space(map(self.canonical, cut_before_space(map(as_text, pieces))))

    def decode(self, ids: Ids) -> str:
        """The text."""
        return "".join(map(self._pieces.__getitem__, np.asarray(ids).tolist()))

    def decoder(self) -> Decoder:
        """Gives each token at once."""
        return TableDecoder(self._pieces)

    def pieces(self) -> list[bytes]:
        """The text of each token, and nothing for the end."""
        return [piece.encode() for piece in self._pieces]

    def canonical(self, document: Content) -> str:
        """The text in lower case where asked, with what the vocabulary lacks replaced."""
        return replace_missing(self._normal(as_text(document)), self.symbols)

    def missing(self, document: Content) -> Mapping[str, str | None]:
        """Characters that the vocabulary lacks, each with the nearest that it has, else U+FFFD where it has that, or None."""
        return missing_symbols(self._normal(as_text(document)), self.symbols)

    def characters(self, ids: Ids) -> int:
        """The lengths of the tokens together."""
        return int(self._lengths[np.asarray(ids)].sum())

    def state(self) -> dict[str, Any]:
        """The options, the characters as one string, and the words."""
        return {
            "lowercase": self.lowercase,
            "min_count": self.min_count,
            "vocab_size": self.vocab_size,
            "symbols": self.symbols,
            "words": list(self.words),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """The tokenizer that gave this state."""
        read = StateReader("word", state)
        tokenizer = cls(
            lowercase=read.boolean("lowercase"),
            min_count=read.integer("min_count", at_least=1),
            vocab_size=read.integer("vocab_size", at_least=1),
            symbols=read.symbols("symbols"),
            words=tuple(read.texts("words")),
        )
        read.done()
        symbols = set(tokenizer.symbols)
        spelled = all(len(word) > 1 and symbols.issuperset(word) for word in tokenizer.words)
        read.require(spelled, "a word is not made of the characters")
        read.require(tokenizer.vocab_size == tokenizer.end_id + 1, '"vocab_size" is not the number of tokens')
        return tokenizer

    def _normal(self, text: str) -> str:
        return text.lower() if self.lowercase else text

    def _encode(self, text: str) -> Ids:
        ids: list[int] = []
        for token in _token().findall(text):
            known = self._ids.get(token)
            if known is None:
                ids.extend(map(self._ids.__getitem__, token))
            else:
                ids.append(known)
        return np.array(ids, np.min_scalar_type(self.end_id))

    @cached_property
    def _pieces(self) -> list[str]:
        return [*self.symbols, *self.words, ""]

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {piece: number for number, piece in enumerate(self._pieces[:-1])}

    @cached_property
    def _lengths(self) -> npt.NDArray[np.int64]:
        return np.array([len(piece) for piece in self._pieces])
