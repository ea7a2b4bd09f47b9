"""What a part and its code are recognised by: what an earlier version of it made is not what it makes now."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path


def name_of(part: type) -> str:
    """Where the class of a part is, as ``module:Class``."""
    return f"{part.__module__}:{part.__qualname__}"


def code_of(part: type) -> str:
    """The sha256 over the sources of the package that the class of a part stands in, or of its module where it is in none.

    Empty where there is no source, and for seqgen's own parts, whose output changes with the format of a store.
    """
    top = part.__module__.partition(".")[0]
    module = sys.modules.get(top)
    if top == "seqgen" or module is None:
        return ""
    folders = [Path(folder) for folder in getattr(module, "__path__", ())]
    named = [(path.relative_to(folder).as_posix(), path) for folder in folders for path in folder.rglob("*.py")]
    if not folders and (file := getattr(module, "__file__", None)):
        named = [("", Path(file))]
    digest = hashlib.sha256()
    for name, path in sorted(named):
        try:
            content = path.read_bytes()
        except OSError:  # it was removed since it was imported
            continue
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest() if named else ""
