"""What lies in the folders of a registry, some of which may be another user's, who lets nobody look into them."""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path


def subfolders(folder: Path | str, pattern: str) -> list[str]:
    """The names of the folders in it that match, sorted; none where there is no such folder.

    Raises:
        PermissionError: it may not be looked into.
    """
    return sorted(entry.name for entry in entries(folder, pattern) if _is_folder(entry))


def readable_subfolders(folder: Path | str, pattern: str) -> list[str]:
    """The same, and none where it may not be looked into: one among others, which nobody asked for, must not hide those."""
    with contextlib.suppress(PermissionError):
        return subfolders(folder, pattern)
    return []


def entries(folder: Path | str, pattern: str) -> list[os.DirEntry[str]]:
    """What lies in a folder and has a name that matches; nothing where there is no such folder.

    Raises:
        PermissionError: it may not be looked into.
    """
    try:
        with os.scandir(folder) as found:
            fits = re.compile(pattern).fullmatch
            return [entry for entry in found if fits(entry.name)]
    except (FileNotFoundError, NotADirectoryError):
        return []


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except PermissionError:  # a link to where it may not be looked
        return False


def is_gone(folder: Path) -> bool:
    """Whether a folder that was listed has been removed or renamed since; what may not be looked at is there."""
    try:
        folder.lstat()
    except OSError as error:
        return isinstance(error, FileNotFoundError | NotADirectoryError)
    return False


def remove_if_empty(folder: Path) -> None:
    """Remove a folder in which nothing is left; one that holds something, or is none, stays."""
    with contextlib.suppress(OSError):
        folder.rmdir()


def lock_of(folder: Path) -> Path:
    """The file that is locked while a new folder is being filled."""
    return folder.with_name(f"{folder.name}.lock")
