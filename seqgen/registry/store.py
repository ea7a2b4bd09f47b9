"""Names and versions in the registry.  A version appears by rename when it is whole, and never changes afterwards."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqgen import files, home, locks
from seqgen.core.errors import DamagedModelError, ModelNotFoundError, OutputError, UsageError
from seqgen.core.nearest import nearest_in_words
from seqgen.manifest import MANIFEST, read_lineage
from seqgen.registry import order
from seqgen.registry.folders import entries, lock_of, readable_subfolders, subfolders
from seqgen.registry.labels import Labels
from seqgen.registry.names import BEST, HIGHEST_KEPT, LATEST, NAME, VERSION, Reference, check_name

if TYPE_CHECKING:
    from seqgen.checkpoint import SavedModel

TRASH = ".trash"
"""The folder of what was removed and may be restored, in the registry's own."""

PATIENCE = 60.0
"""Seconds to wait for another process that is changing labels or moving versions."""


@dataclass(frozen=True)
class ModelVersion:
    """One published version of a model."""

    name: str
    version: int
    folder: Path

    def __str__(self) -> str:
        return f"{self.name}:{self.version}"

    def record(self) -> dict[str, Any]:
        """Which it is and where, as JSON has it."""
        return {"model": self.name, "version": self.version, "path": str(self.folder)}

    def open(self) -> SavedModel:
        """Read and check its folder."""
        from seqgen.checkpoint import SavedModel  # which imports NumPy, and listing needs none

        return SavedModel.open(self.folder, where=str(self), version=self)

    def manifest(self) -> Mapping[str, Any]:
        """Its manifest alone, not held against the files: enough to list it."""
        return read_lineage(self.folder, where=str(self))

    def identity(self) -> str:
        """SHA-256 of its manifest, and so of all that it holds: what stays when it is renamed, copied or sent elsewhere.

        Raises:
            DamagedModelError: it has no manifest that can be read.
        """
        return identity_of(self.folder, where=str(self))


@dataclass(frozen=True)
class Registry:
    """The models in one folder."""

    folder: Path

    @classmethod
    def at_home(cls) -> Registry:
        """The one in which the commands keep models; see :mod:`seqgen.home`.

        Raises:
            UsageError: it is not known where that is.
        """
        return cls(home.models_folder())

    def names(self) -> list[str]:
        """The names of all models that may be looked at, sorted."""
        return [name for name in subfolders(self.folder, NAME) if readable_subfolders(self.folder / name, VERSION)]

    def versions(self, name: str) -> list[ModelVersion]:
        """The published versions of a model, oldest first; empty if there is none.

        Raises:
            PermissionError: they may not be looked at.
        """
        return versions_in(self.folder, name)

    def all(self) -> Iterator[ModelVersion]:
        """Every version of every model that may be looked at."""
        return all_in(self.folder)

    def latest(self) -> ModelVersion:
        """The version that was made last, of any name.

        Raises:
            ModelNotFoundError: nothing has been trained yet.
        """
        from seqgen.registry.summary import times  # which imports this module

        made = times(self)
        if not made:
            msg = f"No model has been trained yet ({self.folder} has none).  Train one: seqgen train"
            raise ModelNotFoundError(msg)
        # Of all, not of the highest number of each name: what was copied or pulled there may be older than those before it.
        _, newest = max(made, key=lambda each: (each[0], each[1].version))
        return newest

    def find(self, reference: str) -> ModelVersion:
        """The version that a person names: ``NAME`` (its latest), ``NAME:3``, or ``NAME@alias``.

        Every model has the aliases ``latest`` and ``best`` (see :func:`best`); others are set by a person.

        Raises:
            UsageError: not such a reference.
            ModelNotFoundError: there is no such model, version or alias; names what there is.
        """
        named = Reference.parse(reference)
        versions = self.versions(named.name)
        if not versions:
            raise ModelNotFoundError(self._no_such_name(named.name))
        if named.alias == BEST:
            return versions[best([facts_of(version) for version in versions])]
        if named.alias in (None, LATEST) and named.version is None:
            return versions[-1]
        number = named.version if named.version is not None else self._aliased(named.name, str(named.alias))
        for version in versions:
            if version.version == number:
                return version
        raise ModelNotFoundError(self._no_such_version(named, number, versions))

    def locate(self, model: str | Path) -> ModelVersion | Path:
        """What a person names by reference, as :meth:`find` has it, or by path: a version, or the model folder that lies there.

        A name is that of a version, unless only a folder has it.

        Raises:
            UsageError, ModelNotFoundError: see :meth:`find`; or there is no such folder.
        """
        path = Path(model)
        # Not by the path's parts: on Windows n:3 has two, the drive n: and 3.
        if not isinstance(model, Path) and not {"/", os.sep, os.altsep} & {*model}:
            try:
                return self.find(model)
            except (ModelNotFoundError, UsageError):
                if not model or not path.is_dir():
                    raise
        if not path.is_dir():
            msg = f"There is no model folder {model}."
            raise ModelNotFoundError(msg)
        return path

    def version_at(self, folder: Path) -> ModelVersion | None:
        """The version that lies in a folder; None where that is not one of this registry."""
        name, number = folder.parent.name, folder.name
        known = folder.parent.parent == self.folder and re.fullmatch(NAME, name) and re.fullmatch(VERSION, number)
        return ModelVersion(name, int(number), folder) if known else None

    def parent_of(self, manifest: Mapping[str, Any]) -> ModelVersion | None:
        """The version that training started from, wherever it is now; None where it is not here, or there was none."""
        reference, identity = manifest.get("parent"), manifest.get("parent_sha256")
        if not isinstance(reference, str):
            return None
        named: ModelVersion | None = None
        with contextlib.suppress(ModelNotFoundError, UsageError):
            named = self.find(reference)
        if identity is None or (named is not None and _is(named, identity)):
            return named
        return next((version for version in self.all() if _is(version, identity)), None)

    def labels(self, name: str) -> Labels:
        """The aliases, tags and notes of a model.

        Raises:
            DamagedModelError: their file cannot be read.
        """
        return Labels.read(self.folder / name)

    def change_labels(self, name: str, change: Callable[[Labels], Labels]) -> Labels:
        """Change the labels of a model, alone; gives them as they are then.

        Raises:
            DamagedModelError: what is there cannot be read.
            OutputError: it cannot be written.
        """
        with self.alone():
            labels = change(self.labels(name))
            labels.write(self.folder / name)
        return labels

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other processes from changing labels and from moving versions; publishing goes on beside it.

        Raises:
            OutputError: the registry cannot be written, or another process keeps it for a minute.
        """
        with files.writing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        refusal = f"Another process has been changing {self.folder} for a minute.  Try again when it has ended."
        with locks.locked(self.folder / ".lock", refusal, patience=PATIENCE):
            yield

    @contextlib.contextmanager
    def new_folder(self) -> Iterator[Path]:
        """A folder to fill and then publish; ``gc`` leaves it alone as long as this process lives.

        Raises:
            OutputError: the registry cannot be written.
        """
        folder = self.folder / f".new-{uuid.uuid4().hex}"
        with files.writing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        try:
            # Locked before there is a folder: one that is there and not locked has been left.
            with locks.locked(lock_of(folder), f"Another process fills {folder}."):
                try:
                    with files.writing(self.folder):
                        folder.mkdir()
                    yield folder
                finally:
                    shutil.rmtree(folder, ignore_errors=True)
        finally:
            locks.remove(lock_of(folder))

    def check_writable(self, name: str) -> None:
        """Hold that a version of a model can be published, before hours are spent on one.

        Raises:
            OutputError: the folder that it would come into, or the one in which models are made, cannot be written.
        """
        with self.new_folder():
            pass
        folder = self.folder / name
        with files.writing(folder):
            there = folder.is_symlink() or folder.exists()
        if there:
            with files.new_folder(folder):
                pass

    def publish(self, name: str, folder: Path, *, number: int | None = None, made_now: bool = False) -> ModelVersion:
        """Make a whole model folder the next version of ``name``, by rename; safe beside other processes.

        Args:
            name: of the model.
            folder: it is gone afterwards.
            number: of the version, if there never was one of that number here and it leaves enough for others; None: the next.
            made_now: it was made after all that is here, whatever the clock says.

        Raises:
            UsageError: not a model name.
            OutputError: the registry cannot be written, or the name has no number left.
        """
        check_name(name)
        parent = self.folder / name
        if number is not None and number > HIGHEST_KEPT:
            number = None
        with files.writing(parent):
            if made_now:
                order.come_after(folder, (*self.all(), *all_in(self.folder / TRASH)))
            while True:
                parent.mkdir(parents=True, exist_ok=True)
                free = number if number is not None and self._was_never(name, number) else self._highest(name) + 1
                if not re.fullmatch(VERSION, str(free)):
                    msg = (
                        f"{name}:{free - 1} is or was the last version that {name} can have.  Rename what there is, and the "
                        f"numbers begin anew: seqgen models rename {name} OTHER"
                    )
                    raise OutputError(msg)
                target = parent / str(free)
                try:
                    files.move(folder, target)
                except OSError:
                    if target.exists() or not parent.exists():
                        continue  # another process took this number first, or renamed the model
                    raise
                files.sync_folder(parent)
                files.sync_folder(self.folder)  # of a first version, the name is new there
                return ModelVersion(name, free, target)

    def _highest(self, name: str) -> int:
        """The highest version that there is or was, so that a number never comes to mean another model."""
        return max([Labels.highest_said(self.folder / name), *self._numbers(name)])

    def _was_never(self, name: str, number: int) -> bool:
        """Whether a number has not been given yet."""
        return number > Labels.highest_said(self.folder / name) and number not in self._numbers(name)

    def _numbers(self, name: str) -> list[int]:
        """The numbers that cannot be given: also that of what is no folder, such as a link to a disk that is not there."""
        return [
            int(entry.name)
            for folder in (self.folder, self.folder / TRASH)
            for entry in entries(folder / name, VERSION)
        ]

    def _aliased(self, name: str, alias: str) -> int:
        labels = self.labels(name)
        if alias not in labels.aliases:
            known = ", ".join(f"@{each}" for each in [LATEST, BEST, *sorted(labels.aliases)])
            msg = f'Model {name} has no alias "{alias}".  It has: {known}'
            raise ModelNotFoundError(msg)
        return labels.aliases[alias]

    def _no_such_version(self, named: Reference, number: int, versions: list[ModelVersion]) -> str:
        what = f"Model {named.name} has no version {number}"
        if named.alias is not None:
            what = f"{named.name}@{named.alias} is version {number}, which is not there any more"
        if any(each.version == number for each in versions_in(self.folder / TRASH, named.name)):
            return f"{what}: it is in the trash.  seqgen models restore {named.name}:{number}"
        return f"{what}.  It has: {', '.join(str(version.version) for version in versions)}"

    def _no_such_name(self, name: str) -> str:
        if versions_in(self.folder / TRASH, name):  # asked first: another model may have had that name before
            return f'No model "{name}": it is in the trash.  seqgen models restore {name}'
        names = self.names()
        for each in names:
            with contextlib.suppress(DamagedModelError):
                if name in self.labels(each).former_names:
                    return f'No model "{name}": it was renamed to {each}.'
        if not names:
            return f'No model "{name}": none has been trained yet.  Train one: seqgen train --name {name}'
        return f'No model "{name}".{nearest_in_words(name, names)}  All: seqgen models list'


def best(facts: Iterable[tuple[str | None, float | None]]) -> int:
    """Which of a model's versions is ``@best``.

    Among those trained on the corpus of the newest it is the one with the fewest bits per character on held-out text;
    of equal ones the oldest.  Other corpora hold out other text, which their figures say nothing about.  Where nothing
    can be compared, it is the newest.

    Args:
        facts: of each version, oldest first: the fingerprint of its corpus, and its bits per character on text held out
            of it, or None.

    Returns:
        The place in ``facts``.
    """
    known = [*facts]
    fingerprint = known[-1][0]
    compared = [
        (bits, place) for place, (corpus, bits) in enumerate(known) if corpus == fingerprint and bits is not None
    ]
    return min(compared)[1] if compared else len(known) - 1


def held_out_bits(manifest: Mapping[str, Any]) -> tuple[str | None, float | None]:
    """The fingerprint of the corpus, and the bits per character on text held out of it: None where none was."""
    results, corpus = manifest.get("results", {}), manifest.get("corpus", {})
    bits = results.get("bits_per_character")
    measured = isinstance(bits, int | float) and results.get("validation_loss") is not None
    fingerprint = corpus.get("fingerprint")
    return fingerprint if isinstance(fingerprint, str) else None, float(bits) if measured else None


def facts_of(version: ModelVersion) -> tuple[str | None, float | None]:
    """What :func:`best` asks of a version; nothing of one that is damaged."""
    try:
        return held_out_bits(version.manifest())
    except DamagedModelError:
        return None, None


def versions_in(folder: Path, name: str) -> list[ModelVersion]:
    """The versions of a name that lie in a folder, oldest first."""
    if not re.fullmatch(NAME, name):
        return []
    its = folder / name
    return [ModelVersion(name, number, its / str(number)) for number in sorted(map(int, subfolders(its, VERSION)))]


def all_in(folder: Path) -> Iterator[ModelVersion]:
    """Every version that lies in a folder, by name, and may be looked at.

    Raises:
        PermissionError: the folder itself may not be.
    """
    for name in subfolders(folder, NAME):
        for number in sorted(map(int, readable_subfolders(folder / name, VERSION))):
            yield ModelVersion(name, number, folder / name / str(number))


def identity_of(folder: Path, *, where: str) -> str:
    """SHA-256 of a model folder's manifest; see :meth:`ModelVersion.identity`."""
    import hashlib

    try:
        return hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()
    except OSError as error:
        msg = f"{where}/{MANIFEST}: {error.strerror or error}."
        raise DamagedModelError(msg) from error


def _is(version: ModelVersion, identity: object) -> bool:
    with contextlib.suppress(DamagedModelError):
        return version.identity() == identity
    return False
