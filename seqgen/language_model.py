"""A trained model in use: generate text, stream it, score text."""

from __future__ import annotations

import reprlib
import secrets
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from seqgen import home
from seqgen.checkpoint import SavedModel
from seqgen.core.backend import Model
from seqgen.core.catalog import Catalog
from seqgen.core.errors import CorpusError, OptionError, SeqgenWarning, UsageError
from seqgen.core.options import PartSpec
from seqgen.core.sampler import Sampler
from seqgen.core.tokenizer import Tokenizer
from seqgen.core.types import Content
from seqgen.evaluation import Score, part_of, score_of, summed_nats
from seqgen.generation.draw import random_seed_of
from seqgen.generation.generation import Generation
from seqgen.generation.length import Length
from seqgen.generation.lines import PrefixLines
from seqgen.generation.memory import refuse_unholdable
from seqgen.generation.prompt import ending, opening, without_unread_ends
from seqgen.generation.selection import asked_for, check_beam, with_defaults
from seqgen.generation.several import several
from seqgen.generation.unknown_symbols import tell_unknown, tell_unwritten
from seqgen.generation.writer import nothing, stop_texts
from seqgen.recorded_parts import find_recorded, make_recorded
from seqgen.training.options import recorded

if TYPE_CHECKING:
    from seqgen.data.store import Part

DEFAULT_LENGTH = 400
"""Tokens that are written where no length is given."""

_SCORED_AT_ONCE = 16
"""Streams that a text is scored in, side by side."""

_SCORED_IN_ONE = 2048
"""Tokens up to which it is one stream: exact, and on a CPU as soon done (2 layers of 64 to 512, 200 to 4,000 tokens)."""


@dataclass(eq=False)
class LanguageModel:
    """A trained model, ready to generate; made by :func:`seqgen.load` and :func:`seqgen.train`.

    Several threads may use one at once.  A copy, and what another process is given by pickling one, is loaded again from its
    folder.

    Attributes:
        saved: its folder, as read.
        tokenizer, model: what does the work.
        backend: the name of the backend that computes.
        catalog: where samplers and datasets come from.
        training_record: after ``train``, what ``train --json`` prints.
        signal_number: after ``train``, the signal that ended it early, or None.
        again: loads the same from its folder; None where that would not be the same, as with a catalog of the program's own.
    """

    saved: SavedModel
    tokenizer: Tokenizer = field(repr=False)
    model: Model = field(repr=False)
    backend: str
    catalog: Catalog = field(repr=False)
    training_record: dict[str, Any] = field(default_factory=dict, repr=False)
    signal_number: int | None = field(default=None, repr=False)
    again: Callable[[], LanguageModel] | None = field(default=None, init=False, repr=False)
    # A model carries its state from batch to batch, of one text at a time.
    _scoring: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    def __reduce__(self) -> tuple[Any, ...]:
        """How it is pickled and copied: by where it lies.

        Raises:
            UsageError: that would not give the same.
        """
        if self.again is None:
            msg = (
                f"{self.reference} can be neither pickled nor copied: it was loaded with a catalog of your own, or changed.  "
                "Load it where it is used: seqgen.load"
            )
            raise UsageError(msg)
        return self.again, (), {"training_record": self.training_record, "signal_number": self.signal_number}

    @property
    def empty(self) -> Any:
        """The empty text that it writes: ``""``, or ``b""`` for binary media."""
        return nothing(self.tokenizer)

    @property
    def reference(self) -> str:
        """``NAME:VERSION``, or the path that it was loaded from."""
        return self.saved.where

    @property
    def name(self) -> str:
        """What it is called in the registry; of a folder that was named by its path, what it was published as."""
        return self.saved.name

    @property
    def version(self) -> int | None:
        """Its version in the registry; None for a folder that was named by its path."""
        return self.saved.version.version if self.saved.version is not None else None

    @overload
    def generate(
        self,
        prompt: Content = "",
        *,
        num_samples: None = None,
        best_of: int | None = None,
        beam: int | None = None,
        **options: Any,
    ) -> Content: ...
    @overload
    def generate(self, prompt: Content = "", *, num_samples: int, **options: Any) -> list[Content]: ...
    def generate(
        self,
        prompt: Content = "",
        *,
        num_samples: int | None = None,
        best_of: int | None = None,
        beam: int | None = None,
        **options: Any,
    ) -> Content | list[Content]:
        """What follows the prompt; with ``num_samples``, a list of as many texts.

        Where documents are framed, as MIDI files are, a document that begins with the prompt.

        Args:
            prompt: what to go on from; empty: start as the corpus's documents start.
            num_samples: how many texts, or None for one.
            best_of: write this many, and give the one that is likeliest per character.
            beam: draw nothing, and give the likeliest text that a beam of this width finds.
            **options: as for :meth:`prepare`.

        Raises:
            PromptError: no symbol of the prompt is known, or, with ``strict``, one is not.
            OptionError: as for :meth:`prepare`; or num_samples, best_of and beam contradict each other.
            UnknownPartError, AmbiguousPartError, MissingDependencyError, PluginError: a sampler; see :meth:`prepare`.
            GenerationError: nothing is left to be drawn, or memory does not suffice.
        """
        if best_of is not None and num_samples is not None:
            raise OptionError("best_of and num_samples both say how many texts to write.  Leave one out.")
        if beam is not None and (best_of or num_samples) is not None:
            raise OptionError("beam gives one text and draws none.  Leave out best_of and num_samples.")
        generation = self.prepare(prompt, beam=beam, **options)
        if beam is not None:
            return generation.search().text
        if best_of is not None:
            return generation.best_of(best_of).text
        texts = [sample.text for sample in generation.samples(1 if num_samples is None else num_samples)]
        return texts[0] if num_samples is None else texts

    def stream(self, prompt: Content = "", **options: Any) -> Iterator[Content]:
        """What follows the prompt, in pieces as they come; joined they are what ``generate`` gives.

        Args:
            prompt: what to go on from; empty: start as the corpus's documents start.
            **options: as for :meth:`prepare`.

        Raises:
            PromptError: no symbol of the prompt is known, or, with ``strict``, one is not.
            OptionError: as for :meth:`prepare`; or beam is given, which gives a text as a whole.
            UnknownPartError, AmbiguousPartError, MissingDependencyError, PluginError: a sampler; see :meth:`prepare`.
            GenerationError: as the pieces come: nothing is left to be drawn, or memory does not suffice.
        """
        return iter(self.prepare(prompt, **options).stream())

    def prepare(
        self,
        prompt: Content = "",
        *,
        length: int | str | Length = DEFAULT_LENGTH,
        stop: Content | Iterable[Content] | None = (),
        prefix_lines: str | Iterable[str] | None = (),
        beam: int | None = None,
        samplers: str | PartSpec | Sampler | Iterable[str | PartSpec | Sampler] | None = (),
        temperature: float | None = None,
        top_k: int | None = None,
        top_p: float | None = None,
        min_p: float | None = None,
        repetition_penalty: float | None = None,
        random_seed: int | None = None,
        strict: bool = False,
        warn: Callable[[str], None] | None = None,
    ) -> Generation:
        """Settle everything that a generation needs.

        Args:
            prompt: what to go on from; empty: start as the corpus's documents start.
            length: how many tokens to write at most; ``"400c"``: how many characters.
            stop: texts that end it; none of them is part of the result.  Of these, of prefix_lines and of samplers one alone
                may be given as it is.
            prefix_lines: what its lines start with, one after another; the model goes on with each to the end of its
                line, and ``length`` bounds what it adds to each.  They begin on a line of their own after the prompt.
            beam: how many texts ``Generation.search`` keeps, which takes the place of drawing; penalties and constraints
                work there too.
            samplers: any registered samplers, as objects or ``NAME:key=value``.
            temperature: below 1 safer, above 1 wilder, 0 always the likeliest.  Where neither it nor a
                sampler that truncates is given, 0.8 and min_p 0.05; where only the latter is given, 0.8.
            top_k: only the k likeliest tokens.
            top_p: only the likeliest tokens that together reach p.
            min_p: only tokens at least p times as likely as the likeliest.
            repetition_penalty: above 1 makes tokens that occurred lately less likely.
            random_seed: fixes the draws: the same number gives the same text, on any backend that does not round weights.
            strict: refuse a prompt with symbols that the vocabulary lacks, instead of taking the nearest, and a stop text that
                can never come.
            warn: told about such symbols and texts; default: :func:`warnings.warn`.

        Raises:
            PromptError: no symbol of the prompt is known, or, with ``strict``, one is not.
            OptionError: an option of a sampler, or another argument; with ``strict``, a stop text.
            UnknownPartError, AmbiguousPartError: there is no such sampler, or several are called so.
            MissingDependencyError, PluginError: a package that a sampler needs is not installed, or its plugin fails.
        """
        warn = warn or _warn
        values = {
            "repetition_penalty": repetition_penalty,
            "temperature": temperature,
            "top_k": top_k,
            "top_p": top_p,
            "min_p": min_p,
        }
        prompt = prompt or self.empty  # which is bytes for binary media
        if not isinstance(prompt, str | bytes):
            raise OptionError(f"prompt is {reprlib.repr(prompt)}, but must be text, or bytes for binary media.")
        end_id, forbid = ending(self.tokenizer, has_ends=self.saved.config.has_ends)
        texts = several("prefix_lines", prefix_lines or (), (str,), "texts, one for each line")
        chain = asked_for(samplers, values, self.catalog)
        if beam is None:
            chain = with_defaults(chain, self.catalog)
        else:
            check_beam(beam, chain, prefix_lines=texts, random_seed=random_seed)
        lines = PrefixLines.of(self.tokenizer, texts, end_id) if texts else None
        tell_unknown(self.tokenizer, prompt, texts, self.reference, strict=strict, warn=warn)
        prompt_ids = opening(self.tokenizer, prompt, has_ends=self.saved.config.has_ends)
        if lines is None:
            prompt = without_unread_ends(self.tokenizer, prompt)
        elif isinstance(prompt, str) and prompt and not prompt.endswith("\n"):
            prompt += "\n"
            prompt_ids = np.concatenate([prompt_ids, np.array(lines.newline, np.int64)])
        stops = stop_texts(stop)
        limit = Length.of(length)
        _whole_only(self.tokenizer, limit, stops)
        tell_unwritten(self.tokenizer, stops, self.reference, strict=strict, warn=warn)
        return Generation(
            prompt=prompt,
            prompt_ids=prompt_ids,
            prefix_lines=lines,
            beam=beam,
            random_seed=secrets.randbits(63) if random_seed is None else random_seed_of(random_seed),
            length=limit,
            samplers=chain,
            stop=stops,
            end_id=end_id,
            forbid=forbid,
            model=self.model,
            tokenizer=self.tokenizer,
        )

    def score(
        self, *files: str | Path, texts: Content | Iterable[Content] | None = None, dataset: str | None = None
    ) -> Score:
        """How well the model predicts these files, or texts, with ends around documents where it was trained with them.

        What has more than 2,048 tokens is scored in up to 16 portions side by side where the model learned from streams.  Each
        but the first is read from ``seq_len`` tokens before it on, so that the sum is nearly that of reading all from the start.
        Where it learned from windows, at most 8,192 of them are scored, evenly spaced.

        The tokens of files are kept in the folder ``tokens`` of ``SEQGEN_HOME``, so that the same files are encoded once.

        Args:
            *files: files, folders, globs, URLs, or ``-`` for standard input.
            texts: in place of files, the documents themselves, as they are; one alone may be given as it is.
            dataset: how files become documents, as ``NAME:key=value``; default: as the model's corpus did.

        Raises:
            CorpusError: a file is missing, unreadable or too short, or nothing in it is known to the model.
            OptionError: the dataset, or a text, is something else than the model's tokenizer takes.
            UsageError: what should name a file does not, or both files and texts are given.
            UnknownPartError, AmbiguousPartError: there is no such dataset, or several are called so.
            MissingDependencyError, PluginError: a package that the dataset or a file needs is not installed, or a plugin fails.
            OutputError: the tokens of the files cannot be kept.
            DamagedModelError: the model's folder does not say how it was trained.
        """
        # With the store some 10 ms, which generating does without.
        from seqgen.data.batching import TooShortError, make_batching

        how = recorded(self.saved.config.training, "batching", "seq_len", where=self.saved.where)
        if texts is None:
            named, part, contents = self._read(files, dataset)
        else:
            if files or dataset is not None:
                raise UsageError("score takes files, with a dataset, or texts, which need none.  Leave out one of them")
            if isinstance(texts, Mapping | PathLike) or not isinstance(texts, Iterable):
                raise UsageError(
                    f"texts is {reprlib.repr(texts)}, but must be the documents themselves: a text, or several."
                )
            named, part, contents = self._given((texts,) if isinstance(texts, str | bytes) else tuple(texts))
        unknown = f"No symbol of {named} is known to {self.reference}."
        if not part.tokens.size:
            raise CorpusError(unknown)
        mode, seq_len = how["batching"], how["seq_len"]
        if mode != "windows":
            seq_len = min(seq_len, max(1, part.tokens.size - 1))  # beyond the text there is nothing to read
        at_once = 1 if mode == "stream" and part.tokens.size <= _SCORED_IN_ONE else _SCORED_AT_ONCE
        try:
            batches = make_batching(mode, part, seq_len=seq_len, batch_size=at_once, random_seed=0, for_evaluation=True)
        except TooShortError as error:
            msg = f"{error}  {self.reference} learned to predict what follows on as many.  Score more text at once"
            raise CorpusError(msg) from error
        with self._scoring, np.errstate(under="ignore"):  # see log_softmax
            nats, tokens = summed_nats(self.model, batches)
        score = score_of(nats, tokens, tokenizer=self.tokenizer, part=part, contents=contents)
        if score is None:
            raise CorpusError(unknown)
        return score

    def _read(self, files: Iterable[object], dataset: str | None) -> tuple[str, Part, Callable[[], Iterable[Content]]]:
        """Files: their names, their tokens, and what the tokenizer was handed of them."""
        from seqgen.data.reading import contents
        from seqgen.data.store import open_or_build
        from seqgen.training.sources import source_names

        sources = tuple(source_names(files, or_else="as score(texts=[...]) in Python"))
        if dataset is None:
            entry = find_recorded(self.catalog, "dataset", self.saved.config, where=self.saved.where)
            documents = make_recorded(
                self.catalog, "dataset", self.saved.config, where=self.saved.where, sources=sources
            )
        else:
            spec = PartSpec.parse(dataset)
            entry = self.catalog.find("dataset", spec.name)
            documents = self.catalog.make("dataset", spec, sources=sources)
        if documents.media_type != self.tokenizer.media_type:
            raise OptionError(
                f"Dataset {entry.name} gives {documents.media_type}, but {self.reference} takes {self.tokenizer.media_type}."
            )
        part = open_or_build(documents, self.tokenizer, home.tokens_folder(), has_ends=self.saved.config.has_ends)
        return ", ".join(sources), part, partial(contents, documents, self.tokenizer)

    def _given(self, texts: Sequence[Content]) -> tuple[str, Part, Callable[[], Iterable[Content]]]:
        """The same of documents that are given."""
        kind = type(self.empty)
        for text in texts:
            if not isinstance(text, kind):
                shown = (
                    f"{reprlib.repr(text)}, but {self.reference} takes {self.tokenizer.media_type}, as {kind.__name__}"
                )
                raise OptionError(f"texts has {shown}.")
        for text in texts:
            if reason := self.tokenizer.unreadable(text):
                raise CorpusError(
                    f"One of the texts cannot be read: {reason}.  {self.reference} takes {self.tokenizer.media_type}."
                )
        if not any(texts):
            raise CorpusError("texts are empty, so there is nothing to score.")
        part = part_of(self.tokenizer, texts, has_ends=self.saved.config.has_ends)
        return "these texts", part, lambda: texts


def _whole_only(tokenizer: Tokenizer, length: Length, stop: Sequence[Content]) -> None:
    """Refuse to end a document where its bytes would be cut, and one that could not be held until it is whole.

    Raises:
        OptionError: names what would.
    """
    if not tokenizer.framed:
        return
    if length.characters is not None:
        raise OptionError(
            f"length is {length}, but {tokenizer.media_type} cannot be cut after any byte.  Give tokens, as 400"
        )
    if stop:
        raise OptionError(f"stop ends text, but {tokenizer.media_type} cannot be cut after any byte: leave it out.")
    refuse_unholdable(1, length.tokens)


def _warn(text: str) -> None:
    warnings.warn(text, SeqgenWarning, stacklevel=4)
