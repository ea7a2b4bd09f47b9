"""Renaming a model, and copying a version under another name; what a version says of itself never changes."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path

from seqgen import files
from seqgen.core.errors import DamagedModelError, ModelNotFoundError, UsageError
from seqgen.manifest import MANIFEST, read_manifest
from seqgen.registry.folders import remove_if_empty
from seqgen.registry.names import check_name
from seqgen.registry.store import TRASH, ModelVersion, Registry


def rename(registry: Registry, old: str, new: str) -> list[ModelVersion]:
    """Give a model another name: all versions with their numbers and labels, those in the trash too.

    Returns:
        The versions as they are called now.

    Raises:
        UsageError: no name, or one that is taken.
        ModelNotFoundError: there is no such model.
        OutputError: the registry cannot be written.
    """
    check_name(old)
    check_name(new)
    with registry.alone():
        if not registry.versions(old):
            registry.find(old)  # says what there is
            raise ModelNotFoundError(f'No model "{old}".')
        # The trash first: where this is killed between the two, the model still has its old name, and the same command finishes it.
        places = [(folder / old, folder / new) for folder in (registry.folder / TRASH, registry.folder)]
        for source, target in places:
            remove_if_empty(target)  # as publishing leaves it where it is killed before the first version
            # Where the disk does not tell capitals apart, what is there may be the model itself.
            if source.exists() and target.exists() and not source.samefile(target):
                msg = f'"{new}" is taken.  Choose another name, or copy versions into it: seqgen models copy {old}:1 {new}'
                raise UsageError(msg)
        labels = registry.labels(old)
        former = (*(each for each in labels.former_names if each != old), old)
        replace(labels, former_names=former).write(registry.folder / old)
        with files.writing(registry.folder / new), contextlib.ExitStack() as undone:
            for source, target in places:
                if source.exists():
                    files.move(source, target)
                    undone.callback(files.move, target, source)
            undone.pop_all()
            files.sync_folder(registry.folder)
    return registry.versions(new)


def copy(registry: Registry, version: ModelVersion, name: str) -> ModelVersion:
    """The same version as the next one of another name, byte for byte, with its tags and its note.

    Raises:
        UsageError: not a model name.
        DamagedModelError: the version is damaged.
        OutputError: the registry cannot be written.
    """
    check_name(name)
    with registry.new_folder() as folder:
        copy_files(version, folder)
        made = registry.publish(name, folder)
    with contextlib.suppress(DamagedModelError):
        labels = registry.labels(version.name)
        tags, note = labels.tags.get(version.version, ()), labels.notes.get(version.version, "")
        if tags or note:
            registry.change_labels(
                name, lambda its: its.with_tags(made.version, add=tags).with_note(made.version, note)
            )
    return made


def copy_files(version: ModelVersion, folder: Path) -> None:
    """Put the files of a version into another folder, flushed to the disk.

    Raises:
        DamagedModelError: the version is damaged.
        OutputError: the folder cannot be written.
    """
    for each in (*read_manifest(version.folder, where=str(version))["files"], MANIFEST):
        files.copy_file(version.folder / each, folder / each)
    files.sync_folder(folder)
