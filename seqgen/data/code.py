"""What a part and its code are recognised by: what an earlier version of it made is not what it makes now."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from types import ModuleType


def name_of(part: type) -> str:
    """Where the class of a part is, as ``module:Class``."""
    return f"{part.__module__}:{part.__qualname__}"


def code_of(part: type) -> str:
    """The sha256 over the sources of the package that the class of a part stands in, or of its module where it is in none.

    Empty where there is no source, and for seqgen's own parts, whose output changes with the format of a store.
    """
    module = _outermost(part.__module__)
    if module is None or module.__name__ == "seqgen":
        return ""
    folders = [Path(folder) for folder in getattr(module, "__path__", ())]
    named = [(path.relative_to(folder).as_posix(), path) for folder in folders for path in folder.rglob("*.py")]
    if not folders:
        named = [("", Path(str(module.__file__)))]
    digest = hashlib.sha256()
    for name, path in sorted(named):
        try:
            content = path.read_bytes()
        except OSError:  # it was removed since it was imported
            continue
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest() if named else ""


def _outermost(name: str) -> ModuleType | None:
    """The outermost package with a file on the way to a module, which a namespace that distributions share has not."""
    parts = name.split(".")
    on_the_way = (sys.modules.get(".".join(parts[:end])) for end in range(1, len(parts) + 1))
    return next((module for module in on_the_way if getattr(module, "__file__", None)), None)
