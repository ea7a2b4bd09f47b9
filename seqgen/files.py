"""Writing files so that a reader, or a crash, never sees half of one."""

from __future__ import annotations

import contextlib
import errno
import gc
import json
import os
import re
import shutil
import stat
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

LEFT_SECONDS = 86_400.0
"""What has a temporary name and has not changed for a day is nobody's any more."""

_FLUSHES_NO_FOLDERS = (errno.EBADF, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)
"""By these a file system says that folders cannot be flushed: by the first two those over which PostgreSQL's fsync_fname passes
too (as over a folder that may not be opened), by the others some on a network or of a program's own."""

_TEMPORARY = re.compile(r"\.new-[0-9a-f]{32}")


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


def sha256(path: Path) -> str:
    """The file's sha256, in hexadecimal."""
    import hashlib  # which listing models does without

    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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

    Where the target is on another disk, as behind a link, it is copied to beside the target and renamed there: so there too
    it appears whole.

    Windows also refuses for a moment after something was written, while a virus scanner or the indexer reads it, and
    as long as an array that nobody uses any more, but that is not collected yet, is mapped from it: so there it is tried again
    for two seconds.

    Args:
        source: the file or folder.
        target: its new path.
        over: whether it takes the place of a file that may be there.

    Raises:
        OSError: the system refuses.
        OutputError: the other disk does not take it.
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
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            _move_to_another_disk(source, target, over=over)
            return
        else:
            return


def _move_to_another_disk(source: Path, target: Path, *, over: bool) -> None:
    new = target.with_name(f".new-{uuid.uuid4().hex}")
    try:
        _copy(source, new)
        move(new, target, over=over)
        sync_folder(target.parent)  # before the only other copy goes
    finally:
        _remove(new)
    if source.is_dir() and not source.name.startswith("."):
        # Half of it must not count for a whole one, as nothing does whose name begins with a dot.
        source = source.rename(source.with_name(f".old-{uuid.uuid4().hex}"))
    _remove(source)


def _copy(source: Path, target: Path) -> None:
    """Copy a file, a link, or a folder and all that is in it, flushed to the disk."""
    if source.is_symlink():
        target.symlink_to(source.readlink())
    elif source.is_dir():
        target.mkdir()
        for each in source.iterdir():
            _copy(each, target / each.name)
        sync_folder(target)
    else:
        copy_file(source, target)


def _remove(path: Path) -> None:
    """Remove a file, a link or a folder, as far as that can be done."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
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


def make_folder(path: Path) -> None:
    """Make a folder, unless it is there, for whoever may write the one that it lies in, whatever the umask; see :func:`seqgen.locks.hold`.

    Raises:
        OSError: it cannot be made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir():
        return
    path.mkdir(exist_ok=True)  # another process may have been faster
    with contextlib.suppress(OSError):  # and then it is that process's to do; or the disk has no permissions
        path.chmod(stat.S_IMODE(path.parent.stat().st_mode))


@contextlib.contextmanager
def new_folder(parent: Path) -> Iterator[Path]:
    """A temporary folder in ``parent`` to fill and then rename; what is left of it at the end is removed, and see :func:`remove_left`."""
    # Not by tempfile: its folders are for their owner alone, and on Windows hand that down to what is made in them.
    folder = parent / f".new-{uuid.uuid4().hex}"
    remove_left(parent)
    with writing(parent):
        parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def remove_left(parent: Path) -> None:
    """Remove from a folder what processes that were killed have left in it under a temporary name, as far as that can be done.

    That is what has not changed for a day: a living process would have written something into it.  What has a lock beside it
    is told by that (see :meth:`seqgen.registry.Registry.new_folder`), and stays.
    """
    with contextlib.suppress(OSError):  # it is not there, may not be listed, or another process removes the same
        for path in parent.iterdir():
            if _TEMPORARY.fullmatch(path.name) and not path.with_name(f"{path.name}.lock").exists():
                changed = max(each.lstat().st_mtime for each in (path, *path.rglob("*")))
                if time.time() - changed > LEFT_SECONDS:
                    _remove(path)


def keep_newest(path: Path, others: Iterable[Path]) -> None:
    """Let a path be changed later than others, as it was, also where the clock was put back in between.

    Raises:
        OutputError: its time cannot be set.
    """
    times = []
    for each in others:
        with contextlib.suppress(FileNotFoundError, PermissionError):  # just removed, or another user's
            times.append(each.stat().st_mtime_ns)
    with writing(path):
        if times and path.stat().st_mtime_ns <= max(times):
            os.utime(path, ns=(max(times) + TICK_NS,) * 2)


def sync_file(path: Path) -> None:
    """Flush a file that is written and closed to the disk, so that a power cut after its rename does not leave it empty.

    Raises:
        OSError: the disk fails, or the file has gone.
    """
    with path.open("r+b") as file:  # Windows flushes none that is open for reading alone
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Flush a folder's entries to the disk, so that a rename survives a power cut (POSIX; elsewhere nothing).

    Raises:
        OutputError: it is not there any more, or the disk fails.
    """
    if not hasattr(os, "O_DIRECTORY"):
        return
    with writing(folder):
        try:
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        except PermissionError:  # it may be written and not listed, as one into which everybody may put things
            return
        try:
            os.fsync(descriptor)
        except OSError as error:
            if error.errno not in _FLUSHES_NO_FOLDERS:
                raise
        finally:
            os.close(descriptor)
