"""Locks between processes: a file stands for each."""

from __future__ import annotations

import contextlib
import errno
import os
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from seqgen.core.errors import OutputError

if TYPE_CHECKING:
    import filelock

# filelock then makes do with whether the file is there.  Not by catch_warnings where it locks, which other threads would feel; and here,
# once: by each change of the filters Python forgets what it has shown, and would show once more what is to be shown once.
warnings.filterwarnings("ignore", message="flock not supported", category=UserWarning)

_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP)
"""By these a file system says that it has no locks: some that lie on a network, or in a container, do."""

_WRITING_SECONDS = 5.0
"""Where there are no locks, for how long the file that stands for one may be empty: until it says which process holds it."""


@contextlib.contextmanager
def locked(path: Path, refusal: str, *, patience: float = 0.0) -> Iterator[None]:
    """Hold the lock that a file stands for, which the system takes back from a process that ends.

    Args:
        path: of the file.
        refusal: what a person is told where another process holds it.
        patience: seconds to wait for that process.

    Raises:
        OutputError: another process holds it, with ``refusal`` as its sentence; or it cannot be locked, see :func:`hold`.
    """
    lock = hold(path, patience=patience)
    if lock is None:
        raise OutputError(refusal)
    try:
        yield
    finally:
        lock.release()


def hold(path: Path, *, patience: float = 0.0) -> filelock.BaseFileLock | None:
    """Take the lock that a file stands for, until it is released or the process ends.

    The file is for whoever may write the folder that it lies in, whatever the umask: several people may share a registry.

    Args:
        path: of the file.
        patience: seconds to wait for a process that holds it; below 0, for ever.

    Returns:
        The lock; None where another process holds it for longer.

    Raises:
        OutputError: the file cannot be written; or its disk has no locks, and it says of no process that it holds it.
    """
    import filelock  # 10 ms, which listing does without

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(path, mode=path.parent.stat().st_mode & 0o666 | 0o600)
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            if isinstance(lock, filelock.SoftFileLock):
                _refuse_empty(path)
            lock.acquire(timeout=patience)
    except filelock.Timeout:
        return None
    except NotImplementedError as error:  # as earlier versions do in place of making do
        raise OutputError(_cannot_be_locked(path, os.strerror(errno.ENOSYS))) from error
    except OSError as error:
        reason = error.strerror or str(error)
        msg = _cannot_be_locked(path, reason) if error.errno in _NO_LOCKS else f"{path} cannot be written: {reason}."
        raise OutputError(msg) from error
    return lock


def _cannot_be_locked(path: Path, reason: str) -> str:
    return f"{path} cannot be locked: {reason}.  It needs a disk that has locks: put SEQGEN_HOME, or what is written, on one."


def _refuse_empty(path: Path) -> None:
    """Hold that a file says which process holds its lock: it alone stands for the lock where there are none, and would do so for ever.

    It is not simply removed, since another machine may have locks on the same disk, and hold this one.

    Raises:
        OutputError: it says nothing; names it.
    """
    try:
        status = path.lstat()
    except FileNotFoundError:  # it has just been let go of
        return
    if status.st_size == 0 and time.time() - status.st_mtime > _WRITING_SECONDS:
        msg = (
            f"{path} stands for a lock, since this disk has none, and does not say who holds it: it came from a disk that has "
            f"locks, or along with a copy.  If no other process is at work in {path.parent}, remove that file."
        )
        raise OutputError(msg)


def remove(path: Path) -> None:
    """Remove the file of a lock that is let go of; it stays where another process has just opened it, as Windows removes no open file."""
    with contextlib.suppress(OSError):
        path.unlink()
