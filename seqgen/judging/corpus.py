"""The corpus that a model's folder names: read where it is, and taken only if it is what the model was trained on.

A folder may come from a stranger, who could name whatever this machine has.  So what no corpus is, is not opened, and what was
read is held against the fingerprint in the manifest before any of it is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from seqgen import home
from seqgen.checkpoint import find_recorded
from seqgen.core.dataset import Dataset
from seqgen.core.errors import CorpusError, OptionError
from seqgen.core.options import PartSpec
from seqgen.data.reading import Fingerprint
from seqgen.data.store import fingerprint_of
from seqgen.language_model import LanguageModel
from seqgen.training.unasked import objection

ADVICE = "Name it where it is, as it was, with --corpus FILE"


@dataclass(frozen=True)
class RecordedCorpus:
    """What a model was trained on, where its folder says that it is.

    Attributes:
        dataset: reads it as it was read then.
        sources: paths and globs.
        fingerprint: that of the manifest.
    """

    dataset: Dataset
    sources: tuple[str, ...]
    fingerprint: Fingerprint


def recorded_corpus(model: LanguageModel) -> RecordedCorpus:
    """The corpus of a model, which is read to recognise it; nothing of it is kept but the fingerprint.

    Args:
        model: that was trained on it.

    Raises:
        CorpusError: the folder names none, or what is not read unasked; or it cannot be read any more, or has changed.
        DamagedModelError: the folder does not say which dataset read it.
        PartError: that dataset is not installed, or fails.
    """
    lineage = model.saved.manifest.get("corpus", {})
    sources = tuple(map(str, lineage.get("sources", ())))
    if not sources:
        raise CorpusError(f"{model.reference} does not say what it was trained on.  {ADVICE}")
    if lineage.get("sources_left_out"):
        raise CorpusError(
            f"{model.reference} was trained on more sources than the {len(sources):,} that it names.  Name their folder with "
            "--corpus FOLDER"
        )
    if urls := [source for source in sources if "://" in source or source.startswith(("//", "\\\\"))]:
        raise CorpusError(
            f"The corpus of {model.reference} was read from {urls[0]}, and what a model folder names is not fetched unasked.  "
            "Name it with --corpus URL"
        )
    if refusal := objection(sources, lineage.get("characters", 0)):
        raise CorpusError(f"{model.reference} says that it was trained on {refusal}, so that is not read.  {ADVICE}")
    try:
        dataset = recorded_dataset(model, sources)
        fingerprint = fingerprint_of(dataset, home.tokens_folder())
    except (CorpusError, OptionError) as error:
        raise CorpusError(f"The corpus of {model.reference} cannot be read any more: {error}  {ADVICE}") from error
    if fingerprint.sha256 != lineage.get("fingerprint"):
        raise CorpusError(
            f"The corpus of {model.reference}, {', '.join(sources)}, has changed since the training, so what was copied "
            f"from it, or held out, cannot be told.  {ADVICE}"
        )
    return RecordedCorpus(dataset, sources, fingerprint)


def recorded_dataset(model: LanguageModel, sources: Sequence[str]) -> Dataset:
    """The dataset that a model was trained with, to read these sources.

    Raises:
        DamagedModelError: the model's folder names none.
        OptionError: it is not one that can be made so.
        PartError: it is not installed, or fails.
    """
    find_recorded(model.catalog, "dataset", model.saved.config, where=model.saved.where)
    record = model.saved.config.parts["dataset"]
    dataset: Dataset = model.catalog.make(
        "dataset", PartSpec(f"{record.distribution}/{record.name}", record.options), sources=tuple(sources)
    )
    return dataset
