"""Byte-pair encoding over words (Sennrich, Haddow and Birch 2016), by Hugging Face tokenizers, on which MidiTok stands.

A word is written as one letter, so that a stream of words is text to it; bars, or moments, are its words, which no token
spans (as in Fradet et al. 2023, Byte Pair Encoding for Symbolic Music).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

_FIRST = 0x4E00
"""The letter of word 0: from here on, 20,000 are letters of one kind, which no Unicode rule joins or cuts."""

Pair = tuple[int, int]


def letters(words: Iterable[int]) -> str:
    """Words as letters."""
    return "".join(chr(_FIRST + word) for word in words)


def groups(words: Sequence[int], cuts: frozenset[int]) -> Iterator[Sequence[int]]:
    """The words in groups that no token spans; one begins at each of the words ``cuts``."""
    begin = 0
    for place, word in enumerate(words):
        if word in cuts and place > begin:
            yield words[begin:place]
            begin = place
    if begin < len(words):
        yield words[begin:]


def learn(documents: Iterable[Sequence[int]], cuts: frozenset[int], *, words: int, size: int) -> tuple[Pair, ...]:
    """The pairs of tokens to merge, in their order; the first ``words`` tokens are the words.

    Args:
        documents: of words.
        cuts: see ``groups``.
        words: how many there are.
        size: how many tokens there are to be at most.
    """
    import tokenizers

    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=size,
        min_frequency=2,
        initial_alphabet=[chr(_FIRST + word) for word in range(words)],
        show_progress=False,
    )
    model = tokenizers.Tokenizer(tokenizers.models.BPE())
    model.train_from_iterator((letters(group) for document in documents for group in groups(document, cuts)), trainer)
    numbers = {chr(_FIRST + word): word for word in range(words)}
    pairs: list[Pair] = []
    for left, right in json.loads(model.to_str())["model"]["merges"]:
        if left + right not in numbers:  # two pairs may give one token; the first has made it
            pairs.append((numbers[left], numbers[right]))
            numbers[left + right] = len(numbers)
    return tuple(pairs)


@dataclass(frozen=True)
class Merges:
    """What was learned, in use.

    Attributes:
        words: how many words there are; they are the first tokens.
        pairs: of tokens, each of which makes the next token.
    """

    words: int
    pairs: tuple[Pair, ...]

    @cached_property
    def tokens(self) -> list[tuple[int, ...]]:
        """The words of each token."""
        tokens: list[tuple[int, ...]] = [(word,) for word in range(self.words)]
        for left, right in self.pairs:
            tokens.append(tokens[left] + tokens[right])
        return tokens

    def merged(self, words: Sequence[int]) -> list[int]:
        """The tokens of a group of words."""
        return self._encoder.encode(letters(words)).ids if self.pairs else list(words)

    @cached_property
    def _encoder(self) -> Any:
        import tokenizers

        names = [letters(token) for token in self.tokens]
        merges = [(names[left], names[right]) for left, right in self.pairs]
        return tokenizers.Tokenizer(tokenizers.models.BPE({name: number for number, name in enumerate(names)}, merges))
