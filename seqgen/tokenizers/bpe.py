"""Byte-pair encoding (Sennrich, Haddow and Birch 2016), over bytes (Radford et al. 2019), by Hugging Face tokenizers."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Annotated, Any, Self

import numpy as np
import tokenizers
from annotated_doc import Doc
from annotated_types import Ge

from seqgen.core.text import cut_before_space, last_cut
from seqgen.core.tokenizer import Decoder, Tokenizer
from seqgen.core.types import Content, Ids
from seqgen.tokenizers.common import StateReader, Utf8Decoder, as_text


def _letters() -> list[str]:
    """The letter by which each byte is written in tokens, as GPT-2 does: itself where it is printable."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = iter(range(0x100, 0x200))
    return [chr(byte if byte in printable else next(others)) for byte in range(256)]


_PART = 1 << 12
_LETTERS = _letters()
_BYTES = {letter: byte for byte, letter in enumerate(_LETTERS)}


@dataclass(frozen=True, kw_only=True)
class BpeTokenizer(Tokenizer):
    """The 256 bytes, the commonest sequences of them, and one token that stands between documents; nothing is unknown.

    Words are told apart as in GPT-2: white space at the front of a word belongs to it, and no token spans two words.
    """

    vocab_size: Annotated[
        int, Ge(257), Doc("how many tokens there are at most; the 256 bytes and the end among them")
    ] = 512
    min_frequency: Annotated[int, Ge(1), Doc("how often two neighbours must occur to be merged")] = 2
    merges: tuple[str, ...] = field(default=(), repr=False)

    def fit(self, documents: Iterable[Content]) -> Self:
        """Learn which neighbours to merge; ``vocab_size`` becomes the number of tokens."""
        trainer = tokenizers.trainers.BpeTrainer(
            vocab_size=self.vocab_size - 1,
            min_frequency=self.min_frequency,
            initial_alphabet=_LETTERS,
            show_progress=False,
        )
        untrained = _by_words(tokenizers.models.BPE())
        untrained.train_from_iterator(itertools.chain.from_iterable(map(_parts, documents)), trainer)
        merges = tuple(" ".join(pair) for pair in json.loads(untrained.to_str())["model"]["merges"])
        learned = replace(self, merges=merges)
        return replace(learned, vocab_size=learned.end_id + 1)

    @property
    def end_id(self) -> int:
        """The last id."""
        return len(self._vocabulary)

    def encode(self, document: Content) -> Ids:
        """The ids, (T,)."""
        text = as_text(document)
        # A call for each 4,096 characters takes half the time of one for a megabyte.
        parts = cut_before_space(text[start : start + _PART] for start in range(0, len(text), _PART))
        ids = itertools.chain.from_iterable(self._encoder.encode(part).ids for part in parts)
        return np.fromiter(ids, np.min_scalar_type(self.end_id))

    def cut(self, pieces: Iterable[Content]) -> Iterator[Content]:
        """Between words."""
        return cut_before_space(map(as_text, pieces))

    def decode(self, ids: Ids) -> str:
        """The text; what is no UTF-8 becomes U+FFFD."""
        return b"".join(map(self._pieces.__getitem__, np.asarray(ids).tolist())).decode("utf-8", "replace")

    def decoder(self) -> Decoder:
        """Gives each character with its last byte."""
        return Utf8Decoder(self._pieces)

    def pieces(self) -> list[bytes]:
        """The bytes of each token, and nothing for the end."""
        return self._pieces

    def canonical(self, document: Content) -> str:
        """The text itself; lone surrogates, which are no characters, become U+FFFD."""
        return as_text(document)

    def state(self) -> dict[str, Any]:
        """The options and the merges, of which the vocabulary follows."""
        return {"vocab_size": self.vocab_size, "min_frequency": self.min_frequency, "merges": list(self.merges)}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """The tokenizer that gave this state."""
        read = StateReader("bpe", state)
        tokenizer = cls(
            vocab_size=read.integer("vocab_size", at_least=257),
            min_frequency=read.integer("min_frequency", at_least=1),
            merges=tuple(read.texts("merges")),
        )
        read.done()
        known = set(_LETTERS)
        for merge in tokenizer.merges:
            left, _, right = merge.partition(" ")
            read.require(left in known and right in known, f"merge {merge[:40]!r} is not of two tokens known before")
            known.add(left + right)
        read.require(tokenizer.vocab_size == tokenizer.end_id + 1, '"vocab_size" is not the number of tokens')
        return tokenizer

    @cached_property
    def _vocabulary(self) -> dict[str, int]:
        """The bytes in their order, then the merges in theirs; two merges may give the same token."""
        tokens = dict.fromkeys([*_LETTERS, *(merge.replace(" ", "") for merge in self.merges)])
        return {token: number for number, token in enumerate(tokens)}

    @cached_property
    def _pieces(self) -> list[bytes]:
        return [*(bytes(map(_BYTES.__getitem__, token)) for token in self._vocabulary), b""]

    @cached_property
    def _encoder(self) -> tokenizers.Tokenizer:
        merges = [(left, right) for left, _, right in (merge.partition(" ") for merge in self.merges)]
        return _by_words(tokenizers.models.BPE(self._vocabulary, merges))


def _parts(document: Content) -> Iterator[str]:
    """A document cut before white space; where a part of 4,096 characters has none, there.

    To learn from a word takes time with the square of its length, and text without spaces is one word.
    """
    text, start = as_text(document), 0
    while len(text) - start > _PART:
        part = text[start : start + _PART]
        cut = last_cut(part)
        part = part[:cut] if cut > 0 else part
        yield part
        start += len(part)
    yield text[start:]


def _by_words(model: tokenizers.models.BPE) -> tokenizers.Tokenizer:
    made = tokenizers.Tokenizer(model)
    made.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    return made
