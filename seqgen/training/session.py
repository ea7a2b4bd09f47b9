"""From a corpus and options to a published model: everything around the training loop."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from seqgen import home
from seqgen.checkpoint import TOKENIZER, ModelConfig, PartRecord, SavedModel, find_recorded
from seqgen.core import options
from seqgen.core.backend import Backend, Model
from seqgen.core.callback import Callback
from seqgen.core.catalog import Catalog, PartEntry
from seqgen.core.dataset import Dataset
from seqgen.core.errors import MissingDependencyError, OptionError, OutputError, TrainingError
from seqgen.core.options import PartSpec
from seqgen.core.spec import ModelSpec, OptimizerSpec
from seqgen.core.tokenizer import Tokenizer
from seqgen.data.batching import Batching, make_batching
from seqgen.data.split import split
from seqgen.data.store import TokenStore, open_or_build
from seqgen.evaluation import count_characters
from seqgen.registry import ModelVersion, Registry, check_name
from seqgen.training.defaults import Corpus, choose
from seqgen.training.follower import Follower, GuardedCallback, Sample
from seqgen.training.interruption import Interruption, interruption
from seqgen.training.progress import Reporter
from seqgen.training.publish import Facts, publish, record
from seqgen.training.run import Run
from seqgen.training.schedule import Budget, Schedule
from seqgen.training.sources import resolve_sources
from seqgen.training.trainer import Trainer


@dataclass(frozen=True)
class Outcome:
    """What a run gave.

    Attributes:
        version: the published model.
        record: what ``train --json`` prints.
        signal_number: the signal that ended the run early, or None.
    """

    version: ModelVersion
    record: dict[str, Any]
    signal_number: int | None


@dataclass
class Session:
    """Trains on behalf of a person: the catalog to take parts from, and who is told what.

    Attributes:
        catalog: the parts.
        reporter: shows progress.
        sample: writes a short text now and then, for the reporter.
        log_to: callbacks, as ``NAME:key=value``.
        callbacks: callbacks that are there already; they are called after those.
        training_folder: where the states of runs are kept until they end.
        registry: where models are published.
    """

    catalog: Catalog
    reporter: Reporter
    sample: Sample
    log_to: Sequence[str] = ()
    callbacks: Sequence[Callback] = ()
    training_folder: Path = field(default_factory=home.training_folder)
    registry: Registry = field(default_factory=lambda: Registry(home.models_folder()))

    def start(
        self,
        sources: Sequence[str],
        values: Mapping[str, Any],
        origins: Mapping[str, str],
        *,
        name: str | None = None,
        parent: SavedModel | None = None,
    ) -> Outcome:
        """Train a new model.

        Args:
            sources: files, folders, globs, URLs, ``-``, or names of corpora.
            values: every option of ``TrainingOptions``; None is chosen here.
            origins: where each value came from.
            name: of the model; default: after the first source.
            parent: a model to go on from: its tokenizer, shape and weights.
        """
        callbacks = self._callbacks()
        resolved = resolve_sources(sources)
        name = name or name_after(resolved.sources[0])
        check_name(name)
        values, origins = dict(values), dict(origins)
        if resolved.dataset and origins["dataset"] == "default":
            values["dataset"], origins["dataset"] = resolved.dataset, f"corpus {resolved.sources[0]}"
        # What is quickly found wrong is told before a framework is imported, and that before the corpus is read.
        dataset_entry, dataset = self._part("dataset", values["dataset"], sources=resolved.paths)
        if parent is None:
            tokenizer_entry, tokenizer = self._part("tokenizer", values["tokenizer"])
        else:
            tokenizer_entry = find_recorded(self.catalog, "tokenizer", parent.config, where=parent.where)
            tokenizer = parent.tokenizer(self.catalog)
            _inherit(parent, values, origins)
        if sentence := media_mismatch(dataset_entry, dataset, tokenizer_entry, tokenizer):
            raise OptionError(sentence)
        next(dataset.documents(), None)
        backend_entry, backend = self._backend(values)
        _choose_architecture(backend_entry, backend, values, origins)
        if parent is None:
            tokenizer = tokenizer.fit(document.content for document in dataset.documents())
        store = open_or_build(dataset, tokenizer, home.tokens_folder())
        part, _ = split(store, values["validation_fraction"])
        corpus = Corpus(len(part.tokens), len(store.starts) - 1, tokenizer.vocab_size)
        chosen, sentence = choose(values, corpus, dataset_batching=dataset.batching)
        values |= chosen
        origins |= dict.fromkeys(chosen, "chosen")
        spec = ModelSpec(
            vocab_size=tokenizer.vocab_size,
            **{option.name: values[option.name] for option in options.options_of(ModelSpec) if option.name in values},
        )
        config = ModelConfig(
            model=spec,
            parts={
                "tokenizer": PartRecord.of(tokenizer_entry, tokenizer),
                "dataset": PartRecord.of(dataset_entry, dataset),
                "backend": PartRecord.of(backend_entry, backend),
            },
            training=values,
            origins=origins,
            has_ends=store.has_ends,
        )
        batches = _batches(store, values)
        model = self._build(backend, config, weights=parent.weights(backend) if parent else None)
        run = Run.create(
            self.training_folder,
            name,
            config,
            tokenizer.state(),
            {
                "sources": list(resolved.paths),
                "fingerprint": store.fingerprint,
                "parent": parent.where if parent else None,
                "log_to": list(self.log_to),
            },
        )
        self.reporter.note(f"corpus   {sentence}")
        return self._go(run, config, tokenizer, store, batches, model, callbacks, resume=False)

    def resume(self, name: str | None, budget: Mapping[str, Any]) -> Outcome:
        """Go on with the newest unfinished run, exactly where its last checkpoint was.

        Args:
            name: of the model; None: of any.
            budget: options that may change: epochs, max_steps, max_time, device, checkpoint_every; None leaves one.

        Raises:
            OptionError: the corpus is not the one that the run was started on.
        """
        run = Run.find(self.training_folder, name)
        try:
            config = run.config()
            given = {key: value for key, value in budget.items() if value is not None}
            origins = config.origins | dict.fromkeys(given, "resume")
            config = replace(config, training=config.training | given, origins=origins)
            about = run.read("run.json")
            self.log_to = self.log_to or tuple(map(str, about["log_to"]))
            callbacks = self._callbacks()
            tokenizer_entry = find_recorded(self.catalog, "tokenizer", config, where=str(run.folder))
            tokenizer = tokenizer_entry.load().from_state(run.read(TOKENIZER))
            dataset_record = config.parts["dataset"]
            dataset = self.catalog.make(
                "dataset",
                PartSpec(f"{dataset_record.distribution}/{dataset_record.name}", dataset_record.options),
                sources=tuple(about["sources"]),
            )
            store = open_or_build(dataset, tokenizer, home.tokens_folder())
            if store.fingerprint != about["fingerprint"]:
                msg = (
                    f"The corpus of {run.name} has changed since the run was started ({', '.join(about['sources'])}).  "
                    f"Put it back, or start anew with --from."
                )
                raise OptionError(msg)
            backend_record = config.parts["backend"]
            backend = self.catalog.make(
                "backend", PartSpec(f"{backend_record.distribution}/{backend_record.name}", backend_record.options)
            )
            batches = _batches(store, config.training)
            model = self._build(backend, config, weights=None)
            run.change(config)
        except BaseException:
            run.close()
            raise
        return self._go(run, config, tokenizer, store, batches, model, callbacks, resume=True)

    def _go(
        self,
        run: Run,
        config: ModelConfig,
        tokenizer: Tokenizer,
        store: TokenStore,
        batches: tuple[Batching, Batching | None],
        model: Model,
        callbacks: list[GuardedCallback],
        *,
        resume: bool,
    ) -> Outcome:
        values = config.training
        training, validation = batches
        if training.batch_size < values["batch_size"]:
            self.reporter.note(f"corpus   small, so batch_size is {training.batch_size} and not {values['batch_size']}")
        scored = (validation or training).part.tokens
        ratio = count_characters(tokenizer, scored) / max(len(scored), 1)
        follower = Follower(run, tokenizer, config.has_ends, self.reporter, self.sample, callbacks, ratio)
        trainer = Trainer(
            model=model,
            training=training,
            validation=validation,
            budget=Budget(_max_steps(values, training.steps_per_epoch), values["max_time"]),
            schedule=Schedule(values["lr_schedule"], values["learning_rate"], values["warmup_steps"]),
            eval_every=training.steps_per_epoch if values["eval_every"] == "epoch" else values["eval_every"],
            patience=values["patience"],
            checkpoint_every=values["checkpoint_every"],
            observer=follower,
        )
        if resume:
            run.restore(trainer)
            self.reporter.note(f"resume   {run.name} at step {trainer.counters.step:,}")
        parameters = sum(tensor.size for tensor in model.weights().values())
        self.reporter.note(
            f"model    {run.name}: {config.model.architecture} {config.model.num_layers} x {config.model.hidden_size}, "
            f"{parameters:,} parameters, {config.parts['backend'].name} on {model.device}, {model.precision}"
        )
        for callback in callbacks:
            callback.call("on_start", {"model": run.name, **values}, run.folder)
        failure: TrainingError | None = None
        with interruption(lambda signal: self.reporter.note(f"{signal}: finishing this step and saving ...")) as asked:
            trainer.stop = asked
            try:
                trainer.run()
            except TrainingError as error:
                failure = error
            finally:
                self.reporter.close()
        facts = Facts(run, config, tokenizer, store, model, trainer, ratio, parameters)
        return self._finish(facts, callbacks, asked, failure)

    def _finish(
        self, facts: Facts, callbacks: list[GuardedCallback], asked: Interruption, failure: TrainingError | None
    ) -> Outcome:
        run = facts.run
        if facts.trainer.best_weights is None:
            run.close()
            raise failure or TrainingError(f"Training of {run.name} ended before its first step; nothing to publish.")
        try:
            version = publish(facts, self.registry)
        except OutputError as error:
            run.save(facts.trainer)
            run.close()
            msg = f"{error}\nWhat was trained is kept.  Once it can be written: seqgen train --resume {run.name}"
            raise OutputError(msg) from error
        outcome = record(facts, version, interrupted=asked())
        for callback in callbacks:
            callback.call("on_end", outcome)
        if failure is not None:
            run.close()
            msg = f"{failure}\nThe best weights before that are kept as {version}."
            raise TrainingError(msg) from failure
        if asked():
            run.close()
            self.reporter.note(f"Saved as {version}.  To go on: seqgen train --resume {run.name}")
        else:
            run.remove()
        return Outcome(version, outcome, asked.signal_number)

    def _callbacks(self) -> list[GuardedCallback]:
        named = [(f"--log-to {spec}", self.catalog.make("callback", spec)) for spec in self.log_to]
        there = [(f"callback {type(callback).__name__}", callback) for callback in self.callbacks]
        return [GuardedCallback(spec, callback, self.reporter) for spec, callback in [*named, *there]]

    def _part(self, kind: Any, text: str, **fixed: Any) -> tuple[PartEntry, Any]:
        spec = PartSpec.parse(text)
        return self.catalog.find(kind, spec.name), self.catalog.make(kind, spec, **fixed)

    def _backend(self, values: dict[str, Any]) -> tuple[PartEntry, Backend]:
        """The backend that is named, or the first installed one that trains."""
        if values["backend"] is None:
            for entry in self.catalog.entries("backend"):
                if not entry.missing and entry.load().can_train:
                    values["backend"] = entry.name
                    return entry, entry.load()()
            msg = "No backend that trains is installed.  pip install 'seqgen[torch]' or 'seqgen[keras]'"
            raise MissingDependencyError(msg)
        entry, backend = self._part("backend", values["backend"])
        if not backend.can_train:
            msg = f"Backend {entry.name} generates but does not train.  Try --backend torch or --backend keras"
            raise OptionError(msg)
        return entry, backend

    def _build(self, backend: Backend, config: ModelConfig, *, weights: Any) -> Model:
        values = config.training
        return backend.build(
            config.model,
            device=values["device"],
            precision=values["precision"],
            random_seed=values["random_seed"],
            deterministic=values["deterministic"],
            optimizer=OptimizerSpec(
                name=values["optimizer"],
                beta_2=values["beta_2"],
                weight_decay=values["weight_decay"],
                grad_clip=values["grad_clip"],
            ),
            weights=weights,
        )


def _batches(store: TokenStore, values: Mapping[str, Any]) -> tuple[Batching, Batching | None]:
    """The batches to train on, and those to measure on, if any of the corpus is held out."""
    training_part, validation_part = split(store, values["validation_fraction"])
    shape = {"seq_len": values["seq_len"], "batch_size": values["batch_size"], "random_seed": values["random_seed"]}
    training = make_batching(values["batching"], training_part, **shape)
    if len(validation_part.tokens) == 0:
        return training, None
    return training, make_batching(values["batching"], validation_part, **shape, for_evaluation=True)


def _max_steps(values: Mapping[str, Any], steps_per_epoch: int) -> int | None:
    limits = [values["max_steps"]] if values["max_steps"] else []
    if values["epochs"]:
        limits.append(max(1, round(values["epochs"] * steps_per_epoch)))
    return min(limits, default=None)


def media_mismatch(
    dataset_entry: PartEntry,
    dataset: Dataset | type[Dataset],
    tokenizer_entry: PartEntry,
    tokenizer: Tokenizer | type[Tokenizer],
) -> str:
    """Why this tokenizer cannot take what this dataset gives, in a sentence; empty if it can."""
    if dataset.media_type == tokenizer.media_type:
        return ""
    return (
        f"Dataset {dataset_entry.name} gives {dataset.media_type}, but tokenizer {tokenizer_entry.name} takes "
        f"{tokenizer.media_type}."
    )


def _inherit(parent: SavedModel, values: dict[str, Any], origins: dict[str, str]) -> None:
    """Take the shape and the tokenizer of the parent; an option given otherwise is an error."""
    inherited = {option.name: getattr(parent.config.model, option.name) for option in options.options_of(ModelSpec)}
    inherited["tokenizer"] = parent.config.training["tokenizer"]
    for name, value in inherited.items():
        if name not in values:
            continue
        given = origins[name] != "default"
        if given and name != "dropout" and values[name] != value:
            msg = f"{name} is {values[name]}, but {parent.where} was made with {value}.  Leave it out to go on from {parent.where}"
            raise OptionError(msg)
        if not given:
            values[name], origins[name] = value, f"model {parent.where}"


def _choose_architecture(entry: PartEntry, backend: Backend, values: dict[str, Any], origins: dict[str, str]) -> None:
    """Keep the architecture where the backend has it; take the backend's first where none was named."""
    known = backend.architectures()
    if values["architecture"] in known:
        return
    if origins["architecture"] != "default":
        msg = f'Backend "{entry.name}" has no architecture "{values["architecture"]}".  It has: {", ".join(known)}'
        raise OptionError(msg)
    values["architecture"], origins["architecture"] = known[0], f"backend {entry.name}"


def name_after(source: str) -> str:
    """The name of a model where none is given: that of its source."""
    stem = re.sub(r"\.(txt|gz|zst|text|md|abc)+$", "", Path(source.rstrip("/*")).name, flags=re.IGNORECASE)
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("-._")[:100]
    return name or "model"
