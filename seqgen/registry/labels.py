"""What a person has said of a model's versions, which themselves never change: aliases, tags, notes.

They lie beside the versions in one small file, ``models/NAME/labels.json``, which is replaced as a whole and changed only
under the registry's lock.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from seqgen import files
from seqgen.core.errors import DamagedModelError, UsageError
from seqgen.registry.names import LABEL, NAME, VERSION
from seqgen.untrusted import MAX_JSON_BYTES, parse_json, read_json, shown

LABELS = "labels.json"
FORMAT_VERSION = 1

MAX_NOTE = 2000
"""Characters of a note."""

_KEYS = {"format_version", "aliases", "tags", "notes", "highest", "former_names"}


@dataclass(frozen=True)
class Labels:
    """What was said of the versions of one model.

    Attributes:
        aliases: an alias to its version.
        tags: a version to its tags, sorted.
        notes: a version to its note.
        highest: of the versions that were removed; no number is given twice.
        former_names: what the model was called before, oldest first.
    """

    aliases: dict[str, int] = field(default_factory=dict)
    tags: dict[int, tuple[str, ...]] = field(default_factory=dict)
    notes: dict[int, str] = field(default_factory=dict)
    highest: int = 0
    former_names: tuple[str, ...] = ()

    @classmethod
    def read(cls, folder: Path) -> Labels:
        """Those of a model's folder; none where nothing was said yet.

        Raises:
            DamagedModelError: the file is not what this module writes, or a newer one wrote it.
        """
        path, where = folder / LABELS, f"{folder.name}/{LABELS}"
        with contextlib.suppress(PermissionError):  # reading tells it in a sentence
            if not path.exists():
                return cls()
        value = read_json(path, where=where)
        version = value.get("format_version")
        if type(version) is int and version > FORMAT_VERSION:
            msg = f"{where}: format version {shown(version)} is not {FORMAT_VERSION}, the one this seqgen reads: a newer one wrote it.  Upgrade seqgen."
            raise DamagedModelError(msg)
        if fault := _fault(value):
            msg = f"{where}: {fault}.  Mend it, or remove it: then {folder.name} has no aliases, tags and notes."
            raise DamagedModelError(msg)
        return cls(
            aliases=value["aliases"],
            tags={int(number): tuple(tags) for number, tags in value["tags"].items()},
            notes={int(number): note for number, note in value["notes"].items()},
            highest=value["highest"],
            former_names=tuple(value["former_names"]),
        )

    @staticmethod
    def highest_said(folder: Path) -> int:
        """``highest``, also of a file that cannot be read otherwise, as one that a newer seqgen wrote; 0 where it does not say."""
        with contextlib.suppress(DamagedModelError):
            highest = read_json(folder / LABELS, where=f"{folder.name}/{LABELS}").get("highest", 0)
            return int(highest) if _is_version(highest) else 0
        return 0

    def write(self, folder: Path) -> None:
        """Put them in the place of those that are there; only under the registry's lock.

        Raises:
            UsageError: they could not be read again, and so nothing is written.
            OutputError: they cannot be written.
        """
        content = files.json_bytes({"format_version": FORMAT_VERSION, **asdict(self)})
        try:
            parse_json(content)
            readable = len(content) <= MAX_JSON_BYTES
        except ValueError:  # notes of brackets and braces, which a reader takes for an attack
            readable = False
        if not readable:
            raise UsageError(
                f"What is said of {folder.name} would be more than seqgen reads again.  Write shorter notes, with fewer brackets "
                "and braces"
            )
        files.replace_bytes(folder / LABELS, content)

    def aliases_of(self, version: int) -> list[str]:
        """The aliases of a version, sorted."""
        return sorted(alias for alias, number in self.aliases.items() if number == version)

    def says_of(self, version: int) -> bool:
        """Whether anything was said of a version."""
        return version in self.tags or version in self.notes or version in self.aliases.values()

    def with_alias(self, alias: str, version: int | None) -> Labels:
        """The same with an alias set, or moved; None removes it."""
        others = {each: number for each, number in self.aliases.items() if each != alias}
        return replace(self, aliases=others | ({alias: version} if version is not None else {}))

    def with_tags(self, version: int, *, add: Iterable[str] = (), remove: Iterable[str] = ()) -> Labels:
        """The same with tags added to a version, and others removed from it."""
        tags = tuple(sorted({*self.tags.get(version, ()), *add} - {*remove}))
        return replace(self, tags=_without(self.tags, version) | ({version: tags} if tags else {}))

    def with_note(self, version: int, note: str) -> Labels:
        """The same with another note; an empty one removes it."""
        return replace(self, notes=_without(self.notes, version) | ({version: note} if note else {}))

    def only(self, versions: Iterable[int]) -> Labels:
        """The same without what was said of versions that are no more."""
        there = {*versions}
        return replace(
            self,
            aliases={alias: number for alias, number in self.aliases.items() if number in there},
            tags={number: tags for number, tags in self.tags.items() if number in there},
            notes={number: note for number, note in self.notes.items() if number in there},
        )


def _without(table: dict[int, Any], version: int) -> dict[int, Any]:
    return {number: value for number, value in table.items() if number != version}


def _fault(value: dict[str, Any]) -> str:
    """What is wrong with a file's content, in words; empty if nothing is."""
    if value.get("format_version") != FORMAT_VERSION:
        return f"its format version is not {FORMAT_VERSION}, the one this seqgen reads"
    if value.keys() != _KEYS:
        return f"its keys are not {', '.join(sorted(_KEYS))}"
    if not all(isinstance(value[key], dict) for key in ("aliases", "tags", "notes")):
        return "aliases, tags and notes must be objects"
    aliases, tags, notes = value["aliases"], value["tags"], value["notes"]
    if not all(re.fullmatch(LABEL, alias) and _is_version(number) for alias, number in aliases.items()):
        return "an alias does not name a version"
    if not all(re.fullmatch(VERSION, number) for number in [*tags, *notes]):
        return "what tags and notes are of must be versions"
    if not all(isinstance(each, list) and all(map(_is_label, each)) for each in tags.values()):
        return "the tags of a version must be a list of tags"
    if not all(isinstance(note, str) and len(note) <= MAX_NOTE for note in notes.values()):
        return f"a note must be a text of at most {MAX_NOTE} characters"
    if not (value["highest"] == 0 or _is_version(value["highest"])):
        return "highest must be a version, or 0"
    former = value["former_names"]
    if not (isinstance(former, list) and all(isinstance(each, str) and re.fullmatch(NAME, each) for each in former)):
        return "former_names must be a list of names"
    return ""


def _is_version(value: object) -> bool:
    return type(value) is int and 1 <= value < 10**9


def _is_label(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(LABEL, value) is not None
