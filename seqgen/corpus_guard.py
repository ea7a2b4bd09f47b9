"""What a model's folder names as its corpus, told without opening it.

A folder may come from a stranger, who could name whatever this machine has: a pipe in which nothing comes, a device, a disk.
"""

from __future__ import annotations

import contextlib
import glob
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from seqgen.untrusted import shown

BYTES, SLACK = 64, 1 << 30
"""Bytes of files for each character that a model was trained on, and besides, above which they are not its corpus.

A folder also has files that a dataset passes over, and tables columns; a disk has far more of them.
"""

_LEAST = 1 << 12  # bytes that a file counts for at least: a million small ones take their time too
_MADE_UP = ("/proc", "/sys")  # files that the system makes up as they are read, some of which wait, or never end


def objection(sources: Iterable[str], characters: float) -> str:
    """The source that no corpus is, and why; empty where there is none.  No file is opened.

    Args:
        sources: as a manifest has them.
        characters: of the corpus, as it has them, too.
    """
    total, most = 0, BYTES * characters + SLACK
    for source in sources:
        if not _is_whole_path(source):
            return f"{shown(source)}, which is no whole path"
        if _is_of_the_system(source):
            return f"{shown(source)}, where the files of the system are"
        for status in files_of(source):
            if not stat.S_ISREG(status.st_mode):
                return f"{shown(source)}, which is neither a file nor a folder"
            total += max(status.st_size, _LEAST)
            if total > most:
                return f"far less than {shown(source)} has"
    return ""


def _is_whole_path(source: str) -> bool:
    try:
        return Path(source).is_absolute() and b"\0" not in os.fsencode(source)
    except UnicodeEncodeError:
        return False


def _is_of_the_system(source: str) -> bool:
    """Whether it is the root of a disk, or lies where files are made up; of a glob, what is before its first wildcard."""
    path = Path(source)
    while glob.has_magic(str(path)):
        path = path.parent
    path = Path(os.path.realpath(path))
    return path == path.parent or any(path.is_relative_to(folder) for folder in _MADE_UP)


def files_of(source: str) -> Iterator[os.stat_result]:
    """What the files are that :func:`seqgen.core.files.find_sources` would find; without those that are not there any more."""
    if glob.has_magic(source) and not os.path.exists(source):  # noqa: PTH110  as is_dir below
        folders = []
        matched = False
        for match in glob.iglob(source, recursive=True):  # noqa: PTH207  one after the other, and also absolute ones
            if os.path.isdir(match):  # noqa: PTH112  Path.is_dir raises where a folder may not be entered
                folders.append(match)
            else:
                matched = True
                yield from _status(match)
        if matched:
            return
    else:
        folders = [source]
    for folder in folders:
        if os.path.isdir(folder):  # noqa: PTH112  the same
            yield from _below(folder)
        else:
            yield from _status(folder)


def _below(folder: str) -> Iterator[os.stat_result]:
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            if not name.startswith("."):
                yield from (each for each in _status(f"{place}/{name}") if stat.S_ISREG(each.st_mode))


def _status(path: str) -> Iterator[os.stat_result]:
    with contextlib.suppress(OSError):
        yield os.stat(path)  # noqa: PTH116  of 100,000 files, Path takes half the time
