"""From a corpus and options to a model that is ready to train: parts, tokens, sizes, batches and weights."""

from __future__ import annotations

import contextlib
import math
import reprlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from seqgen import home
from seqgen.checkpoint import SavedModel
from seqgen.core import options
from seqgen.core.backend import Backend, Model
from seqgen.core.canonical import check_weights
from seqgen.core.catalog import Catalog
from seqgen.core.dataset import Dataset
from seqgen.core.errors import CorpusError, DamagedModelError, OptionError, PluginError
from seqgen.core.kinds import Kind
from seqgen.core.options import PartSpec
from seqgen.core.part_entry import PartEntry
from seqgen.core.spec import ModelSpec, OptimizerSpec
from seqgen.core.tokenizer import Tokenizer
from seqgen.core.types import Ids, Weights
from seqgen.data.batching import EVALUATED_TARGETS, Batching, TooShortError, make_batching
from seqgen.data.reading import Progress, Reading, contents, recognised
from seqgen.data.split import split
from seqgen.data.store import Part, TokenStore, open_or_build
from seqgen.evaluation import adds_up, count_characters
from seqgen.model_config import ModelConfig, PartRecord
from seqgen.recorded_parts import find_recorded
from seqgen.registry import check_name
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
from seqgen.training.pace import measure
from seqgen.training.parts import part_meant
from seqgen.training.schedule import WARMUP_SHARE, Budget, Schedule
from seqgen.training.sources import DEFAULT, Sources, name_after, resolve_sources
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
        training, validation: batches to learn from, and those to measure on, if any of the corpus is held out.
        sources: what the dataset reads.
        choice: what was chosen here and why, in a line.
        unknown: the share of the corpus that the vocabulary lacks.
    """

    name: str
    config: ModelConfig
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
        return _budget(self.config.training, self.training)

    @property
    def schedule(self) -> Schedule:
        """The learning rates."""
        values = self.config.training
        return Schedule(values["lr_schedule"], values["learning_rate"], values["warmup_steps"])

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


def prepare(
    catalog: Catalog,
    sources: Sequence[str],
    values: Mapping[str, Any],
    origins: Mapping[str, str],
    *,
    name: str | None = None,
    parent: SavedModel | None = None,
    busy: Callable[[str], None] = lambda _: None,
) -> Preparation:
    """Read the corpus, choose what was not given, and build the model.

    Args:
        catalog: the parts.
        sources: files, folders, globs, URLs, ``-``, or names of corpora.
        values: every option of ``TrainingOptions``; None is chosen here.
        origins: where each value came from.
        name: of the model; default: after the first source.
        parent: a model to go on from: its tokenizer, shape and weights; where no source is named, also its corpus and its name.
        busy: told often, in a line, how far reading and encoding the corpus is.
    """
    values, origins = dict(values), dict(origins)
    if parent is not None:  # first, for what is not installed is not mended by anything else
        tokenizer_entry = find_recorded(catalog, "tokenizer", parent.config, where=parent.where)
    unnamed = ""
    if not sources:
        unnamed, sources, name = _unnamed(catalog, parent, name, values, origins)
    resolved = resolve_sources(sources)
    name = _checked_name(name, resolved)
    if origins["dataset"] == "default":
        choose_dataset(resolved, parent, values, origins)
    # What is quickly found wrong is told before a framework is imported, and that before the corpus is read.
    check_options(values, origins, fresh=parent is None)
    spec = part_meant(catalog, "dataset", values["dataset"], origin=origins["dataset"], parent=parent)
    dataset_entry, dataset = _part(catalog, "dataset", spec, sources=resolved.paths)
    if parent is None:
        spec = part_meant(catalog, "tokenizer", values["tokenizer"], origin=origins["tokenizer"])
        tokenizer_entry, tokenizer = _part(catalog, "tokenizer", spec)
    else:
        tokenizer = parent.tokenizer(catalog)
        inherit(parent, values, origins)
    if sentence := media_mismatch(dataset_entry, dataset, tokenizer_entry, tokenizer):
        raise OptionError(sentence + what_fits(catalog, dataset, tokenizer))
    next(dataset.documents(), None)
    backend_entry, backend = choose_backend(catalog, parent, values, origins)
    choose_architecture(backend_entry, backend, values, origins)
    if parent is None:  # else the weights are there
        check_output_bias(values)
    tokenizer, store, ids = _encoded(dataset, tokenizer, parent, values["unseen"], busy)
    parts = split(store, values["validation_fraction"])
    corpus = CorpusSize(len(parts[0].tokens), len(store.starts) - 1, tokenizer.vocab_size)
    check_counting(values, tokens=corpus.tokens, vocab_size=corpus.vocab_size)

    def reach(values: Mapping[str, Any]) -> Reach:
        return _reach(backend, _spec(tokenizer, {**values, "dropout": 0.0}), parts, values)

    with enough_memory(values):
        chosen, sentence = choose(values, corpus, dataset_batching=dataset.batching, reach=reach)
    values |= chosen
    origins |= dict.fromkeys(chosen, "chosen")
    training, validation = make_batches(parts, values)
    _shorten_warmup(values, origins, _budget(values, training))
    config = ModelConfig(
        model=_spec(tokenizer, values),
        parts={
            "tokenizer": PartRecord.of(tokenizer_entry, tokenizer),
            "dataset": PartRecord.of(dataset_entry, dataset),
            "backend": PartRecord.of(backend_entry, backend),
        },
        training=values,
        origins=origins,
        has_ends=store.has_ends,
    )
    with enough_memory(values):
        if parent is None:
            weights = fresh_weights(config.model, values, training.part.tokens)
        else:
            weights = inherited_weights(parent, backend_entry, backend, config, ids)
        model = build_model(backend, config.model, values, weights=weights)
    unknown = unknown_share(tokenizer, dataset)
    prepared = Preparation(
        name, config, tokenizer, store, training, validation, model, resolved.paths, unnamed + sentence, unknown
    )
    if min(prepared.characters_per_token.training, prepared.characters_per_token.validation) <= 0:
        raise CorpusError(
            "Nothing in what the losses would be measured on is known to the vocabulary: give other text."
        )
    return prepared


def _checked_name(name: str | None, resolved: Sources) -> str:
    """The model's name: as given, empty or not, or after its first source.

    Raises:
        UsageError: it cannot be one.
    """
    name = name_after(resolved.sources[0]) if name is None else name
    check_name(name)
    return name


def _unnamed(
    catalog: Catalog, parent: SavedModel | None, name: str | None, values: dict[str, Any], origins: dict[str, str]
) -> tuple[str, Sequence[str], str | None]:
    """What is told where no corpus is named, its sources, and the model's name."""
    if parent is None:
        return f"{DEFAULT}, the bundled story, since no corpus was named: ", (), name
    told = f"that of {parent.where}, since no corpus was named: "
    return told, inherit_corpus(parent, catalog, values, origins), parent.name if name is None else name


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


def make_batches(parts: tuple[Part, Part], values: Mapping[str, Any]) -> tuple[Batching, Batching | None]:
    """The batches of the training part, and those of the validation part to measure on, if anything is held out."""
    training_part, validation_part = parts
    shape = {"seq_len": values["seq_len"], "batch_size": values["batch_size"], "random_seed": values["random_seed"]}
    with _long_enough("Take more text, or --seq-len {} or less"):
        training = make_batching(values["batching"], training_part, **shape)
    if len(validation_part.tokens) == 0:
        return training, None
    advice = "It is what is held out.  Take more text, a larger --validation-fraction, or --seq-len {} or less"
    with _long_enough(advice):
        return training, make_batching(
            values["batching"], validation_part, **shape, for_evaluation=True, at_most=EVALUATED_TARGETS
        )


@contextlib.contextmanager
def _long_enough(advice: str) -> Iterator[None]:
    """Say what to do where a part is shorter than one window; the advice takes the longest one."""
    try:
        yield
    except TooShortError as error:
        msg = f"{error}  {advice.format(error.longest)}"
        raise CorpusError(msg) from error


def build_model(
    backend: Backend, spec: ModelSpec, values: Mapping[str, Any], *, weights: Weights | None = None
) -> Model:
    """The model of a shape, built to train by these options; with these weights, or fresh ones.

    Raises:
        PluginError: the backend gives no model, or weights that it does not state, which nothing could load.
    """
    model = backend.build(
        spec,
        device=values["device"],
        precision=values["precision"],
        random_seed=values["random_seed"],
        deterministic=values["deterministic"],
        optimizer=OptimizerSpec(
            name=values["optimizer"],
            beta_2=values["beta_2"],
            weight_decay=values["weight_decay"],
            grad_clip=values["grad_clip"],
            weight_average=values["weight_average"],
        ),
        weights=weights,
    )
    own = type(backend).__name__
    if not isinstance(model, Model):
        raise PluginError(
            f"{own}.build gives {reprlib.repr(model)}, but must give a Model.  seqgen check-plugin tells more"
        )
    try:
        check_weights(model.weights(), backend.weight_shapes(spec), where=own)
    except DamagedModelError as error:
        raise PluginError(
            f"{error}  It must give the weights that weight_shapes states.  seqgen check-plugin tells more"
        ) from None
    return model


def _spec(tokenizer: Tokenizer, values: Mapping[str, Any]) -> ModelSpec:
    return ModelSpec(
        vocab_size=int(tokenizer.vocab_size),  # which may be NumPy's, and JSON could not hold
        **{option.name: values[option.name] for option in options.options_of(ModelSpec) if option.name in values},
    )


def _budget(values: Mapping[str, Any], training: Batching) -> Budget:
    limits = [values["max_steps"]] if values["max_steps"] else []
    if values["epochs"]:
        limits.append(max(1, round(values["epochs"] * training.steps_per_epoch)))
    return Budget(min(limits, default=None), values["max_time"])


def _shorten_warmup(values: dict[str, Any], origins: dict[str, str], budget: Budget) -> None:
    """Leave a run that is short most of its updates for the full rate and the fall, unless somebody says how long it warms up."""
    if origins["warmup_steps"] != "default":
        return
    if budget.max_steps is not None and (most := int(WARMUP_SHARE * budget.max_steps)) < values["warmup_steps"]:
        values["warmup_steps"], origins["warmup_steps"] = most, "chosen"


def _reach(backend: Backend, spec: ModelSpec, parts: tuple[Part, Part], values: Mapping[str, Any]) -> Reach:
    """How many tokens the budget is enough to train on; where it is a time, a few measured steps tell."""
    training, _ = make_batches(parts, values)
    steps = _budget(values, training).max_steps
    counted = math.inf if steps is None else steps / training.steps_per_epoch * len(training.part.tokens)
    if not values["max_time"]:
        return Reach(counted, math.inf)
    return Reach(counted, values["max_time"] * _pace(build_model(backend, spec, values), training, values))


def _pace(model: Model, training: Batching, values: Mapping[str, Any]) -> float:
    """Tokens per second."""
    least = min(PACE_SHARE * values["max_time"], PACE_SECONDS)
    pace = with_fewer_rows(
        lambda: measure(model, training, least_seconds=least),
        model,
        training.batch_size,
        auto_batch=values["auto_batch"],
    )
    return pace.tokens_per_second


def _part(catalog: Catalog, kind: Kind, spec: PartSpec, **fixed: Any) -> tuple[PartEntry, Any]:
    return catalog.find(kind, spec.name), catalog.make(kind, spec, **fixed)
