"""Writing files so that a reader, or a crash, never sees half of one."""

from __future__ import annotations

import contextlib
import errno
import gc
import json
import os
import shutil
import time
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from seqgen.core.errors import OutputError

TICK_NS = 2_000_000_000
"""What differs by this differs on every disk: FAT counts in two seconds."""

HELD_WHERE_OPEN = os.name == "nt"
"""Whether the system keeps a file, and each folder above it, where it is as long as anybody has it open or mapped: Windows does."""

RENAME_SECONDS, _RENAME_PAUSE = 2.0, 0.05
"""For how long a rename is tried again where what is renamed is held, and how long each waits for the next."""


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file whole and flush it to the disk.

    Raises:
        OutputError: it cannot be written; names the file and the reason.
    """
    with writing(path), path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def copy_file(source: Path, target: Path) -> None:
    """Copy a file's bytes and flush them to the disk.

    Raises:
        OutputError: the copy cannot be written.
        OSError: the file cannot be opened.
    """
    with source.open("rb") as content, writing(target), target.open("wb") as file:
        shutil.copyfileobj(content, file)
        file.flush()
        os.fsync(file.fileno())


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file, indented, in UTF-8."""
    write_bytes(path, json_bytes(value))


def json_bytes(value: Any) -> bytes:
    """What ``write_json`` writes."""
    # UTF-8 has no half of a surrogate pair, by which Python reads the bytes of a file's name that are none; JSON has: \udce9.
    return (json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode("utf-8", "backslashreplace")


def replace_bytes(path: Path, content: bytes) -> None:
    """Put a file in the place of the one that is there, if there is one: a crash leaves the one or the other, whole.

    Raises:
        OutputError: it cannot be written.
    """
    new = path.with_name(f".new-{path.name}")
    write_bytes(new, content)
    with writing(path):
        move(new, path, over=True)
        sync_folder(path.parent)


def move(source: Path, target: Path, *, over: bool = False) -> None:
    """Rename a file or a folder, of which nothing may be open or mapped by this process: Windows would refuse.

    Windows also refuses for a moment after something was written, while a virus scanner or the indexer reads it, and
    as long as an array that nobody uses any more, but that is not collected yet, is mapped from it: so there it is tried again
    for two seconds.

    Args:
        source: the file or folder.
        target: its new path, in the same file system.
        over: whether it takes the place of a file that may be there.

    Raises:
        OSError: the system refuses.
    """
    rename = source.replace if over else source.rename
    ends = time.monotonic() + RENAME_SECONDS
    while True:
        try:
            rename(target)
        except PermissionError:
            if not HELD_WHERE_OPEN or time.monotonic() >= ends:
                raise
            gc.collect()
            time.sleep(_RENAME_PAUSE)
        else:
            return


def remove_lock(path: Path) -> None:
    """Remove the file of a lock that is let go of; it stays where another process has just opened it, as Windows removes no open file."""
    with contextlib.suppress(OSError):
        path.unlink()


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn the system's refusal to write into a sentence."""
    try:
        yield
    except OSError as error:
        msg = f"{path} cannot be written: {error.strerror or error}."
        raise OutputError(msg) from error


@contextlib.contextmanager
def locked(path: Path, refusal: str, *, patience: float = 0.0) -> Iterator[None]:
    """Hold the lock that a file stands for, which the system takes back from a process that ends.

    Args:
        path: of the file.
        refusal: what a person is told where another process holds it.
        patience: seconds to wait for that process.

    Raises:
        OutputError: another process holds it; with ``refusal`` as its sentence.
    """
    import filelock  # 10 ms, which listing does without

    lock = filelock.FileLock(path, timeout=patience)
    try:
        lock.acquire()
    except filelock.Timeout as error:
        raise OutputError(refusal) from error
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def new_folder(parent: Path) -> Iterator[Path]:
    """A temporary folder in ``parent`` to fill and then rename; what is left of it at the end is removed."""
    # Not by tempfile: its folders are for their owner alone, and on Windows hand that down to what is made in them.
    folder = parent / f".new-{uuid.uuid4().hex}"
    with writing(parent):
        parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def keep_newest(path: Path, others: Iterable[Path]) -> None:
    """Let a path be changed later than others, as it was, also where the clock was put back in between.

    Raises:
        OutputError: its time cannot be set.
    """
    times = []
    for each in others:
        with contextlib.suppress(FileNotFoundError):  # whose process has just removed it
            times.append(each.stat().st_mtime_ns)
    with writing(path):
        if times and path.stat().st_mtime_ns <= max(times):
            os.utime(path, ns=(max(times) + TICK_NS,) * 2)


def sync_folder(folder: Path) -> None:
    """Flush a folder's entries to the disk, so that a rename survives a power cut (POSIX; elsewhere nothing)."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # By these two a file system says that folders cannot be flushed; PostgreSQL's fsync_fname passes over them too.
        if error.errno not in (errno.EBADF, errno.EINVAL):
            raise
    finally:
        os.close(descriptor)
