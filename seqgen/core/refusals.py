"""Sources that are refused before they are opened: an empty name, and a device."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from seqgen.core.errors import CorpusError, UsageError


def refuse_empty(source: str) -> None:
    """Hold what names a source against being empty, as a variable of the shell is that nobody set.

    Raises:
        UsageError: it is.
    """
    if not source:
        raise UsageError("A source is empty text: name a file, a folder, a URL, or - for standard input.")


def refuse_device(path: Path) -> None:
    """Hold what exists against being a device, which may have no end: all but the null device and standard input.

    Raises:
        CorpusError: it is one.
    """
    status = path.stat()
    if not (stat.S_ISCHR(status.st_mode) or stat.S_ISBLK(status.st_mode)):
        return
    if status.st_rdev not in _harmless():
        raise CorpusError(f"{path} is a device and no file.  Name a file, a folder, or - for standard input.")


def _harmless() -> set[int]:
    found = set()
    for each in (os.devnull, 0):
        try:
            found.add(os.stat(each).st_rdev)  # noqa: PTH116  also of a descriptor
        except OSError:  # standard input may be closed
            continue
    return found
