"""The deprecated things that a part uses, found by the warnings that its code gets."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from pathlib import Path
from warnings import WarningMessage

from seqgen.core.catalog import PartEntry


def deprecations(warned: Iterable[WarningMessage], entry: PartEntry) -> list[str]:
    """What the packages of a part were warned of, each once and with the place: ``parts.py:7: ...``.

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
    return list(dict.fromkeys(found))
