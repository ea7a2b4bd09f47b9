"""What a model writes with the samplers of this plugin, beside what it writes without them."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqgen.core.errors import CorpusError, PartError
from seqgen.core.types import Document
from seqgen.recorded_corpus import recorded_corpus
from seqgen_lyrics.errors import LyricsError, LyricsUsageError
from seqgen_lyrics.language import is_foreign
from seqgen_lyrics.measures import USUAL, Corpus, Figures, Stanza, measure, stanzas_of
from seqgen_lyrics.scheme import read_pattern, read_scheme, read_stress
from seqgen_lyrics.songs import SongsDataset
from seqgen_lyrics.structure import as_text
from seqgen_lyrics.vocabulary import normal

if TYPE_CHECKING:
    from seqgen.language_model import LanguageModel

_LINE = 120  # characters of a line at most, where a model must come to the end of a stanza


@dataclass(frozen=True)
class Aims:
    """What verse is held against.

    Attributes:
        scheme: of rhymes; empty: the usual ones are measured, and none is asked for.
        pattern: of syllables, or empty.
        stress: a metre, or empty.
    """

    scheme: str = ""
    pattern: str = ""
    stress: str = ""

    def __post_init__(self) -> None:
        """Refuse what is none."""
        if self.scheme:
            read_scheme(self.scheme)
        read_pattern(self.pattern)
        read_stress(self.stress)

    @property
    def lines(self) -> int:
        """Of a stanza."""
        letters = len(read_scheme(self.scheme)) if self.scheme else 0
        syllables = len(read_pattern(self.pattern))
        return letters or (syllables if syllables > 1 else 0) or 4

    def samplers(self) -> list[str]:
        """Those that make a model keep them, for one stanza."""
        rhyme = [f"rhyme:scheme={self.scheme}"] if self.scheme else []
        values = [f"{name}={value}" for name, value in (("pattern", self.pattern), ("stress", self.stress)) if value]
        metre = [f"syllables:{','.join(values if self.pattern else ['pattern=', *values])}"] if values else []
        return [*rhyme, *metre, f"form:sections=verse,lines={self.lines}"]

    def measured(self, stanzas: Sequence[Stanza], corpus: Corpus | None = None, **known: Any) -> Figures:
        """The figures of stanzas; their rhymes by letters where the corpus is in a language that CMUdict lacks."""
        schemes = (read_scheme(self.scheme),) if self.scheme else USUAL
        pattern, foot = read_pattern(self.pattern), read_stress(self.stress)
        spelled = corpus is not None and is_foreign(corpus.words)
        return measure(stanzas, schemes=schemes, pattern=pattern, foot=foot, corpus=corpus, spelled=spelled, **known)


@dataclass(frozen=True)
class Written:
    """What a model wrote.

    Attributes:
        figures: of its stanzas.
        log_probability: the model's own, before the samplers: mean nats of a token.
        log_probability_per_character: the same for a character.
        tokens_per_second: while it was written.
        notes: how many notes the samplers gave.
    """

    figures: Figures
    log_probability: float
    log_probability_per_character: float
    tokens_per_second: float
    notes: int


def write(
    model: LanguageModel,
    stanzas: int,
    aims: Aims,
    *,
    constrained: bool,
    samplers: Iterable[str] = (),
    random_seed: int = 0,
    **known: Any,
) -> Written:
    """Let a model write so many texts, and measure the first whole stanza of each.

    Args:
        model: that writes.
        stanzas: how many.
        aims: what they are held against.
        constrained: with the samplers that keep it to these aims.
        samplers: others, with and without.
        random_seed: fixes the draws.
        **known: corpus and word list, as for :func:`~seqgen_lyrics.measures.measure`.

    Raises:
        LyricsError: there was not one whole stanza.
    """
    chain = [*(aims.samplers() if constrained else ()), *samplers]
    length = f"{_LINE * (2 * aims.lines + 2)}c"
    generation = model.prepare(length=length, samplers=chain, random_seed=random_seed)
    generation.samples(1)  # reads CMUdict, which is not to count
    begun = time.perf_counter()
    written = generation.samples(stanzas, log_probabilities=True)
    seconds = time.perf_counter() - begun
    found = []
    for sample in written:
        text = str(sample.text)
        if sample.finish_reason == "length":  # the last stanza is not whole
            text = text.rpartition("\n\n")[0]
        found += list(stanzas_of(text))[:1]
    if not found:
        raise LyricsError(f"{model.reference} wrote no stanza in {stanzas} texts of {length}.  Train it for longer")
    tokens = sum(sample.tokens for sample in written)
    nats = sum(sample.log_probability or 0.0 for sample in written)
    return Written(
        figures=aims.measured(found, **known),
        log_probability=nats / max(tokens, 1),
        log_probability_per_character=nats / max(sum(len(sample.text) for sample in written), 1),
        tokens_per_second=tokens / max(seconds, 1e-9),
        notes=sum(len(sample.notes) for sample in written),
    )


def read_corpus(model: LanguageModel | None, given: Sequence[str], encoding: str = "auto") -> tuple[Corpus | None, str]:
    """The corpus as given, or the one that a model was trained on, where it still is; and a note where there is none.

    Args:
        model: that writes; None where songs are measured.
        given: files of songs; none: what the model was trained on, read as it was read then.
        encoding: of the files, as in :meth:`seqgen.core.files.Source.text`.

    Raises:
        CorpusError: what is given cannot be read.
    """
    if given:
        return Corpus.of(_texts(given, encoding)), ""
    if model is None:
        return None, "there is no corpus in which to look for copied lines.  Name it with --corpus"
    try:
        corpus = recorded_corpus(model.saved, model.catalog)
    except CorpusError as error:
        return None, f"copied lines cannot be looked for: {error}"
    except PartError as error:
        return None, f"copied lines cannot be looked for: {error}  Name the corpus with --corpus"
    return Corpus.of(_whole(corpus.dataset.documents())), ""


def read_songs(files: Sequence[str], encoding: str = "auto") -> list[Stanza]:
    """The stanzas of the songs in files.

    Args:
        files: as in :func:`seqgen.core.files.find_sources`.
        encoding: of them, as in :meth:`seqgen.core.files.Source.text`.

    Raises:
        CorpusError: there is none.
    """
    return [stanza for text in _texts(files, encoding) for stanza in stanzas_of(text)]


def read_words(path: str | None) -> frozenset[str] | None:
    """The words of a list, one a line; None without one.

    Raises:
        LyricsUsageError: it cannot be read.
    """
    if path is None:
        return None
    try:
        lines = Path(path).read_text("utf-8-sig").splitlines()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "it is not UTF-8 text"
        raise LyricsUsageError(f"The word list {path} cannot be read: {reason}.") from error
    return frozenset(normal(line.strip()) for line in lines if line.strip())


def _texts(sources: Sequence[str], encoding: str) -> Iterator[str]:
    """The songs of sources, whole."""
    try:
        yield from _whole(SongsDataset(sources=tuple(sources), encoding=encoding).documents())
    except CorpusError as error:  # a command has an option where the dataset has one of its own
        told = re.sub("  [^.]*--dataset songs:errors=.*", "", str(error))
        raise CorpusError(told.replace("--dataset songs:encoding=", "--encoding ")) from error


def _whole(documents: Iterable[Document]) -> Iterator[str]:
    """The text of each document, of which large ones come in pieces."""
    held: list[str] = []
    for document in documents:
        held.append(as_text(document.content))
        if document.final:
            yield "".join(held)
            held = []
