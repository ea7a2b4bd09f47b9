"""A model folder from a place into the registry: going on where an earlier attempt broke off, believed when it is whole."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from seqgen import files, locks
from seqgen.core.errors import DamagedModelError, ModelNotFoundError, RemoteError
from seqgen.manifest import MANIFEST, read_lineage
from seqgen.registry import Registry, check_name
from seqgen.registry.trash import PULLED
from seqgen.sharing.arrival import (
    Arrival,
    Listed,
    Told,
    already_there,
    check_space,
    digest_of,
    publish,
    read_listed,
    receive,
)
from seqgen.sharing.place import Place

Progress: TypeAlias = Callable[[int, int], None]
"""Called with the bytes that are through and the bytes that there are."""

_ATTEMPTS = 5  # how often a file that breaks off is taken up again before a person is asked to


def download(
    place: Place, registry: Registry, name: str, *, progress: Progress, number: int | None = None, advice: str = ""
) -> Arrival:
    """Fetch a model folder, file by file, and publish it when all is there and what the manifest says.

    What arrives lies in a hidden folder of the registry that is named after the manifest, and stays there where it breaks
    off or a file is damaged there, so that the next attempt goes on with the next byte.

    Args:
        place: the model folder.
        registry: where it goes.
        name: of the model here.
        progress: told how much is there, of all files together.
        number: the version that it has there.
        advice: how a file that is damaged there is mended, in a sentence.

    Raises:
        ModelNotFoundError: no model is there.
        DamagedModelError: it is not what its manifest says, or its manifest says what no model has.
        RemoteError: the place cannot be reached, or broke off.
        OutputError: the disk does not take it; or another process is fetching the same.
        UsageError: not a model name.
    """
    check_name(name)
    manifest = (place / MANIFEST).read_small()
    if manifest is None:
        raise ModelNotFoundError(f"There is no model at {place}: {MANIFEST} is missing.")
    if there := already_there(manifest, registry, name):
        return there
    folder = arriving(registry, manifest)
    with files.writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    lock = folder.with_suffix(".lock")
    try:
        with locks.locked(lock, f"{place} is being fetched by another process."):
            if there := already_there(manifest, registry, name):  # it came while the lock was another's
                shutil.rmtree(folder, ignore_errors=True)
                return there
            with files.writing(folder):
                folder.mkdir(exist_ok=True)  # who had the lock may have removed or published it
            files.replace_bytes(folder / MANIFEST, manifest)
            try:
                listed = read_listed(read_lineage(folder, where=str(place)), where=str(place))
                _fetch_all(place, folder, listed, progress, advice=advice)
            except DamagedModelError:
                if [path.name for path in folder.iterdir()] == [MANIFEST]:  # there is nothing to go on with
                    shutil.rmtree(folder, ignore_errors=True)
                raise
            try:
                arrival = publish(folder, registry, name, where=str(place), number=number)
            except DamagedModelError:
                shutil.rmtree(folder, ignore_errors=True)  # all of it is as it was written, and no model
                raise
            if not arrival.new:  # it came another way meanwhile, or was there and damaged
                shutil.rmtree(folder, ignore_errors=True)
            return arrival
    finally:
        if not folder.exists():
            locks.remove(lock)


def arriving(registry: Registry, manifest: bytes) -> Path:
    """The folder of a registry in which the model of a manifest arrives.

    It is each user's own: of several who share a registry, the others cannot write what one of them has begun.
    """
    user = f"-{os.getuid()}" if hasattr(os, "getuid") else ""
    return registry.folder / f"{PULLED}{digest_of(manifest)[:32]}{user}"


def _fetch_all(place: Place, folder: Path, listed: dict[str, Listed], progress: Progress, *, advice: str) -> None:
    for name, each in listed.items():  # of all first, before gigabytes are fetched in vain
        claimed = (place / name).size()
        if claimed != each.bytes:
            found = (
                "is missing" if claimed is None else f"has {claimed:,} bytes, not the {each.bytes:,} of the manifest"
            )
            raise DamagedModelError(f"{place}/{name}: the file {found}; not fetched.  {advice}".rstrip())
    sizes = {path.name: path.stat().st_size for path in folder.iterdir()}
    total = sum(each.bytes for each in listed.values())
    check_space(
        folder, total - sum(min(sizes.get(name, 0), each.bytes) for name, each in listed.items()), where=str(place)
    )
    through = 0

    def told(count: int) -> None:
        nonlocal through
        through += count
        progress(min(through, total), total)

    for name, each in listed.items():
        before = through
        for attempt in range(1, _ATTEMPTS + 1):
            through = before
            if _fetch(place / name, folder / name, each, told, last=attempt == _ATTEMPTS, advice=advice):
                break


def _fetch(place: Place, target: Path, listed: Listed, told: Told, *, last: bool, advice: str) -> bool:
    """Fetch what is missing of a file; whether all of it is there then."""
    start = target.stat().st_size if target.exists() else 0
    if start > listed.bytes:
        target.unlink()
        start = 0
    try:
        with place.open(start) as source:
            receive(source, target, listed, where=str(place), told=told)
    except RemoteError:
        if last:
            raise
        return False
    except DamagedModelError as error:
        if target.exists():  # it broke off without a word
            if last:
                raise RemoteError(f"{error}  The same command goes on from there.") from error
            return False
        if start and not last:  # the beginning was of something else
            return False
        raise DamagedModelError(f"{error}  {advice}".rstrip()) from error
    return True
