"""What a trained model writes, beside held-out text of the same length."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from seqgen import home
from seqgen.core.errors import UsageError
from seqgen.core.tokenizer import Decoder, Tokenizer
from seqgen.core.types import Content
from seqgen.data.arrays import blocks
from seqgen.data.split import split
from seqgen.data.store import Part, TokenStore, open_or_build
from seqgen.generation.generate import Sample
from seqgen.generation.writer import nothing
from seqgen.judging.copies import Search
from seqgen.judging.measures import (
    Figures,
    measure,
    without_cut_word,
    words,
    words_of_pieces,
)
from seqgen.judging.passages import Passages, last_character
from seqgen.language_model import DEFAULT_LENGTH, LanguageModel
from seqgen.recorded_corpus import recorded_corpus, recorded_dataset
from seqgen.training.options import recorded
from seqgen.training.sources import resolve_sources

SHORTEST = 50
"""Tokens of a sample at least, where the length is chosen after the held-out text."""

HARDLY_ANY = 0.25
"""The share of known words in held-out text below which figures of words tell little; of a small English corpus it is above 0.6."""

AT_ONCE = 1 << 20
"""Tokens of the training part that are decoded at a time."""

SYSTEM_WORDS = Path("/usr/share/dict/words")
"""The word list of Unix systems, where it is installed."""


@dataclass(frozen=True)
class Judgement:
    """What was measured.

    Attributes:
        samples: figures of what the model wrote.
        held_out: the same of text that it was not trained on, as many passages of as many tokens; None without any.
        length: tokens of a sample at most.
        random_seed: of the draws.
        sources: what was read as the corpus.
        words: the word list, if there was one.
        notes: sentences about what a reader should know before comparing.
    """

    samples: Figures
    held_out: Figures | None
    length: int
    random_seed: int
    sources: tuple[str, ...]
    words: str | None
    notes: tuple[str, ...]


def judge(
    model: LanguageModel,
    num_samples: int,
    *,
    length: int | None = None,
    corpus: Sequence[str | Path] = (),
    words_file: str | Path | None = None,
    random_seed: int = 0,
    on_read: Callable[[float], None] = lambda _: None,
    **sampling: Any,
) -> Judgement:
    """Let a model write from the start, and measure that beside held-out text of its corpus.

        judge(seqgen.load("novel"), 100).samples.real_words

    Args:
        model: that writes; its folder says what it was trained on, and which part of that was held out.
        num_samples: how many texts.
        length: tokens of each at most; None: as many as the held-out text is enough for, from 50 to 400.
        corpus: where the corpus is now; none: where it was.
        words_file: a list of words; None: the system's, if it has one.
        random_seed: fixes the draws.
        on_read: told, while what the samples copied is looked for, what share of the training part has been read.
        **sampling: as for :meth:`~seqgen.language_model.LanguageModel.prepare`: temperature, samplers, ...

    Raises:
        CorpusError: the corpus is not where it was, or is not what it was.
        UsageError: the word list cannot be read.
        DamagedModelError: the model's folder does not say which part was held out.
    """
    listed = read_words(words_file)
    how = recorded(model.saved.config.training, "validation_fraction", where=model.saved.where)
    store, sources, notes = _read_corpus(model, tuple(map(str, corpus)))
    training, validation = split(store, how["validation_fraction"])
    before = last_character(training, model.tokenizer)
    passages = Passages(validation, model.tokenizer, length or DEFAULT_LENGTH, before)
    if length is None and len(passages) < num_samples:
        shorter = min(max(len(validation.tokens) // num_samples, SHORTEST), DEFAULT_LENGTH)
        passages = replace(passages, length=shorter)
    length, held_out_texts = passages.length, passages.spread(num_samples)
    if not held_out_texts:
        notes.append(f"{model.reference} has no held-out text of {length} tokens to compare with.")
    elif (count := len(held_out_texts)) < num_samples:
        notes.append(
            f"The held-out text has {count} passage{'s' * (count != 1)} of up to {length} tokens, so as many "
            f"samples are measured, not {num_samples}."
        )
    generation = model.prepare(length=length, random_seed=random_seed, **sampling)
    written = [_whole(sample) for sample in generation.samples(len(held_out_texts) or num_samples)]
    searches = [Search(written), Search(held_out_texts)]
    known: dict[str, Any] = {
        "source_words": _read(training, model.tokenizer, searches, on_read),
        "listed_words": None if listed is None else listed[1],
    }
    figures = [measure(search.texts, search.found(), **known) for search in searches]
    samples, held_out = figures[0], figures[1] if held_out_texts else None
    if held_out is not None and held_out.real_words is not None and held_out.real_words < HARDLY_ANY:
        notes.append(
            f"Only {held_out.real_words:.1%} of the words of the held-out text itself are in what was trained on, as in writing "
            "without spaces between words, or of names: the figures that count words mean little here."
        )
    return Judgement(
        samples=samples,
        held_out=held_out,
        length=length,
        random_seed=random_seed,
        sources=sources,
        words=None if listed is None else listed[0],
        notes=tuple(notes),
    )


def _read_corpus(model: LanguageModel, given: tuple[str, ...]) -> tuple[TokenStore, tuple[str, ...], list[str]]:
    """The corpus of a model, where it was or as given; and a note where what was given is another."""
    if not given:
        corpus = recorded_corpus(model.saved, model.catalog)
        store = open_or_build(corpus.dataset, model.tokenizer, home.tokens_folder(), fingerprint=corpus.fingerprint)
        return store, corpus.sources, []
    sources = resolve_sources(given).paths
    store = open_or_build(recorded_dataset(model.saved, model.catalog, sources), model.tokenizer, home.tokens_folder())
    if store.fingerprint == model.saved.manifest.get("corpus", {}).get("fingerprint"):
        return store, sources, []
    note = (
        f"{', '.join(given)} is not what {model.reference} was trained on, so part of what stands as held-out text may "
        "have been trained on."
    )
    return store, sources, [note]


def read_words(path: str | Path | None) -> tuple[str, set[str]] | None:
    """The words of a list and its name; None where none is given and the system has none.

    Raises:
        UsageError: it cannot be read, or has no words.
    """
    if path is None:
        if not SYSTEM_WORDS.is_file():
            return None
        path = SYSTEM_WORDS
    try:
        text = Path(path).read_text("utf-8-sig")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "it is not UTF-8 text"
        raise UsageError(f"The word list {path} cannot be read: {reason}.") from error
    found = set(words(text))
    if not found:
        raise UsageError(f"The word list {path} has no words.")
    return str(path), found


def _read(part: Part, tokenizer: Tokenizer, searches: Sequence[Search], on_read: Callable[[float], None]) -> set[str]:
    """Let searches read the documents of a part; gives the words that are there."""

    def texts() -> Iterator[str]:
        for content, last in contents_of(part, tokenizer, on_read):
            for search in searches:
                search.read(content)
                if last:
                    search.end()
            if isinstance(content, str):
                yield content
                if last:
                    yield "\n"  # where no word goes on

    return set(words_of_pieces(texts()))


def contents_of(
    part: Part, tokenizer: Tokenizer, on_read: Callable[[float], None] = lambda _: None, *, at_once: int = AT_ONCE
) -> Iterator[tuple[Content, bool]]:
    """The documents of a part, in bounded memory: large ones in pieces; with each piece, whether it is the last.

    Args:
        part: without ends, all of it is one document.
        tokenizer: of its tokens.
        on_read: told what share has been read.
        at_once: how many tokens are decoded at a time.
    """
    read = 0
    decoder: Decoder | None = None  # of a document that began in a block before
    for block in blocks(np.asarray(part.tokens), at_once):
        ends = np.flatnonzero(block == tokenizer.end_id).tolist() if part.has_ends else []
        first = 0
        for stop in [*ends, block.size]:
            ids, first, last = block[first:stop], stop + 1, stop < block.size
            if decoder is None and last and ids.size:
                yield tokenizer.decode(ids), True
            elif decoder is not None or ids.size:
                decoder = tokenizer.decoder() if decoder is None else decoder
                yield nothing(tokenizer).join(map(decoder.push, ids.tolist())), False
                if last:
                    yield decoder.finish(), True
                    decoder = None
        read += block.size
        on_read(read / part.tokens.size)
    if decoder is not None:
        yield decoder.finish(), True


def _whole(sample: Sample) -> Content:
    """The text of a sample, without the word that its length may have cut through."""
    return without_cut_word(sample.text) if sample.finish_reason == "length" else sample.text
