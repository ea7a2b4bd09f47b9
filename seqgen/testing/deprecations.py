"""The deprecated things that a part uses: what its code is warned of, and what it implements."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from warnings import WarningMessage

from seqgen.core.part_entry import PartEntry


def deprecations(warned: Iterable[WarningMessage], entry: PartEntry) -> list[str]:
    """What a part uses although it is deprecated, each once and with the place: ``parts.py:7: ...``, ``Part.method: ...``.

    What a framework or seqgen itself was warned of is theirs to mend, and left out.

    Args:
        warned: the warnings while the part was imported and used.
        entry: the part.
    """
    names = {re.split("[.:]", target)[0] for target in (entry.plugin.module, entry.target)}
    packages = [sys.modules[name] for name in sorted(names) if name in sys.modules]
    own = [Path(package.__file__) for package in packages if package.__file__ is not None]
    own += [Path(folder) for package in packages for folder in getattr(package, "__path__", ())]
    found = []
    for each in warned:
        place = Path(each.filename)
        if issubclass(each.category, DeprecationWarning) and any(place.is_relative_to(path) for path in own):
            found.append(f"{place.name}:{each.lineno}: {each.message}")
    module, _, name = entry.target.partition(":")
    part = getattr(sys.modules.get(module), name, None)
    if isinstance(part, type):
        found += _implemented(part)
    return list(dict.fromkeys(found))


def _implemented(part: type[Any]) -> Iterator[str]:
    """The deprecated methods of its contract that a part has of its own: seqgen calls them, which warns nobody."""
    for place, base in enumerate(part.__mro__):
        if not base.__module__.startswith("seqgen.core."):
            continue
        for name, value in vars(base).items():
            function = value.fget if isinstance(value, property) else getattr(value, "__func__", value)
            text = getattr(function, "__deprecated__", "")
            if text and any(name in vars(owner) for owner in part.__mro__[:place]):
                yield f"{part.__name__}.{name}: {text}"
