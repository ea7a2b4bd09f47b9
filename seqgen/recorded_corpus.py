"""The corpus that a model's folder names: read where it is, and taken only if it is what the model was trained on.

A folder may come from a stranger, who could name whatever this machine has.  So what no corpus is, is not opened, and what was
read is held against the fingerprint in the manifest before any of it is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from seqgen import home
from seqgen.checkpoint import SavedModel
from seqgen.core.catalog import Catalog
from seqgen.core.dataset import Dataset
from seqgen.core.errors import CorpusError, OptionError
from seqgen.corpus_guard import objection
from seqgen.data.reading import Fingerprint
from seqgen.data.store import fingerprint_of
from seqgen.recorded_parts import make_recorded

_ADVICE = "Name it where it is, as it was, with --corpus FILE"


@dataclass(frozen=True)
class RecordedCorpus:
    """What a model was trained on, where it is now.

    Attributes:
        dataset: reads it as it was read then.
        sources: paths and globs.
        fingerprint: that of the manifest.
    """

    dataset: Dataset
    sources: tuple[str, ...]
    fingerprint: Fingerprint


def recorded_corpus(
    saved: SavedModel, catalog: Catalog, *, sources: Sequence[str] = (), advice: str = ""
) -> RecordedCorpus:
    """The corpus of a model, which is read to recognise it; nothing of it is kept but the fingerprint.

    Args:
        saved: the model that was trained on it.
        catalog: has the dataset that reads it.
        sources: where a person says that it is; none: where the model's folder says, as far as that is read unasked.
        advice: what a person can do where it is refused; empty: name it with ``--corpus``.

    Raises:
        CorpusError: the folder names none, or what is not read unasked; or it cannot be read any more, or has changed.
        DamagedModelError: the folder does not say which dataset read it.
        PartError: that dataset is not installed, or fails.
    """
    lineage = saved.manifest.get("corpus", {})
    found = tuple(sources) or _named_sources(saved.where, lineage, advice)
    try:
        dataset = recorded_dataset(saved, catalog, found)
        fingerprint = fingerprint_of(dataset, home.tokens_folder())
    except (CorpusError, OptionError) as error:
        raise CorpusError(
            f"The corpus of {saved.where} cannot be read any more: {error}  {advice or _ADVICE}"
        ) from error
    if fingerprint.sha256 != lineage.get("fingerprint"):
        raise CorpusError(
            f"{', '.join(found)} is not what {saved.where} was trained on: it has changed.  {advice or _ADVICE}"
        )
    return RecordedCorpus(dataset, found, fingerprint)


def recorded_dataset(saved: SavedModel, catalog: Catalog, sources: Sequence[str]) -> Dataset:
    """The dataset that a model was trained with, to read these sources.

    Raises:
        DamagedModelError: the model's folder names none.
        OptionError: it is not one that can be made so.
        PartError: it is not installed, or fails.
    """
    return make_recorded(catalog, "dataset", saved.config, where=saved.where, sources=tuple(sources))


def _named_sources(where: str, lineage: Any, advice: str) -> tuple[str, ...]:
    """The sources of a manifest, none of which is opened."""
    sources = tuple(map(str, lineage.get("sources", ())))
    if not sources:
        raise CorpusError(f"{where} does not say what it was trained on.  {advice or _ADVICE}")
    if lineage.get("sources_left_out"):
        raise CorpusError(
            f"{where} was trained on more sources than the {len(sources):,} that it names.  "
            f"{advice or 'Name their folder with --corpus FOLDER'}"
        )
    if "-" in sources:  # what is trained on from there is kept as a file, and named as that
        raise CorpusError(
            f"{where} does not say where its corpus is, only that it was read from standard input.  {advice or _ADVICE}"
        )
    if urls := [source for source in sources if "://" in source or source.startswith(("//", "\\\\"))]:
        raise CorpusError(
            f"The corpus of {where} was read from {urls[0]}, and what a model folder names is not fetched unasked.  "
            f"{advice or 'Name it with --corpus URL'}"
        )
    if refusal := objection(sources, lineage.get("characters", 0)):
        raise CorpusError(f"{where} says that it was trained on {refusal}, so that is not read.  {advice or _ADVICE}")
    return sources
