"""A trained model in use: generate text, stream it, score text."""

from __future__ import annotations

import secrets
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, overload

import numpy as np

from seqgen import home
from seqgen.checkpoint import SavedModel, find_recorded, make_recorded
from seqgen.core.backend import Model
from seqgen.core.catalog import Catalog
from seqgen.core.errors import CorpusError, OptionError, PromptError, SeqgenWarning, UsageError
from seqgen.core.options import PartSpec
from seqgen.core.sampler import Sampler, Stage
from seqgen.core.text import fuller_form, told_apart
from seqgen.core.tokenizer import Tokenizer
from seqgen.core.types import Content, Ids
from seqgen.evaluation import (
    UNKNOWN_TOLD,
    Score,
    changed_among,
    count_characters,
    count_ends,
    summed_nats,
    unknown_among,
)
from seqgen.generation.length import Length, at_least
from seqgen.generation.lines import PrefixLines
from seqgen.generation.memory import refuse_unholdable
from seqgen.generation.prompt import ending, opening
from seqgen.generation.selection import asked_for, with_defaults
from seqgen.generation.settled import Generation
from seqgen.generation.writer import nothing, stop_texts
from seqgen.training.options import recorded

DEFAULT_LENGTH = 400
"""Tokens that are written where no length is given."""

_SCORED_AT_ONCE = 16
"""Streams that a text is scored in, side by side."""


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
        """What it is called in the registry; of a folder elsewhere, what it was published as."""
        if self.version is not None:
            return self.saved.folder.parent.name
        return str(self.saved.manifest.get("name", self.saved.folder.name))

    @property
    def version(self) -> int | None:
        """Its version in the registry; None for a folder elsewhere."""
        folder = self.saved.folder
        return int(folder.name) if self.saved.where == f"{folder.parent.name}:{folder.name}" else None

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
        """
        return iter(self.prepare(prompt, **options).stream())

    def prepare(
        self,
        prompt: Content = "",
        *,
        length: int | str | Length = DEFAULT_LENGTH,
        stop: Iterable[Content] = (),
        prefix_lines: Iterable[str] = (),
        beam: int | None = None,
        samplers: Iterable[str | PartSpec | Sampler] = (),
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
            stop: texts that end it; none of them is part of the result.
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
            UnknownPartError, OptionError: a sampler or an option of one; with ``strict``, a stop text.
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
        end_id, forbid = ending(self.tokenizer, has_ends=self.saved.config.has_ends)
        texts = tuple(prefix_lines)
        chain = asked_for(samplers, values, self.catalog)
        if beam is None:
            chain = with_defaults(chain, self.catalog)
        else:
            check_beam(beam, chain, prefix_lines=texts, random_seed=random_seed)
        lines = PrefixLines.of(self.tokenizer, texts, end_id) if texts else None
        prompt_ids = self._prompt_ids(prompt, texts, strict=strict, warn=warn)
        if lines is not None and isinstance(prompt, str) and prompt and not prompt.endswith("\n"):
            prompt += "\n"
            prompt_ids = np.concatenate([prompt_ids, np.array(lines.newline, np.int64)])
        stops = stop_texts(stop)
        limit = _length(length)
        _whole_only(self.tokenizer, limit, stops)
        self._tell_unwritten(stops, strict=strict, warn=warn)
        return Generation(
            prompt=prompt,
            prompt_ids=prompt_ids,
            prefix_lines=lines,
            beam=beam,
            random_seed=secrets.randbits(63) if random_seed is None else random_seed,
            length=limit,
            samplers=chain,
            stop=stops,
            end_id=end_id,
            forbid=forbid,
            model=self.model,
            tokenizer=self.tokenizer,
        )

    def score(self, *files: str | Path, dataset: str | None = None) -> Score:
        """How well the model predicts these files, with ends around documents where it was trained with them.

        Args:
            *files: files, folders, globs, URLs, or ``-`` for standard input.
            dataset: how they become documents, as ``NAME:key=value``; default: as the model's corpus did.

        Raises:
            CorpusError: a file is missing, unreadable or too short, or nothing in it is known to the model.
            OptionError: the dataset gives something else than the model's tokenizer takes.
            DamagedModelError: the model's folder does not say how it was trained.
        """
        # With the store some 10 ms, which generating does without.
        from seqgen.data.batching import TooShortError, make_batching
        from seqgen.data.reading import contents
        from seqgen.data.store import open_or_build

        how = recorded(self.saved.config.training, "batching", "seq_len", where=self.saved.where)
        sources = tuple(map(str, files))
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
        mode, seq_len = how["batching"], how["seq_len"]
        if mode != "windows":
            seq_len = min(seq_len, max(1, part.tokens.size - 1))  # beyond the text there is nothing to read
        try:
            batches = make_batching(
                mode, part, seq_len=seq_len, batch_size=_SCORED_AT_ONCE, random_seed=0, for_evaluation=True
            )
        except TooShortError as error:
            msg = f"{error}  {self.reference} learned to predict what follows on as many.  Score more text at once"
            raise CorpusError(msg) from error
        with self._scoring, np.errstate(under="ignore"):  # see log_softmax
            nats, tokens = summed_nats(self.model, batches)
        characters = count_characters(self.tokenizer, part.tokens[1:])
        if not characters:
            raise CorpusError(f"No symbol of {', '.join(map(str, files))} is known to {self.reference}.")
        ends = count_ends(self.tokenizer, part.tokens[1:]) if part.has_ends else 0
        # Not every token is scored: some windows, and without ends no document's first one.
        scored = tokens / (len(part.tokens) - 1)
        characters, ends = max(1, round(characters * scored)), round(ends * scored)
        missing, unknown = unknown_among(self.tokenizer, contents(documents, self.tokenizer))
        changed = changed_among(self.tokenizer, contents(documents, self.tokenizer), missing)
        return Score(nats, tokens, characters, missing, unknown_share=unknown, ends=ends, changed_share=changed)

    def _unusable(self, prompt: Content) -> str:
        """Why no id could be made of a prompt."""
        if reason := self.tokenizer.unreadable(prompt):
            return f"The prompt cannot be read: {reason}.  {self.reference} takes {self.tokenizer.media_type}."
        shown = repr(prompt) if len(prompt) <= 80 else f"{prompt[:80]!r}..."
        return f"No symbol of the prompt {shown} is known to {self.reference}.  Write of what its corpus is made of."

    def _prompt_ids(
        self, prompt: Content, prefix_lines: Iterable[str], *, strict: bool, warn: Callable[[str], None]
    ) -> Ids:
        missing: dict[str, str | None] = {}
        for text in (prompt, *prefix_lines):
            if text:
                missing |= self.tokenizer.missing(text)
        told = describe_missing(missing, self.reference)
        known = _known_form(self.tokenizer, (prompt, *prefix_lines)) if missing else ""
        if missing and strict:
            raise PromptError(f"{told}{known}  Without --strict the nearest is taken.")
        if prompt and not len(self.tokenizer.encode(prompt)):
            raise PromptError(f"{self._unusable(prompt)}{known}")
        if missing:
            warn(f"{told}{known}")
        return opening(self.tokenizer, prompt, has_ends=self.saved.config.has_ends)

    def _tell_unwritten(self, stops: Sequence[Content], *, strict: bool, warn: Callable[[str], None]) -> None:
        """Warn of stop texts that the model never writes.

        Only where each token has a text of its own.  Elsewhere, as where a word begins a line with a capital, symbols do not tell.

        Raises:
            OptionError: with ``strict``, there is one.
        """
        if not stops or self.tokenizer.pieces() is None:
            return
        for text in stops:
            if not isinstance(text, str):  # which is refused when the text begins
                continue
            missing, written = list(self.tokenizer.missing(text)), self.tokenizer.canonical(text)
            if not missing and written == text:
                continue
            shown, shown_written = told_apart(text, str(written))
            never = f"never writes {', '.join(map(repr, missing[:8]))}.{_known_form(self.tokenizer, [text])}"
            instead = never if missing else f"writes {shown_written} instead."
            sentence = f"stop text {shown} can never come: {self.reference} {instead}"
            if strict:
                raise OptionError(f"{sentence}  Without --strict the text goes on to its length.")
            warn(sentence)


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
    refuse_unholdable(1, length.tokens or 0)


def _length(given: int | str | Length) -> Length:
    if isinstance(given, str):
        return Length.parse(given)
    length = given if isinstance(given, Length) else Length(tokens=given)
    at_least(0, length=length.tokens, characters=length.characters)
    return length


def check_beam(beam: int, chain: Sequence[Sampler], *, prefix_lines: Sequence[str], random_seed: int | None) -> None:
    """Refuse what a search has no use for, rather than pass over it.

    Raises:
        OptionError: names it.
    """
    at_least(1, beam=beam)
    for sampler in chain:
        if sampler.stage >= Stage.TEMPERATURE:
            raise OptionError(f"beam searches for the likeliest text and draws nothing: leave out {sampler}")
    if random_seed is not None:
        raise OptionError("beam draws nothing, so a random seed fixes nothing: leave it out.")
    if prefix_lines:
        raise OptionError("beam and prefix_lines do not go together; leave one out.")


def describe_missing(missing: Mapping[str, str | None], reference: str, *, share: float = 0.0) -> str:
    """A sentence that names symbols a model does not know, and what stands in for each; one more where they are much of a text."""
    shown = [
        f"{symbol!r} (left out)" if nearest is None else "{} (read as {})".format(*told_apart(symbol, nearest))
        for symbol, nearest in list(missing.items())[:8]
    ]
    more = f" and {len(missing) - 8} more" if len(missing) > 8 else ""
    much = f"  They are {share:.1%} of it, which no figure counts, so that none compares with another model's."
    return f"{reference} does not know {', '.join(shown)}{more}." + (much if share >= UNKNOWN_TOLD else "")


def _known_form(tokenizer: Tokenizer, texts: Iterable[Content]) -> str:
    """A sentence on the Unicode normal form in which more of texts is known; empty where that is in none, and of binary media."""
    text = "\n".join(each for each in texts if isinstance(each, str))
    form = fuller_form(text, tokenizer.missing) if text else None
    return f"  More of it is known in the Unicode normal form {form}: bring it to that." if form else ""


def _warn(text: str) -> None:
    warnings.warn(text, SeqgenWarning, stacklevel=4)
