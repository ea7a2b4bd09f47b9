"""A finished run as a model folder in the registry, and as the record that ``train --json`` prints."""

from __future__ import annotations

import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from seqgen import __version__, files
from seqgen.checkpoint import write_weights
from seqgen.core.errors import OutputError, TrainingError
from seqgen.core.redact import redacted
from seqgen.manifest import CARD, CONFIG, METRICS, NGRAMS, SAMPLES, TOKENIZER, WEIGHTS, write_manifest
from seqgen.model_config import ModelConfig, config_to_json
from seqgen.registry import ModelVersion, Registry
from seqgen.training.card import model_card
from seqgen.training.metrics import published_metrics
from seqgen.training.mixing import Mixed
from seqgen.training.preparation import Preparation
from seqgen.training.run import Run
from seqgen.training.samples import SavedSamples, as_texts
from seqgen.training.trainer import DivergedError, Trainer

FRAMEWORKS = ("torch", "keras", "tensorflow", "jax", "numpy", "safetensors")
"""Modules whose versions a manifest records, where they are loaded."""

SOURCES = 1000
"""A manifest names so many sources at most: a reader refuses one that is larger than a few megabytes."""


@dataclass(frozen=True)
class Facts:
    """All that is known of a run that has ended.

    Attributes:
        prepared: what was trained.
        mixed: n-grams that are published with the network, or None.
        failed: whether training could not go on, so that these are the best weights before.
    """

    run: Run
    prepared: Preparation
    trainer: Trainer
    mixed: Mixed | None = None
    failed: bool = False

    def results(self) -> dict[str, Any]:
        """The figures of the published weights, what the whole run took, and whether it was left to its end."""
        now, characters = self.trainer.counters, self.prepared.characters_per_token
        seconds = max(now.seconds, 1e-9)
        validation_loss = now.best_loss if self.mixed is None else self.mixed.loss
        # The run may have gone on after these weights; one of before, which did not keep this loss, has only that of its end.
        train_loss = now.train_loss if now.best_train_loss is None else now.best_train_loss
        loss = train_loss if validation_loss is None else validation_loss
        return {
            "steps": now.step,
            "epochs": round(now.epoch + now.epoch_step / self.trainer.training.steps_per_epoch, 4),
            "seconds": round(now.seconds, 3),
            "tokens": now.tokens,
            "tokens_per_second": round(now.tokens / seconds, 1),
            "characters_per_second": round(now.tokens * characters.training / seconds, 1),
            "train_loss": train_loss,
            "validation_loss": validation_loss,
            "best_step": now.best_step,
            "bits_per_character": characters.validation_bits(loss),
            "training_characters_per_token": characters.training,
            "parameters": self.prepared.parameters,
            "backend": self.prepared.config.parts["backend"].name,
            "device": self.prepared.model.device,
            "precision": self.prepared.model.precision,
            "failed": self.failed,
            "interrupted": self.trainer.stop(),
            "stopped_by_callback": self.trainer.observer.ends()
            and self.trainer.budget.progress(now.step, now.seconds) < 1,
            "setbacks": now.setbacks,
            **({} if self.mixed is None else {"network_loss": now.best_loss, "ngram_order": self.mixed.order}),
        }


def publish(
    facts: Facts, registry: Registry, samples: Callable[[Path], SavedSamples | None] = lambda _: None
) -> ModelVersion:
    """Write the best weights and all that belongs to them as the next version of the model.

    Args:
        facts: of the run.
        registry: where the model goes.
        samples: lets the model of a folder write a few texts, to be kept with it.

    Raises:
        OutputError: the registry cannot be written; the run's own folder still has everything.
    """
    weights = facts.trainer.best_weights
    if weights is None:
        msg = f"Training of {facts.run.name} has no weights to publish."
        raise TrainingError(msg)
    about, prepared = facts.run.about(), facts.prepared
    sources = [redacted(source) for source in about.sources]
    with registry.new_folder() as folder:
        write_weights(folder / WEIGHTS, weights)
        if facts.mixed is not None:
            write_weights(folder / NGRAMS, facts.mixed.tensors)
        files.write_json(folder / CONFIG, config_to_json(prepared.config))
        files.write_json(folder / TOKENIZER, prepared.tokenizer.state())
        with files.writing(folder):
            if (facts.run.folder / METRICS).exists():
                files.write_bytes(folder / METRICS, (facts.run.folder / METRICS).read_bytes())
        lineage = {
            "name": facts.run.name,
            "created": datetime.now(UTC).isoformat(timespec="microseconds"),
            "results": facts.results(),
            "corpus": {
                "sources": sources[:SOURCES],
                **({"sources_left_out": len(sources) - SOURCES} if len(sources) > SOURCES else {}),
                "fingerprint": prepared.store.fingerprint,
                "documents": len(prepared.store.starts) - 1,
                "characters": prepared.store.characters,
            },
            "parent": about.parent,
            "parent_sha256": about.parent_sha256,
            "versions": _versions(prepared.config),
            "machine": {
                "system": platform.platform(),
                "processor": platform.machine(),
                "device": prepared.model.device,
            },
        }
        describe(folder, facts.run.name, prepared.config, lineage, samples)
        return registry.publish(facts.run.name, folder, made_now=True)


def describe(
    folder: Path,
    name: str,
    config: ModelConfig,
    lineage: Mapping[str, Any],
    samples: Callable[[Path], SavedSamples | None],
) -> None:
    """Write what is said of a model whose other files are there: samples, card and manifest.

    Args:
        folder: of the model.
        name: of the model.
        config: what ``config.json`` says.
        lineage: what the manifest is to say beside the list of files.
        samples: lets the model of a folder write a few texts.
    """
    write_manifest(folder, lineage)  # a whole model now, which can write
    written = samples(folder)
    if written is not None:
        files.write_json(folder / SAMPLES, written.to_json())
    metrics = published_metrics(folder / METRICS)
    card = model_card(name, config, lineage, samples=as_texts(written), metrics=metrics)
    files.write_bytes(folder / CARD, card.encode("utf-8", "backslashreplace"))
    write_manifest(folder, lineage)


def save_unless_saved(facts: Facts) -> None:
    """Save a checkpoint of this step, unless there is one.

    The one that is there may be from before the measurement that a signal asked for; going on from it is as if there had been no signal.

    Raises:
        DivergedError, OutputError: see ``Run.save``.
    """
    if facts.run.newest_step() != facts.trainer.counters.step:
        facts.run.save(facts.trainer)


def rescue(facts: Facts) -> str:
    """Save what could not be published: as a checkpoint, or where that cannot be written either, somewhere else.

    Returns:
        What is kept, and what to do, in sentences.
    """
    name = facts.run.name
    resume = f"Once it can be written: seqgen train --resume {name}"
    try:
        save_unless_saved(facts)
    except (OutputError, DivergedError):
        folder: Path | None = None
        try:
            folder = Path(tempfile.mkdtemp(prefix="seqgen-"))  # which a full disk does not take either
            version = publish(facts, Registry(folder))
        except (OutputError, OSError):
            if folder is not None:
                shutil.rmtree(folder, ignore_errors=True)
            return f"{kept(facts.run)}  {resume}"
        if facts.run.newest_step() is None:
            resume = f"Once it can be written: seqgen models import {version.folder} --name {name}"
        return f"{kept(facts.run)}  The model as it is now: {version.folder}.  {resume}"
    return f"What was trained is kept.  {resume}"


def kept(run: Run) -> str:
    """What a run can go on from, in a sentence."""
    step = run.newest_step()
    return "There is no checkpoint yet." if step is None else f"The checkpoint of step {step:,} is kept."


def record(facts: Facts, version: ModelVersion) -> dict[str, Any]:
    """What ``train --json`` prints."""
    return {
        **version.record(),
        **facts.results(),
        "training": facts.prepared.config.training,
    }


def _versions(config: ModelConfig) -> Mapping[str, str]:
    versions = {"seqgen": __version__, "python": platform.python_version()}
    for name in FRAMEWORKS:
        # Not the metadata of a distribution, which may have another name, such as tensorflow-cpu, or none.
        if version := getattr(sys.modules.get(name), "__version__", None):
            versions[name] = str(version)
    return versions | {part.distribution: part.version for part in config.parts.values()}
