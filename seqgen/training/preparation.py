"""From a corpus and options to a model that is ready to train: parts, tokens, sizes, batches and weights."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from seqgen import home
from seqgen.checkpoint import SavedModel
from seqgen.core.backend import Backend, Model
from seqgen.core.catalog import Catalog
from seqgen.core.dataset import Dataset
from seqgen.core.errors import CorpusError, OptionError
from seqgen.core.part_entry import PartEntry
from seqgen.core.spec import ModelSpec
from seqgen.core.tokenizer import Tokenizer
from seqgen.core.types import Ids
from seqgen.data.batching import Batching
from seqgen.data.reading import Progress, Reading, contents, recognised
from seqgen.data.split import split
from seqgen.data.store import Part, TokenStore, open_or_build
from seqgen.evaluation import adds_up, count_characters
from seqgen.model_config import ModelConfig, PartRecord
from seqgen.origins import CHOSEN
from seqgen.recorded_parts import find_recorded
from seqgen.registry import check_name
from seqgen.training.building import build_model, make_batches
from seqgen.training.chosen import ChosenOptions
from seqgen.training.contradictions import check_options
from seqgen.training.defaults import CorpusSize, Reach, choose
from seqgen.training.frequencies import check_output_bias, fresh_weights
from seqgen.training.inheritance import (
    choose_architecture,
    choose_backend,
    choose_dataset,
    inherit,
    inherit_corpus,
    inherited_weights,
)
from seqgen.training.media import media_mismatch, what_fits
from seqgen.training.memory import enough_memory, with_fewer_rows
from seqgen.training.metrics import CharactersPerToken
from seqgen.training.mixing import check_counting
from seqgen.training.naming import name_after
from seqgen.training.options import SettledOptions, TrainingOptions
from seqgen.training.pace import measure
from seqgen.training.parts import part_meant
from seqgen.training.schedule import WARMUP_SHARE, Budget, Schedule
from seqgen.training.sources import DEFAULT, Sources, resolve_sources
from seqgen.training.unknown_share import unknown_share
from seqgen.training.vocabulary import Unseen, known_or_extended

PACE_SHARE, PACE_SECONDS = 0.005, 5.0
"""The share of a budget of time that is spent on measuring the pace at least, and no more than these seconds."""


@dataclass(frozen=True)
class Preparation:
    """All that a training needs, before anything is written but the cache of tokens.

    Attributes:
        name: of the model.
        config: the parts, the shape, and every option with where it came from.
        options: those of ``config``.
        training, validation: batches to learn from, and those to measure on, if any of the corpus is held out.
        sources: what the dataset reads.
        choice: what was chosen here and why, in a line.
        unknown: the share of the corpus that the vocabulary lacks.
    """

    name: str
    config: ModelConfig
    options: SettledOptions
    tokenizer: Tokenizer
    store: TokenStore
    training: Batching
    validation: Batching | None
    model: Model
    sources: Sequence[str]
    choice: str = ""
    unknown: float = 0.0

    @property
    def budget(self) -> Budget:
        """When the training ends."""
        return _budget(self.options, self.training)

    @property
    def schedule(self) -> Schedule:
        """The learning rates."""
        return Schedule(self.options.lr_schedule, self.options.learning_rate, self.options.warmup_steps)

    @cached_property
    def parameters(self) -> int:
        """How many numbers the model has."""
        return sum(tensor.size for tensor in self.model.weights().values())

    @cached_property
    def characters_per_token(self) -> CharactersPerToken:
        """Of the part that is trained on, and of the one that losses are measured on."""
        held_out = validation = 0.0
        if self.validation is not None:
            held_out = count_characters(self.tokenizer, self.validation.part)
            validation = held_out / max(len(self.validation.part.tokens), 1)
            if not adds_up(self.tokenizer):
                return CharactersPerToken(validation, validation)
        # What is left of all of it, for to count a large training part may take minutes.
        training = (self.store.characters - held_out) / max(len(self.training.part.tokens), 1)
        return CharactersPerToken(training, training if self.validation is None else validation)

    @property
    def described(self) -> str:
        """The model in a line."""
        shape, model = self.config.model, self.model
        return (
            f"{self.name}: {shape.architecture} {shape.num_layers} x {shape.hidden_size}, {self.parameters:,} parameters, "
            f"{self.config.parts['backend'].name} on {model.device}, {model.precision}"
        )


@dataclass(frozen=True)
class _Parts:
    """The parts of a training, each with its entry in the catalog."""

    tokenizer_entry: PartEntry
    tokenizer: Tokenizer
    dataset_entry: PartEntry
    dataset: Dataset
    backend_entry: PartEntry
    backend: Backend

    def records(self) -> dict[str, PartRecord]:
        """As a model folder names them."""
        return {
            "tokenizer": PartRecord.of(self.tokenizer_entry, self.tokenizer),
            "dataset": PartRecord.of(self.dataset_entry, self.dataset),
            "backend": PartRecord.of(self.backend_entry, self.backend),
        }


def prepare(
    catalog: Catalog,
    sources: Sequence[str],
    chosen: ChosenOptions,
    *,
    name: str | None = None,
    parent: SavedModel | None = None,
    busy: Callable[[str], None] = lambda _: None,
) -> Preparation:
    """Read the corpus, choose what was not given, and build the model.

    Args:
        catalog: the parts.
        sources: files, folders, globs, URLs, ``-``, or names of corpora.
        chosen: what was given, and where.
        name: of the model; default: after the first source.
        parent: a model to go on from: its tokenizer, shape and weights; where no source is named, also its corpus and its name.
        busy: told often, in a line, how far reading and encoding the corpus is.
    """
    if parent is not None:  # first, for what is not installed is not mended by anything else
        find_recorded(catalog, "tokenizer", parent.config, where=parent.where)
    chosen, corpus, name, unnamed = _find_corpus(chosen, catalog, sources, parent, name)
    # What is quickly found wrong is told before a framework is imported, and that before the corpus is read.
    check_options(chosen, fresh=parent is None)
    chosen, parts = _choose_parts(chosen, catalog, corpus, parent)
    tokenizer, store, ids = _encoded(parts.dataset, parts.tokenizer, parent, chosen.options.unseen, busy)
    parts = replace(parts, tokenizer=tokenizer)
    corpus_parts = split(store, chosen.options.validation_fraction)
    chosen, why = _choose_rest(chosen, parts, corpus_parts, documents=len(store.starts) - 1)
    training, validation = make_batches(corpus_parts, chosen.settled)
    chosen = _shorten_warmup(chosen, _budget(chosen.options, training))
    options, spec = chosen.settled, _spec(tokenizer, chosen.settled)
    config = ModelConfig(spec, parts.records(), chosen.values, dict(chosen.origins), store.has_ends)
    with enough_memory(options):
        if parent is None:
            weights = fresh_weights(spec, options, training.part.tokens)
        else:
            weights = inherited_weights(
                parent, parts.backend_entry, parts.backend, config, tokenizer.end_id, ids, options.random_seed
            )
        model = build_model(parts.backend, spec, options, weights=weights)
    prepared = Preparation(
        name=name,
        config=config,
        options=options,
        tokenizer=tokenizer,
        store=store,
        training=training,
        validation=validation,
        model=model,
        sources=corpus.paths,
        choice=unnamed + why,
        unknown=unknown_share(tokenizer, parts.dataset),
    )
    if min(prepared.characters_per_token.training, prepared.characters_per_token.validation) <= 0:
        raise CorpusError(
            "Nothing in what the losses would be measured on is known to the vocabulary: give other text."
        )
    return prepared


def _find_corpus(
    chosen: ChosenOptions, catalog: Catalog, sources: Sequence[str], parent: SavedModel | None, name: str | None
) -> tuple[ChosenOptions, Sources, str, str]:
    """The corpus, with the dataset for it; the model's name; and what is told where no corpus is named.

    Raises:
        UsageError: the name, given or not, cannot be one.
    """
    told = ""
    if not sources:
        if parent is None:
            told = f"{DEFAULT}, the bundled story, since no corpus was named: "
        else:
            told = f"that of {parent.where}, since no corpus was named: "
            chosen, sources = inherit_corpus(chosen, catalog, parent)
            name = parent.name if name is None else name
    corpus = resolve_sources(sources)
    name = name_after(corpus.sources[0]) if name is None else name
    check_name(name)
    return choose_dataset(chosen, corpus, parent), corpus, name, told


def _choose_parts(
    chosen: ChosenOptions, catalog: Catalog, corpus: Sources, parent: SavedModel | None
) -> tuple[ChosenOptions, _Parts]:
    """The parts, with a tokenizer that is not fitted yet unless it is the parent's, and the architecture.

    Raises:
        SeqgenError: one of its kinds: they do not go together, one of them cannot be made, or the corpus cannot be read.
    """
    options, origins = chosen.options, chosen.origins
    spec = part_meant(catalog, "dataset", options.dataset, origin=origins["dataset"], parent=parent)
    dataset_entry, dataset = catalog.find("dataset", spec.name), catalog.make("dataset", spec, sources=corpus.paths)
    if parent is None:
        spec = part_meant(catalog, "tokenizer", options.tokenizer, origin=origins["tokenizer"])
        tokenizer_entry, tokenizer = catalog.find("tokenizer", spec.name), catalog.make("tokenizer", spec)
    else:
        tokenizer_entry = find_recorded(catalog, "tokenizer", parent.config, where=parent.where)
        tokenizer = parent.tokenizer(catalog)
        chosen = inherit(chosen, parent)
    if sentence := media_mismatch(dataset_entry, dataset, tokenizer_entry, tokenizer):
        raise OptionError(sentence + what_fits(catalog, dataset, tokenizer))
    next(dataset.documents(), None)
    chosen, backend_entry, backend = choose_backend(chosen, catalog, parent)
    chosen = choose_architecture(chosen, backend_entry, backend)
    if parent is None:  # else the weights are there
        check_output_bias(chosen.options)
    return chosen, _Parts(tokenizer_entry, tokenizer, dataset_entry, dataset, backend_entry, backend)


def _choose_rest(
    chosen: ChosenOptions, parts: _Parts, corpus_parts: tuple[Part, Part], *, documents: int
) -> tuple[ChosenOptions, str]:
    """What is left to choose by the corpus and the budget; and why, in a line.

    Raises:
        OptionError: n-grams are asked for that cannot be counted.
    """
    size = CorpusSize(len(corpus_parts[0].tokens), documents, parts.tokenizer.vocab_size)
    check_counting(chosen.options, tokens=size.tokens, vocab_size=size.vocab_size)

    def reach(options: TrainingOptions) -> Reach:
        settled = SettledOptions(**{**vars(options), "dropout": 0.0})
        return _reach(parts.backend, _spec(parts.tokenizer, settled), corpus_parts, settled)

    with enough_memory(chosen.options):
        values, why = choose(
            chosen.options, size, inherited=chosen.inherited, dataset_batching=parts.dataset.batching, reach=reach
        )
    return chosen.take(CHOSEN, **values), why


def _encoded(
    dataset: Dataset, tokenizer: Tokenizer, parent: SavedModel | None, unseen: Unseen, busy: Callable[[str], None]
) -> tuple[Tokenizer, TokenStore, Ids | None]:
    """The tokenizer, fitted unless it is the parent's, and the corpus as its ids; and where the parent's grew, see ``known_or_extended``."""
    tokens_folder = home.tokens_folder()
    fingerprint = recognised(dataset, tokens_folder)
    ids: Ids | None = None
    if parent is None:
        reading = Reading(dataset, size=fingerprint.size if fingerprint else None, progress=working("reading", busy))
        tokenizer = tokenizer.fit(reading.contents(whole=tokenizer.framed))
        # Not every tokenizer reads all of it, or any of it.
        fingerprint = reading.fingerprint or fingerprint
        reading.remember(tokens_folder)
    else:
        tokenizer, ids = known_or_extended(tokenizer, dataset, parent, unseen)
    store = open_or_build(
        dataset, tokenizer, tokens_folder, fingerprint=fingerprint, progress=working("encoding", busy)
    )
    if not store.characters:
        why = next(filter(None, map(tokenizer.unreadable, contents(dataset, tokenizer))), "")
        raise CorpusError(f"Nothing in the corpus is known to the vocabulary: {why or 'give other text'}.")
    return tokenizer, store, ids


def working(what: str, busy: Callable[[str], None]) -> Progress:
    """Tells how far reading or encoding a corpus is."""

    def tell(done: int, size: int | None) -> None:
        of_all = f"{done / size:.0%} of {size / 1e6:,.0f} MB" if size else f"{done / 1e6:,.0f} MB"
        busy(f"{what} the corpus: {of_all}")

    return tell


def _spec(tokenizer: Tokenizer, options: SettledOptions) -> ModelSpec:
    return ModelSpec(
        vocab_size=int(tokenizer.vocab_size),  # which may be NumPy's, and JSON could not hold
        architecture=options.architecture,
        input_encoding=options.input_encoding,
        embedding_size=options.embedding_size,
        hidden_size=options.hidden_size,
        num_layers=options.num_layers,
        dropout=options.dropout,
        tie_embeddings=options.tie_embeddings,
    )


def _budget(options: TrainingOptions, training: Batching) -> Budget:
    limits = [options.max_steps] if options.max_steps else []
    if options.epochs:
        limits.append(max(1, round(options.epochs * training.steps_per_epoch)))
    return Budget(min(limits, default=None), options.max_time)


def _shorten_warmup(chosen: ChosenOptions, budget: Budget) -> ChosenOptions:
    """Leave a run that is short most of its updates for the full rate and the fall, unless somebody says how long it warms up."""
    if chosen.given("warmup_steps") or budget.max_steps is None:
        return chosen
    most = int(WARMUP_SHARE * budget.max_steps)
    return chosen.take(CHOSEN, warmup_steps=most) if most < chosen.options.warmup_steps else chosen


def _reach(backend: Backend, spec: ModelSpec, parts: tuple[Part, Part], options: SettledOptions) -> Reach:
    """How many tokens the budget is enough to train on; where it is a time, a few measured steps tell."""
    training, _ = make_batches(parts, options)
    steps = _budget(options, training).max_steps
    counted = math.inf if steps is None else steps / training.steps_per_epoch * len(training.part.tokens)
    if not options.max_time:
        return Reach(counted, math.inf)
    model, least = build_model(backend, spec, options), min(PACE_SHARE * options.max_time, PACE_SECONDS)
    pace = with_fewer_rows(
        lambda: measure(model, training, least_seconds=least),
        model,
        training.batch_size,
        auto_batch=options.auto_batch,
    )
    return Reach(counted, options.max_time * pace.tokens_per_second)
