"""What lies below a folder of this machine."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from seqgen.core.errors import CorpusError


class Below(NamedTuple):
    """What lies below a folder.

    Attributes:
        files: their paths.
        linked: paths of links to folders, which are not followed, for they may lead round.
    """

    files: list[str]
    linked: list[str]


def below(folder: str) -> Below:
    """The files below a folder, those of each folder at the place of its name, without what is hidden (``.name``).

    A link that leads nowhere, or round to itself, is passed over; so is one to a folder within this one, whose files are found where
    they are, or around it.

    Args:
        folder: its path; empty for the current one, whose files then have no folder in front.

    Raises:
        CorpusError: a folder cannot be read.
    """
    found = Below([], [])
    begun = [
        (folder, _entries(folder))
    ]  # the outermost first; not by recursion, for folders may be nested deeper than that goes
    while begun:
        inside, entries = begun[-1]
        entry = next(entries, None)
        if entry is None:
            begun.pop()
            continue
        path = os.path.join(inside, entry.name)  # noqa: PTH118  strings take a quarter of the memory of Paths
        if entry.is_dir(follow_symlinks=False):
            begun.append((path, _entries(path)))
        elif _leads_to(entry.is_file):
            found.files.append(path)
        elif _leads_to(entry.is_dir) and not _overlap(path, folder):
            found.linked.append(path)
    return found


def _entries(folder: str) -> Iterator[os.DirEntry[str]]:
    """What is in a folder, by name, but for what is hidden."""
    try:
        with os.scandir(folder or ".") as entries:
            found = sorted((entry for entry in entries if not entry.name.startswith(".")), key=lambda entry: entry.name)
    except OSError as error:
        raise CorpusError(f"Folder {folder or '.'} cannot be read: {error.strerror}.") from error
    return iter(found)


def _leads_to(kind: Callable[[], bool]) -> bool:
    """What ``is_file`` or ``is_dir`` of an entry says; False for a link that leads round to itself, as for one that leads nowhere."""
    try:
        return kind()
    except OSError:
        return False


def _overlap(link: str, folder: str) -> bool:
    """Whether one of these folders is the other, or in it and not hidden there, wherever links lead."""
    place, around = Path(os.path.realpath(link)), Path(os.path.realpath(folder))
    if place.is_relative_to(around):
        return not any(part.startswith(".") for part in place.relative_to(around).parts)
    return around.is_relative_to(place)
