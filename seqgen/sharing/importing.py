"""What ``models import`` reads: each form by the suffix of its file, with a module that is imported when it is used."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias

from seqgen import files
from seqgen.core.errors import ModelNotFoundError, UsageError
from seqgen.manifest import MANIFEST, read_lineage
from seqgen.registry import Registry
from seqgen.sharing.arrival import Arrival, publish

Reader: TypeAlias = Callable[[Path, Path], None]
"""Reads a file into an empty folder, which then is a whole model folder; nothing in the file is believed unchecked."""

READERS: Mapping[str, str] = MappingProxyType(
    {
        ".zip": "seqgen.sharing.archive:import_zip",
        "": "seqgen.sharing.folder:import_folder",
    }
)
"""Suffix, in lower case, to ``module:function`` of a ``Reader``; without one it is a folder."""


def import_model(source: Path, registry: Registry, *, name: str | None = None) -> Arrival:
    """Make a file, or a folder, that holds a model a version in the registry, unless that is there already.

    Args:
        source: what ``models export`` wrote, or a copy of a model folder.
        registry: where it goes.
        name: of the model; None: the name that it was published under.

    Raises:
        UsageError: not a form that is read, or not a model name.
        ModelNotFoundError: there is no such file.
        DamagedModelError: it is not what was written; nothing of it stays.
        OutputError: the registry cannot be written.
    """
    if not source.exists():
        raise ModelNotFoundError(f"There is no file {source}.")
    suffix = "" if source.is_dir() else source.suffix.lower()
    if suffix not in READERS or (not suffix and not source.is_dir()):
        allowed = ", ".join(suffix or "a model folder" for suffix in READERS)
        raise UsageError(f"{source} is not a file that is read here: {allowed}.")
    module, _, function = READERS[suffix].partition(":")
    read: Reader = getattr(importlib.import_module(module), function)
    with files.new_folder(registry.folder) as folder:
        read(source, folder)
        manifest = read_lineage(folder, where=f"{source.name}/{MANIFEST}")
        return publish(folder, registry, name or str(manifest.get("name", "")), where=source.name)
