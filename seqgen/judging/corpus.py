"""The corpus that a model's folder names: read where it is, and taken only if it is what the model was trained on.

A folder may come from a stranger, who could name whatever this machine has.  So what no corpus is, is not opened, and what was
read is held against the fingerprint in the manifest before any of it is kept.
"""

from __future__ import annotations

import contextlib
import glob
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from seqgen import home
from seqgen.checkpoint import find_recorded
from seqgen.core.dataset import Dataset
from seqgen.core.errors import CorpusError, OptionError
from seqgen.core.options import PartSpec
from seqgen.data.reading import Fingerprint
from seqgen.data.store import fingerprint_of
from seqgen.language_model import LanguageModel
from seqgen.untrusted import shown

BYTES, SLACK = 64, 1 << 30
"""Bytes of files for each character that a model was trained on, and besides, above which they are not its corpus.

A folder also has files that a dataset passes over, and tables columns; a disk has far more of them.
"""

ADVICE = "Name it where it is, as it was, with --corpus FILE"

_LEAST = 1 << 12  # bytes that a file counts for at least: a million small ones take their time too
_MADE_UP = ("/proc", "/sys")  # files that the system makes up as they are read, some of which wait, or never end


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
    characters = lineage.get("characters", 0)
    if objection := _objection(sources, BYTES * characters + SLACK):
        raise CorpusError(f"{model.reference} says that it was trained on {objection}, so that is not read.  {ADVICE}")
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


def _objection(sources: Iterable[str], most: float) -> str:
    """The source that no corpus is, and why; empty where there is none.  No file is opened.

    Args:
        sources: as a manifest has them.
        most: bytes of all their files together.
    """
    total = 0
    for source in sources:
        if not _is_whole_path(source):
            return f"{shown(source)}, which is no whole path"
        if _is_of_the_system(source):
            return f"{shown(source)}, where the files of the system are"
        for status in _files(source):
            if not stat.S_ISREG(status.st_mode):
                return f"{shown(source)}, which is neither a file nor a folder"
            total += max(status.st_size, _LEAST)
            if total > most:
                return f"far less than {shown(source)} has"
    return ""


def _is_whole_path(source: str) -> bool:
    try:
        return Path(source).is_absolute() and b"\0" not in os.fsencode(source)
    except UnicodeEncodeError:
        return False


def _is_of_the_system(source: str) -> bool:
    """Whether it is the root of a disk, or lies where files are made up; of a glob, what is before its first wildcard."""
    path = Path(source)
    while glob.has_magic(str(path)):
        path = path.parent
    path = Path(os.path.realpath(path))
    return path == path.parent or any(path.is_relative_to(folder) for folder in _MADE_UP)


def _files(source: str) -> Iterator[os.stat_result]:
    """What the files are that :func:`seqgen.core.files.find_sources` would find; without those that are not there any more."""
    if glob.has_magic(source) and not os.path.lexists(source):
        folders = []
        matched = False
        for match in glob.iglob(source, recursive=True):  # noqa: PTH207  one after the other, and also absolute ones
            if os.path.isdir(match):  # noqa: PTH112  Path.is_dir raises where a folder may not be entered
                folders.append(match)
            else:
                matched = True
                yield from _status(match)
        if matched:
            return
    else:
        folders = [source]
    for folder in folders:
        if os.path.isdir(folder):  # noqa: PTH112  the same
            yield from _below(folder)
        else:
            yield from _status(folder)


def _below(folder: str) -> Iterator[os.stat_result]:
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            if not name.startswith("."):
                yield from (each for each in _status(f"{place}/{name}") if stat.S_ISREG(each.st_mode))


def _status(path: str) -> Iterator[os.stat_result]:
    with contextlib.suppress(OSError):
        yield os.stat(path)  # noqa: PTH116  of 100,000 files, Path takes half the time
