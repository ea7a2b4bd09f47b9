"""Removing versions so that they can be restored, and freeing what nobody needs any more."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import time
import uuid
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from seqgen import files, locks
from seqgen.core.errors import DamagedModelError, ModelNotFoundError, OutputError, SeqgenWarning, UsageError
from seqgen.registry.folders import lock_of, readable_subfolders, remove_if_empty
from seqgen.registry.labels import Labels
from seqgen.registry.names import NAME, VERSION, Reference
from seqgen.registry.store import TRASH, ModelVersion, Registry, all_in, versions_in

ABANDONED_SECONDS = 86_400.0
"""A new folder without a lock, which seqgen did not make, counts as left when nothing in it has changed for a day; so does
what was fetched in part, since the next attempt may go on with it."""

PULLED = ".pull-"
"""How the folders begin in which models arrive (``seqgen.sharing.download``)."""


@dataclass(frozen=True)
class Freed:
    """What ``gc`` removes.

    Attributes:
        what: a version, or the path of something unfinished.
        size: in bytes.
    """

    what: str
    folder: Path
    size: int


def remove(registry: Registry, versions: Sequence[ModelVersion]) -> None:
    """Move versions to the trash, with the time of this; their numbers are not given again, and their labels stay.

    Raises:
        ModelNotFoundError: one is not there any more; all stay where they are.
        UsageError: another one of that number lies in the trash; all stay where they are.
        OutputError: the registry cannot be written.
    """

    def target_of(version: ModelVersion) -> Path:
        return registry.folder / TRASH / version.name / str(version.version)

    with registry.alone():
        for version in versions:
            if not version.folder.is_dir():
                raise ModelNotFoundError(f"{version} was removed or renamed meanwhile, by another process.")
            if target_of(version).exists():
                msg = f"{version} is in the trash already, from another time.  Free that first: seqgen models gc"
                raise UsageError(msg)
        of_names = {version.name: registry.folder / version.name for version in versions}
        for name, folder in of_names.items():
            # The trash remembers the number as well, see _keeps_number; and who removes something may do so because the disk is full.
            with contextlib.suppress(DamagedModelError, OutputError):
                labels = registry.labels(name)
                last = max(version.version for version in versions if version.name == name)
                replace(labels, highest=max(labels.highest, last)).write(folder)
        for version in versions:
            target = target_of(version)
            with files.writing(version.folder):
                files.make_folder(registry.folder / TRASH)
                target.parent.mkdir(parents=True, exist_ok=True)
                files.move(version.folder, target)
                _set_time(target)
        for folder in of_names.values():
            with files.writing(folder):
                files.sync_folder(folder)


def _set_time(folder: Path) -> None:
    """Let a folder's own time be that of now: by it ``gc`` knows how long a version has lain in the trash."""
    with contextlib.suppress(OSError):  # a time that cannot be set keeps nobody from removing
        try:
            os.utime(folder)
        except OSError:
            # As some FUSE and Android disks answer; there what comes and goes in a folder changes its time too.
            passing = folder / f".new-{uuid.uuid4().hex}"
            passing.mkdir()
            passing.rmdir()


def trashed(registry: Registry) -> list[ModelVersion]:
    """What lies in the trash and may be looked at; each ``folder`` is where it lies there."""
    return [*all_in(registry.folder / TRASH)]


def restore(registry: Registry, *references: str) -> list[ModelVersion]:
    """Put versions (``NAME:3``), or all of a name, back from the trash, each once.

    Raises:
        UsageError: not such a reference; or there is a version of that number again; all stay where they are.
        ModelNotFoundError: the trash has no such version; names what it has; all stay where they are.
    """
    meant = {reference: _without_alias(reference) for reference in references}
    with registry.alone():
        there = trashed(registry)
        found = list(dict.fromkeys(each for named in meant.items() for each in _named(there, *named)))
        restored = [replace(each, folder=registry.folder / each.name / str(each.version)) for each in found]
        if taken := [each for each in restored if each.folder.exists()]:
            msg = f"{taken[0]} cannot be restored: there is a version of that number.  Rename one of the two."
            raise UsageError(msg)
        for old, new in zip(found, restored, strict=True):
            with files.writing(new.folder):
                new.folder.parent.mkdir(parents=True, exist_ok=True)
                files.move(old.folder, new.folder)
                files.sync_folder(new.folder.parent)
        for name in {each.name for each in restored}:
            remove_if_empty(registry.folder / TRASH / name)
    return restored


def _without_alias(reference: str) -> Reference:
    named = Reference.parse(reference)
    if named.alias is not None:
        msg = f"{reference}: what is in the trash is named by version, as {named.name}:3, or by name alone."
        raise UsageError(msg)
    return named


def _named(there: Sequence[ModelVersion], reference: str, named: Reference) -> list[ModelVersion]:
    """What a reference names of that which is in the trash."""
    found = [each for each in there if each.name == named.name and named.version in (None, each.version)]
    if not found:
        has = f"It has: {', '.join(map(str, there))}" if there else "It is empty."
        msg = f"{reference} is not in the trash.  {has}"
        raise ModelNotFoundError(msg)
    return found


def collect(
    registry: Registry, *, older_than: float = 0.0, now: float | None = None, dry_run: bool = False
) -> list[Freed]:
    """Free the trash, and what publishing left where its process was killed; never what a process is still filling.

    Where the labels of a name cannot be read, the highest version of it stays, with a warning: else its number would be given again.

    Args:
        registry: of which models.
        older_than: seconds since removal that a version has at least been in the trash.
        now: the time, in seconds since 1970; default: the clock's.
        dry_run: only say what it would be.

    Raises:
        OutputError: the registry cannot be written.
    """
    if not registry.folder.is_dir():
        return []
    now = time.time() if now is None else now
    with registry.alone():
        # A clock that was put back since the removal makes it lie in the future.
        old = [
            each
            for each in trashed(registry)
            if max(0.0, now - each.folder.lstat().st_mtime) >= older_than and not _keeps_number(registry, each)
        ]
        freed = [Freed(str(each), each.folder, size_of(each.folder)) for each in old]
        for path in _left(registry, now):
            with contextlib.suppress(FileNotFoundError):  # it was in use, and has just been removed
                freed.append(Freed(str(path), path, size_of(path)))
        if dry_run:
            return freed
        for each in freed.copy():
            try:
                _delete(each.folder)
            except OutputError as error:  # it is another user's, which keeps nobody from freeing what is theirs
                warnings.warn(f"{each.what} is not freed: {error}", SeqgenWarning, stacklevel=2)
                freed.remove(each)
                old = [version for version in old if version.folder != each.folder]
            else:
                locks.remove(lock_of(each.folder))
        for name in {each.name for each in old}:
            remove_if_empty(registry.folder / TRASH / name)
            _forget(registry, name, max(each.version for each in old if each.name == name))
    return freed


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files below a folder."""
    if path.is_symlink() or not path.is_dir():
        return path.lstat().st_size
    return sum(each.lstat().st_size for each in path.rglob("*") if not each.is_dir())


def _left(registry: Registry, now: float) -> list[Path]:
    """Folders and files that were being written or deleted by a process that is no more."""
    places = (registry.folder, registry.folder / TRASH)
    within = [registry.folder, *(place / name for place in places for name in readable_subfolders(place, NAME))]
    begun = [path for folder in within for start in (".new-", PULLED) for path in folder.glob(f"{start}*")]
    left = [path for path in sorted(begun) if (_forgotten if path.suffix == ".lock" else _abandoned)(path, now)]
    return [*left, *sorted(path for folder in within for path in folder.glob(".old-*"))]


def _abandoned(path: Path, now: float) -> bool:
    if path.is_file():
        return True  # a file of labels, which are written only by who is alone, as we are now, or an index
    lock = lock_of(path)
    if not lock.exists() or path.name.startswith(PULLED):
        try:
            newest = max(each.lstat().st_mtime for each in [path, *path.rglob("*")])
        except FileNotFoundError:
            return False  # a process is at work there
        if now - newest <= ABANDONED_SECONDS:
            return False
    if not lock.exists():
        return path.exists()  # otherwise it has been published, or removed, since it was found
    if _is_locked(lock):
        return False
    if path.exists():
        return True
    locks.remove(lock)  # which asking has made anew
    return False


def _forgotten(lock: Path, now: float) -> bool:
    """Whether a lock's folder has been published or removed, by a process that ended before it removed the lock too."""
    try:
        old = now - lock.lstat().st_mtime > ABANDONED_SECONDS  # a new one may be about to get its folder
    except FileNotFoundError:
        return False
    return old and not lock.with_suffix("").exists() and not _is_locked(lock)


def _is_locked(path: Path) -> bool:
    """Whether a process holds a lock, or it is another user's, who alone may ask."""
    try:
        lock = locks.hold(path)
    except OutputError:
        return True
    if lock is None:
        return True
    lock.release()
    return False


def _delete(path: Path) -> None:
    """Remove it for good; where that is broken off, what is left has a name that counts for nothing."""
    with files.writing(path):
        if path.is_symlink() or not path.is_dir():
            path.unlink(missing_ok=True)
            return
        old = _registry_of(path) / f".old-{uuid.uuid4().hex}"
        files.move(path, old)
        shutil.rmtree(old)


def _registry_of(path: Path) -> Path:
    """The registry's folder, from one that is to be deleted."""
    return path.parents[2] if re.fullmatch(VERSION, path.name) else path.parent


def _keeps_number(registry: Registry, version: ModelVersion) -> bool:
    """Whether a version in the trash alone says that its number was given, since labels that cannot be read are not written; with a warning."""
    try:
        registry.labels(version.name)
    except DamagedModelError as error:
        folders = [place / version.name for place in (registry.folder, registry.folder / TRASH)]
        there = [int(number) for folder in folders for number in readable_subfolders(folder, VERSION)]
        if version.version < max(there) or version.version <= Labels.highest_said(folders[0]):
            return False
        msg = f"{version} stays in the trash, or its number would be given again: {error}"
        warnings.warn(msg, SeqgenWarning, stacklevel=4)
        return True
    return False


def _forget(registry: Registry, name: str, highest: int) -> None:
    """Drop what was said of versions that are gone for good, and remember the highest of their numbers."""
    folder = registry.folder / name
    there = [*registry.versions(name), *versions_in(registry.folder / TRASH, name)]
    with contextlib.suppress(DamagedModelError):
        labels = registry.labels(name)
        kept = replace(labels.only(version.version for version in there), highest=max(labels.highest, highest))
        if kept != labels and folder.is_dir():
            kept.write(folder)
