"""Names and versions in the registry.  A version appears by rename when it is whole, and never changes afterwards."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqgen import files
from seqgen.core.errors import DamagedModelError, ModelNotFoundError, UsageError
from seqgen.manifest import read_lineage

if TYPE_CHECKING:
    from seqgen.checkpoint import SavedModel

_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}"


@dataclass(frozen=True)
class ModelVersion:
    """One published version of a model."""

    name: str
    version: int
    folder: Path

    def __str__(self) -> str:
        return f"{self.name}:{self.version}"

    def open(self) -> SavedModel:
        """Read and check its folder."""
        from seqgen.checkpoint import SavedModel  # which imports NumPy, and listing needs none

        return SavedModel.open(self.folder, where=str(self))

    def manifest(self) -> Mapping[str, Any]:
        """Its manifest alone, not held against the files: enough to list it."""
        return read_lineage(self.folder, where=str(self))


@dataclass(frozen=True)
class Registry:
    """The models in one folder."""

    folder: Path

    def names(self) -> list[str]:
        """The names of all models, sorted."""
        if not self.folder.is_dir():
            return []
        return sorted(path.name for path in self.folder.iterdir() if re.fullmatch(_NAME, path.name) and path.is_dir())

    def versions(self, name: str) -> list[ModelVersion]:
        """The published versions of a model, oldest first; empty if there is none."""
        folder = self.folder / name
        if not re.fullmatch(_NAME, name) or not folder.is_dir():
            return []
        numbers = sorted(int(path.name) for path in folder.iterdir() if re.fullmatch(r"[1-9]\d{0,8}", path.name))
        return [ModelVersion(name, number, folder / str(number)) for number in numbers]

    def all(self) -> Iterator[ModelVersion]:
        """Every version of every model."""
        for name in self.names():
            yield from self.versions(name)

    def latest(self) -> ModelVersion:
        """The version published last, of any name.

        Raises:
            ModelNotFoundError: nothing has been trained yet.
        """
        newest: tuple[str, ModelVersion] | None = None
        for name in self.names():
            for version in self.versions(name)[-1:]:
                created = _created(version)
                if newest is None or created > newest[0]:
                    newest = created, version
        if newest is None:
            msg = f"No model has been trained yet ({self.folder} has none).  Train one: seqgen train"
            raise ModelNotFoundError(msg)
        return newest[1]

    def find(self, reference: str) -> ModelVersion:
        """The version that a person names: ``NAME`` (its latest), ``NAME:3``, ``NAME@latest`` or ``NAME@best``.

        ``best`` is the version with the fewest bits per character on its validation part.

        Raises:
            UsageError: not such a reference.
            ModelNotFoundError: there is no such model, version or alias; names what there is.
        """
        match = re.fullmatch(rf"({_NAME})(?::(\d{{1,9}})|@([a-z0-9-]+))?", reference)
        if not match:
            msg = f'"{reference}" is not a model: write NAME, NAME:VERSION, NAME@ALIAS or the path of a model folder.'
            raise UsageError(msg)
        name, number, alias = match.groups()
        versions = self.versions(name)
        if not versions:
            raise ModelNotFoundError(self._no_such_name(name))
        if number is not None:
            found = [version for version in versions if version.version == int(number)]
            if not found:
                msg = f"Model {name} has no version {number}.  It has: {', '.join(str(v.version) for v in versions)}"
                raise ModelNotFoundError(msg)
            return found[0]
        match alias:
            case None | "latest":
                return versions[-1]
            case "best":
                return min(versions, key=_bits_per_character)
            case _:
                msg = f'Model {name} has no alias "{alias}".  It has: @latest, @best'
                raise ModelNotFoundError(msg)

    def publish(self, name: str, folder: Path, *, number: int | None = None) -> ModelVersion:
        """Make a whole model folder the next version of ``name``, by rename; safe beside other processes.

        Args:
            name: of the model.
            folder: in the same file system; it is gone afterwards.
            number: of the version, if there is none of that number here; None: the next.

        Raises:
            UsageError: not a model name.
            OutputError: the registry cannot be written.
        """
        check_name(name)
        parent = self.folder / name
        with files.writing(parent):
            parent.mkdir(parents=True, exist_ok=True)
            while True:
                versions = self.versions(name)
                if number is None:
                    number = versions[-1].version + 1 if versions else 1
                target = parent / str(number)
                try:
                    folder.rename(target)
                except OSError:
                    if not target.exists():
                        raise
                    number = None  # it is taken: the next
                    continue
                files.sync_folder(parent)
                return ModelVersion(name, number, target)

    def _no_such_name(self, name: str) -> str:
        names = self.names()
        if not names:
            return f'No model "{name}": none has been trained yet.  Train one: seqgen train --name {name}'
        near = difflib.get_close_matches(name, names, n=3)
        hint = f"  Nearest: {', '.join(near)}." if near else ""
        return f'No model "{name}".{hint}  All: seqgen models list'


def check_name(name: str) -> None:
    """Refuse a name that is no model name.

    Raises:
        UsageError: says what is allowed.
    """
    if not re.fullmatch(_NAME, name):
        msg = f'"{name}" is not a model name: letters, digits, dot, hyphen and underscore, at most 100, first a letter or digit.'
        raise UsageError(msg)


def _created(version: ModelVersion) -> str:
    try:
        return str(version.manifest().get("created", ""))
    except DamagedModelError:
        return ""


def _bits_per_character(version: ModelVersion) -> float:
    try:
        value = version.manifest().get("results", {}).get("bits_per_character")
    except (DamagedModelError, AttributeError):
        return float("inf")
    return float(value) if isinstance(value, int | float) else float("inf")
