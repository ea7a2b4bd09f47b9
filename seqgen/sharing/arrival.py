"""A model that comes from elsewhere: what its manifest may list, its files received and held against that, publishing."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol, TypeAlias

from seqgen import files, locks
from seqgen.checkpoint import SavedModel
from seqgen.core.errors import DamagedModelError, ModelError, OutputError
from seqgen.manifest import MANIFEST, REQUIRED, WEIGHTS, read_manifest, verify
from seqgen.registry import ModelVersion, Registry, check_name
from seqgen.untrusted import CHUNK, read_header, shown

MAX_FILES = 100
"""A manifest that lists more is none of a model, which has five to ten."""

PATIENCE = 60.0
"""Seconds to wait for another process that is publishing the same model."""

Told: TypeAlias = Callable[[int], None]
"""Called with the number of bytes that went through since it was last called."""

_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}(?<!\.)")  # Windows drops a dot at the end
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)  # devices on Windows, in any folder


class Readable(Protocol):
    """What bytes are read from."""

    def read(self, count: int, /) -> bytes:
        """At most so many of the next bytes; none at the end."""


@dataclass(frozen=True)
class Listed:
    """What a manifest says of one file."""

    sha256: str
    bytes: int


@dataclass(frozen=True)
class Arrival:
    """A model that came from elsewhere.

    Attributes:
        version: it, in the registry.
        new: False where it was there already.
        repaired: it was there, damaged, and has its files anew.
    """

    version: ModelVersion
    new: bool
    repaired: bool = False


def read_listed(manifest: Mapping[str, Any], *, where: str) -> dict[str, Listed]:
    """The files that a manifest lists, by name; a stranger may have written it.

    Raises:
        DamagedModelError: a name that is not a plain file name on every system, or twice but for its case; a size or a
            sha256 that is none; too many; or one that each model has is missing.
    """
    listed = manifest.get("files")
    if not isinstance(listed, dict) or any(name not in listed for name in REQUIRED if name != MANIFEST):
        raise DamagedModelError(f"{where}/{MANIFEST}: the list of files is incomplete.")
    if len(listed) > MAX_FILES:
        raise DamagedModelError(
            f"{where}/{MANIFEST}: lists {len(listed):,} files, more than the {MAX_FILES} it may have."
        )
    found: dict[str, Listed] = {}
    for name, entry in listed.items():
        if not is_file_name(name) or name == MANIFEST:
            raise DamagedModelError(f'{where}/{MANIFEST}: "{shown(name)}" is not a file of this folder.')
        size, digest = (entry.get("bytes"), entry.get("sha256")) if isinstance(entry, dict) else (None, None)
        if type(size) is not int or not 0 <= size < 2**63:
            raise DamagedModelError(f"{where}/{MANIFEST}: the size of {name} is {shown(size)}, which is none.")
        if not isinstance(digest, str) or not re.fullmatch(r"[0-9a-f]{64}", digest):
            raise DamagedModelError(f"{where}/{MANIFEST}: the sha256 of {name} is none.")
        found[name] = Listed(digest, size)
    if len({name.lower() for name in (*found, MANIFEST)}) <= len(found):
        raise DamagedModelError(f"{where}/{MANIFEST}: names files that differ only in case.")
    return found


def is_file_name(name: str) -> bool:
    """Whether this names a file in a folder, on every system, and never anything outside it."""
    return bool(_FILE_NAME.fullmatch(name)) and not _RESERVED.fullmatch(name)


def check_space(folder: Path, size: int, *, where: str) -> None:
    """Hold that a model fits on the disk, before any of it is written.

    Raises:
        OutputError: it does not.
    """
    free = shutil.disk_usage(folder).free
    if size > free:
        raise OutputError(f"{where} takes {size:,} bytes, and {folder} has {free:,} bytes free.  Free some space.")


def receive(source: Readable, target: Path, listed: Listed, *, where: str, told: Told = lambda _: None) -> None:
    """Write what a source gives, from where ``target`` ends, and hold it against the manifest.

    Never more than the manifest says is written, and a byte more is read at most, to know that there is one.  What was
    received stays where the source breaks off.

    Args:
        source: stands at the byte after those that ``target`` has.
        target: made where it is missing.
        listed: what the manifest says of it.
        where: how messages name it.
        told: called with each number of bytes that is through, those that were there first.

    Raises:
        DamagedModelError: it ends too early; or its size or sha256 is another, and then what was received is removed.
        OutputError: it cannot be written.
    """
    digest = hashlib.sha256()
    with files.writing(target):
        target.touch()
        file = target.open("r+b")
    with _closed_at_the_end(file, target):
        while block := file.read(CHUNK):
            digest.update(block)
        size = file.tell()
        told(size)
        while size <= listed.bytes and (block := source.read(min(CHUNK, listed.bytes + 1 - size))):
            expected = block[: listed.bytes - size]
            with files.writing(target):
                file.write(expected)
            digest.update(expected)
            size += len(block)
            told(len(expected))
        with files.writing(target):
            file.flush()
            os.fsync(file.fileno())  # or a power cut leaves a version whose files are empty
    if size < listed.bytes:
        raise DamagedModelError(f"{where}: it ends after {size:,} of {listed.bytes:,} bytes.")
    if size == listed.bytes and digest.hexdigest() == listed.sha256:
        return
    target.unlink()
    if size > listed.bytes:
        raise DamagedModelError(f"{where}: it has more than the {listed.bytes:,} bytes of the manifest.")
    raise DamagedModelError(f"{where}: its bytes are not those of the manifest; the model was altered or damaged.")


@contextlib.contextmanager
def _closed_at_the_end(file: IO[bytes], target: Path) -> Iterator[None]:
    """Close a file, which may write what is left of it, and so may fail for want of space."""
    try:
        yield
    finally:
        with files.writing(target):
            file.close()


def publish(
    folder: Path, registry: Registry, name: str, *, where: str, number: int | None = None, made_now: bool = False
) -> Arrival:
    """Check a folder that has arrived, and make it a version of ``name``, unless that is there already.

    A version that is there and damaged gets the folder's files.  Of several processes that publish the same model at once, one
    makes a version.

    Args:
        folder: in the registry's file system; it is gone afterwards where it is the version.
        registry: where it goes.
        name: of the model.
        where: how messages name it.
        number: that the version had where it comes from; here too where it is free.
        made_now: it was made after all that is in the registry.

    Raises:
        DamagedModelError: it is no model that can be used.
        UsageError: not a model name.
        OutputError: the registry cannot be written, or another process keeps it for a minute.
    """
    check_name(name)
    saved = SavedModel.open(folder, where=where)
    read_header(folder / WEIGHTS, where=f"{where}/{WEIGHTS}")
    manifest = (folder / MANIFEST).read_bytes()
    files.sync_folder(folder)
    lock = registry.folder / f".new-{digest_of(manifest)[:32]}.lock"
    refusal = f"Another process has been publishing {where} for a minute.  Try again when it has ended."
    with locks.locked(lock, refusal, patience=PATIENCE):
        try:
            if there := already_there(manifest, registry, name):
                return there
            if damaged := next(_copies(manifest, registry, name), None):
                _repair(damaged, folder, (*saved.manifest["files"], MANIFEST), registry)
                return Arrival(damaged, new=False, repaired=True)
            return Arrival(registry.publish(name, folder, number=number, made_now=made_now), new=True)
        finally:
            locks.remove(lock)


def digest_of(manifest: bytes) -> str:
    """The sha256 of a manifest: by it a model is known from any other, since it has those of all its files."""
    return hashlib.sha256(manifest).hexdigest()


def already_there(manifest: bytes, registry: Registry, name: str) -> Arrival | None:
    """The version of ``name`` that has this manifest, and the files that it lists: it is this model."""
    whole = (version for version in _copies(manifest, registry, name) if _is_whole(version))
    return next((Arrival(version, new=False) for version in whole), None)


def _copies(manifest: bytes, registry: Registry, name: str) -> Iterator[ModelVersion]:
    """The versions of ``name`` that have this manifest, newest first."""
    for version in reversed(registry.versions(name)):
        path = version.folder / MANIFEST
        if path.is_file() and path.stat().st_size == len(manifest) and path.read_bytes() == manifest:
            yield version


def _is_whole(version: ModelVersion) -> bool:
    """Whether its files are what was written: all are hashed, or what damaged them could never be mended by a copy."""
    try:
        manifest = read_manifest(version.folder, where=str(version))
        for name in manifest["files"]:
            verify(version.folder, name, manifest, where=str(version))
    except (ModelError, OSError):
        return False
    return True


def _repair(version: ModelVersion, folder: Path, names: Iterable[str], registry: Registry) -> None:
    """Move the files of a whole copy to the place of a version's own, each by a rename: none is ever missing, or half there."""
    with registry.alone(), files.writing(version.folder):
        for name in names:
            files.move(folder / name, version.folder / name, over=True)
        files.sync_folder(version.folder)
