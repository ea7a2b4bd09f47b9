"""What was read of each version, kept so that a list of thousands need not read them all again.

A cache and no more: ``models/.index.json`` may be removed, copied along or out of date.  An entry counts only as long as
the version's folder and the files that every model has are the very same: same inode, size, time of writing,
and time of change, which the system keeps and no program that copies files can set.  What had been changed within two seconds before it was read is not kept, since a
second change may then have the same time.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seqgen.manifest import REQUIRED

INDEX = ".index.json"
FORMAT_VERSION = 1

MAX_BYTES = 64 * 2**20
"""An index above this is not read; some 100,000 versions."""

SETTLED_NS = 2_000_000_000

_WATCHED = tuple(f"/{name}" for name in REQUIRED)


@dataclass
class Index:
    """The entries of one registry."""

    folder: Path
    entries: dict[str, Any] = field(default_factory=dict)
    _found: dict[str, Any] = field(default_factory=dict)
    _changed: bool = False

    @classmethod
    def read(cls, folder: Path) -> Index:
        """What is kept in a registry's folder; nothing where it cannot be read."""
        path = folder / INDEX
        with contextlib.suppress(OSError, ValueError, RecursionError):
            if path.stat().st_size <= MAX_BYTES:
                value = json.loads(path.read_bytes())
                if isinstance(value, dict) and value.get("format_version") == FORMAT_VERSION:
                    entries = value.get("versions")
                    return cls(folder, entries if isinstance(entries, dict) else {})
        return cls(folder)

    def get(self, version: str, folder: str) -> dict[str, Any] | None:
        """The facts of a version, if they are those of the files as they are now."""
        entry = self.entries.get(version)
        if (
            not isinstance(entry, list)
            or len(entry) != 2
            or not isinstance(entry[1], dict)
            or entry[0] != _state(folder)
        ):
            return None
        self._found[version] = entry
        facts: dict[str, Any] = entry[1]
        return facts

    def put(self, version: str, folder: str, facts: dict[str, Any]) -> None:
        """Keep the facts that have just been read."""
        state = _state(folder)
        if state is not None and max(state[3::4]) < time.time_ns() - SETTLED_NS:
            self._found[version] = [state, facts]
            self._changed = True

    def forget(self, version: str) -> None:
        """Keep nothing of a version."""
        self._found.pop(version, None)
        self.entries.pop(version, None)

    def write(self) -> None:
        """Keep what was found; where that cannot be written, the next list takes longer."""
        if not self._changed and self._found.keys() == self.entries.keys():
            return
        with contextlib.suppress(OSError):
            descriptor, name = tempfile.mkstemp(prefix=".new-index-", dir=self.folder)
            with open(descriptor, "w", encoding="utf-8") as file:  # noqa: PTH123
                file.write(
                    json.dumps({"format_version": FORMAT_VERSION, "versions": self._found})
                )  # dump is 5 times slower
            os.replace(name, self.folder / INDEX)  # noqa: PTH105


def _state(folder: str) -> list[int] | None:
    """Inode, size, and times of writing and of change, of the folder and of the files that a list depends on."""
    try:
        found = [os.stat(f"{folder}{each}") for each in ("", *_WATCHED)]  # noqa: PTH116  Path takes 4 times as long
    except OSError:
        return None
    return [number for each in found for number in (each.st_ino, each.st_size, each.st_mtime_ns, each.st_ctime_ns)]
