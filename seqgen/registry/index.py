"""What was read of each version, kept so that a list of thousands need not read them all again.

A cache and no more: ``models/.index.json`` may be removed, copied along or out of date.  An entry counts only as long as
the version's folder, its manifest, configuration and weights are the very same: same inode, size, time of writing, and time of change,
which the system keeps and no program that copies files can set.  What had been changed within two seconds before it was read
is not kept, since a second change may then have the same time.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seqgen.manifest import CONFIG, MANIFEST, WEIGHTS
from seqgen.untrusted import refuse_nested, size_of

INDEX = ".index.json"
FORMAT_VERSION = 3

MAX_BYTES = 64 * 2**20
"""An index above this is not read; some 100,000 versions."""

SETTLED_NS = 2_000_000_000

_STATES = 4
"""How many numbers say what the files of a version were."""

_WATCHED = ("", f"/{MANIFEST}", f"/{CONFIG}", f"/{WEIGHTS}")
"""Of a version: a file that comes, goes or is replaced changes its folder; these three are looked at themselves, since asking about
a file is most of what a list costs.  What else was written over in place, ``models verify`` tells."""


@dataclass
class Index:
    """The entries of one registry.

    Attributes:
        folder: of the registry.
        fields: what the facts of a version are, in their order; an index of others is not used.
        entries: a version to what its files were, and its facts, in one list: JSON of more is slower to read.
    """

    folder: Path
    fields: Sequence[str]
    entries: dict[str, Any] = field(default_factory=dict)
    _found: dict[str, Any] = field(default_factory=dict)
    _changed: bool = False

    @classmethod
    def read(cls, folder: Path, fields: Sequence[str]) -> Index:
        """What is kept in a registry's folder; nothing where it cannot be read."""
        path = folder / INDEX
        with contextlib.suppress(OSError, ValueError, RecursionError):
            if size_of(path) <= MAX_BYTES:
                content = path.read_bytes()
                refuse_nested(content)  # it may have come along with a stranger's registry
                value = json.loads(content)
                if isinstance(value, dict) and value.get("format_version") == FORMAT_VERSION:
                    entries = value.get("versions")
                    if isinstance(entries, dict) and value.get("fields") == list(fields):
                        return cls(folder, fields, entries)
        return cls(folder, fields)

    def get(self, version: str, folder: str) -> list[Any] | None:
        """The facts of a version, if they are those of the files as they are now."""
        entry = self.entries.get(version)
        if not isinstance(entry, list) or entry[:_STATES] != _state(_watched(folder)):
            return None
        facts = entry[_STATES:]
        if len(facts) != len(self.fields):  # somebody has written in it
            return None
        self._found[version] = entry
        return facts

    def put(self, version: str, folder: str, facts: Sequence[Any]) -> None:
        """Keep the facts that have just been read."""
        found = _watched(folder)
        if found and max(each.st_ctime_ns for each in found) < time.time_ns() - SETTLED_NS:
            self._found[version] = [*_state(found), *facts]
            self._changed = True

    def write(self) -> None:
        """Keep what was found; where that cannot be written, the next list takes longer."""
        if not self._changed and self._found.keys() == self.entries.keys():
            return
        import tempfile  # seldom needed

        with contextlib.suppress(OSError):
            descriptor, name = tempfile.mkstemp(prefix=".new-index-", dir=self.folder)
            try:
                with contextlib.suppress(OSError):  # the disk has no permissions
                    os.chmod(name, self._mode())  # noqa: PTH101
                with open(descriptor, "w", encoding="utf-8") as file:  # noqa: PTH123
                    value = {"format_version": FORMAT_VERSION, "fields": [*self.fields], "versions": self._found}
                    file.write(json.dumps(value))  # dump is 5 times slower
                os.replace(name, self.folder / INDEX)  # noqa: PTH105
            except OSError:
                os.unlink(name)  # noqa: PTH108  or each list would leave one on a full disk

    def _mode(self) -> int:
        """Whom the index is for: whoever may look at the registry and at each version of which it has the facts, whatever the umask.

        ``mkstemp`` makes a file for its owner alone; where several share a registry, each would read every version anew.
        """
        versions = [version.replace(":", "/") for version in self._found]
        names = {version.partition("/")[0] for version in versions}
        mode = 0o666
        for each in (".", *names, *versions):
            mode &= os.stat(f"{self.folder}/{each}").st_mode  # noqa: PTH116
        return mode | 0o600


def _watched(folder: str) -> list[os.stat_result]:
    """What the system says of the folder and of the files that a list depends on; nothing where one is missing."""
    try:
        return [os.stat(f"{folder}{each}") for each in _WATCHED]  # noqa: PTH116  Path takes 4 times as long
    except OSError:
        return []


def _state(found: Sequence[os.stat_result]) -> list[int]:
    """Their inodes, sizes, times of writing and of change, each summed: JSON of every number takes twice as long to read."""
    if not found:
        return []
    a, b, c, d = found  # a loop over what is watched takes twice as long
    return [
        a.st_ino + b.st_ino + c.st_ino + d.st_ino,
        a.st_size + b.st_size + c.st_size + d.st_size,
        a.st_mtime_ns + b.st_mtime_ns + c.st_mtime_ns + d.st_mtime_ns,
        a.st_ctime_ns + b.st_ctime_ns + c.st_ctime_ns + d.st_ctime_ns,
    ]
