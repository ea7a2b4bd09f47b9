"""How well a model predicts a text."""

from __future__ import annotations

import itertools
import math
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from seqgen.core.backend import Model
from seqgen.core.tokenizer import Tokenizer
from seqgen.core.types import Content, Ids
from seqgen.data.arrays import blocks

if TYPE_CHECKING:
    from seqgen.data.batching import Batching
    from seqgen.data.store import Part

_CHUNK = 1 << 20

UNKNOWN_TOLD = 0.01
"""Share of a text that is unknown to a vocabulary from which on it is told."""

READ_TOGETHER = 1000
"""Batches whose nats are read at a time: reading waits for the device, where each that is not read yet takes some memory."""


def bits_per_character(nats: float, characters: float) -> float:
    """Cross-entropy in bits per character of text: nats / ln 2 / characters.

    Comparable between tokenizers, which perplexity per token is not (Mielke 2019, "Can you compare perplexity across
    different segmentations?").  An end of a document is a token, whose nats count, and stands for no character: between models
    that learned ends and others, or on documents of another length, that is a difference by itself.

    Args:
        nats: summed negative log-likelihood of all scored tokens, natural log; or its mean per token.
        characters: characters (bytes, for binary media) that these tokens stand for; or their mean per token.

    Raises:
        ValueError: characters is not positive.
    """
    if characters <= 0:
        msg = f"characters is {characters}, but must be positive"
        raise ValueError(msg)
    return nats / math.log(2) / characters


@dataclass(frozen=True)
class Score:
    """How well a model predicts a text.

    Attributes:
        nats: summed negative log-likelihood of the scored tokens.
        tokens: how many were scored.
        characters: how many characters they stand for.
        missing: symbols of the text that the vocabulary lacks, each with what stood in for it, or None.
        unknown_share: the share of the text's characters that they are; what is lost by them is counted by no loss.
        ends: how many of the scored tokens are ends of documents, which stand for no character.
        changed_share: the share of the text's characters that are known and yet others in what is predicted, as where all is
            made lower case; mostly that is easier to predict.
    """

    nats: float
    tokens: int
    characters: int
    missing: Mapping[str, str | None] = field(default_factory=dict)
    unknown_share: float = 0.0
    ends: int = 0
    changed_share: float = 0.0

    @property
    def loss(self) -> float:
        """Mean nats per token."""
        return self.nats / self.tokens

    @property
    def perplexity(self) -> float:
        """exp(loss), per token; infinity where that is more than a float holds."""
        try:
            return math.exp(self.loss)
        except OverflowError:
            return math.inf

    @property
    def bits_per_character(self) -> float:
        """See :func:`bits_per_character`."""
        return bits_per_character(self.nats, self.characters)

    @property
    def bits_per_character_with_ends(self) -> float:
        """The same with each end of a document as a character: what a model of line ends in place of them would have."""
        return bits_per_character(self.nats, self.characters + self.ends)

    @property
    def tokens_per_character(self) -> float:
        """How many tokens stand for a character."""
        return self.tokens / self.characters


def part_of(tokenizer: Tokenizer, texts: Sequence[Content], *, has_ends: bool) -> Part:
    """The tokens of documents that are given, in memory.

    Args:
        tokenizer: fitted.
        texts: a document each.
        has_ends: whether ends stand around the documents, where the tokenizer has one.

    Raises:
        PluginError: the tokenizer gives what it may not.
    """
    from seqgen.data.store import Part, token_dtype
    from seqgen.data.workers import encode

    documents, _ = encode(tokenizer, texts)
    end = np.array([tokenizer.end_id] if has_ends and tokenizer.end_id is not None else [], np.int64)
    tokens = np.concatenate([*(ids for document in documents for ids in (end, document)), end])
    starts = np.cumsum([0, *(len(end) + len(document) for document in documents)])
    hashes = np.zeros(len(documents), np.uint64)  # by which a part of a corpus is held out
    return Part(tokens.astype(token_dtype(tokenizer)), starts, hashes, has_ends=len(end) > 0)


def score_of(
    nats: float, tokens: int, *, tokenizer: Tokenizer, part: Part, contents: Callable[[], Iterable[Content]]
) -> Score | None:
    """What is said of a text of which so many tokens were scored; None where nothing of it is known.

    Args:
        nats: summed negative log-likelihood of the scored tokens.
        tokens: how many were scored.
        tokenizer: made the tokens.
        part: all tokens of the text.
        contents: gives what the tokenizer was handed.
    """
    # Without those of the first token, which is not scored.  Where it is the beginning of a character, that counts with its end.
    characters = count_characters(tokenizer, part) - len(tokenizer.decoder().push(int(part.tokens[0])))
    if not characters:
        return None
    ends = count_ends(tokenizer, part.tokens[1:]) if part.has_ends else 0
    # Not every token is scored: some windows, and without ends no document's first one.
    scored = tokens / (len(part.tokens) - 1)
    characters, ends = max(1, round(characters * scored)), round(ends * scored)
    missing, unknown = unknown_among(tokenizer, contents())
    changed = changed_among(tokenizer, contents(), missing)
    return Score(nats, tokens, characters, missing, unknown_share=unknown, ends=ends, changed_share=changed)


def summed_nats(model: Model, batches: Batching) -> tuple[float, int]:
    """(sum of nats in float64, scored targets) over all batches, with the state carried as they say."""
    total, count, steps = 0.0, 0, batches.steps_per_epoch
    for first in range(0, steps, READ_TOGETHER):
        some = range(first, min(first + READ_TOGETHER, steps))
        for nats, scored in [model.evaluate(batches.batch(0, step)) for step in some]:
            total += float(nats)
            count += int(scored)
    return total, count


def count_characters(tokenizer: Tokenizer, part: Part) -> int:
    """How many characters the documents of a part have, counted in pieces so that memory stays bounded."""
    pieces = blocks(part.tokens, _CHUNK) if adds_up(tokenizer) else _by_documents(tokenizer, part)
    return sum(int(tokenizer.characters(each)) for each in pieces)


def adds_up(tokenizer: Tokenizer) -> bool:
    """Whether documents have as many characters together as each by itself.

    Not where each is decoded with a head of its own, as MIDI is, nor where the text of a token may depend on those before it.
    """
    if tokenizer.framed:
        return False
    return type(tokenizer).characters is not Tokenizer.characters or tokenizer.pieces() is not None


def _by_documents(tokenizer: Tokenizer, part: Part) -> Iterator[Ids]:
    """The tokens of each document without its ends; a large one in pieces."""
    first = 0
    for block in blocks(part.tokens, _CHUNK):
        within = slice(*np.searchsorted(part.starts, [first, first + block.size]))
        bounds = [0, *(part.starts[within] - first).tolist(), block.size]
        for start, stop in itertools.pairwise(bounds):
            ids = block[start:stop]
            ids = ids[ids != tokenizer.end_id] if part.has_ends else ids
            if ids.size:  # nothing has no characters, also where its document would have a head
                yield ids
        first += block.size


def count_ends(tokenizer: Tokenizer, ids: Ids) -> int:
    """How many of the ids are ends of documents, counted in pieces likewise."""
    return sum(int(np.count_nonzero(block == tokenizer.end_id)) for block in blocks(ids, _CHUNK))


def unknown_among(tokenizer: Tokenizer, contents: Iterable[Content]) -> tuple[dict[str, str | None], float]:
    """The symbols of texts that the vocabulary lacks, each with what stands in for it, and the share of the characters.

    A character is one of them also where it becomes one in lower case or a normal form.  Of other media the share is 0.

    Args:
        tokenizer: has the vocabulary.
        contents: read only where there is a vocabulary that can lack something.
    """
    missing: dict[str, str | None] = {}
    if type(tokenizer).missing is Tokenizer.missing:
        return missing, 0.0
    read = 0
    suspects: Counter[str] = Counter()  # characters of the texts of which something is missing
    joined: Counter[str] = Counter()
    for content in contents:
        lacking = tokenizer.missing(content)
        missing |= lacking
        read += len(content)
        if lacking and isinstance(content, str):
            suspects.update(content)
            joined += _joined(content)
    parts = _parts_of_missing(tokenizer, joined, missing)
    suspects -= parts
    # All at once, for of thousands each takes a millisecond by itself.
    known = set(str(tokenizer.canonical("\n".join(suspects)))) if suspects else set()

    def lacks(character: str) -> bool:
        # What is missing of a character by itself need not be where it stands: there it may be a part of a symbol.
        return not missing.keys().isdisjoint(tokenizer.missing(character))

    unknown = sum(
        count
        for character, count in suspects.items()
        if character in missing or (character not in known and lacks(character))
    )
    return missing, (unknown + parts.total()) / max(read, 1)


def changed_among(tokenizer: Tokenizer, contents: Iterable[Content], missing: Mapping[str, str | None]) -> float:
    """The share of the characters of texts that are no more in what is predicted, as capitals where all is made lower case.

    Without those that the vocabulary lacks, which :func:`unknown_among` counts.  Of other media the share is 0.

    Args:
        tokenizer: says what is predicted, its canonical text.
        contents: read only where the tokenizer may change them.
        missing: what the vocabulary lacks of them.
    """
    if type(tokenizer).canonical is Tokenizer.canonical:
        return 0.0
    read = 0
    lost: Counter[str] = Counter()
    joined: Counter[str] = Counter()
    for content in contents:
        read += len(content)
        if isinstance(content, str) and (predicted := str(tokenizer.canonical(content))) != content:
            # A normal form may make one character of two, so places do not tell which became what; numbers do.
            lost += Counter(content) - Counter(predicted)
            joined += _joined(content)
    lost -= _parts_of_missing(tokenizer, joined, missing)
    changed = (count for character, count in lost.items() if missing.keys().isdisjoint(tokenizer.missing(character)))
    return sum(changed) / max(read, 1)


def _joined(content: str) -> Counter[str]:
    """The characters that a text has only in parts, as letter and accent, and how often."""
    if unicodedata.is_normalized("NFC", content):
        return Counter()
    return Counter(unicodedata.normalize("NFC", content)) - Counter(content)


def _parts_of_missing(tokenizer: Tokenizer, joined: Counter[str], missing: Mapping[str, str | None]) -> Counter[str]:
    """The parts of joined characters of which the tokenizer makes a symbol that is missing, where no part is missing by itself."""
    apart = {character: unicodedata.normalize("NFD", character) for character in joined}
    known = set(str(tokenizer.canonical("\n".join(apart.values())))) if apart else set()  # see unknown_among
    parts: Counter[str] = Counter()
    for character, count in joined.items():
        if character not in known and any(
            symbol in missing and symbol not in apart[character] for symbol in tokenizer.missing(apart[character])
        ):
            parts += Counter({part: number * count for part, number in Counter(apart[character]).items()})
    return parts
