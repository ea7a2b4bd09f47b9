"""What a model is called where nobody says: after its source, in letters from A to Z and digits."""

from __future__ import annotations

import glob
import os
import re
import unicodedata
from pathlib import Path, PurePath, PurePosixPath

from seqgen.core.compressed import ENDINGS

NAMELESS = "model"
"""What a model is called whose source has no name that can be written with letters from A to Z and digits."""

_COMPRESSED = re.compile(f"({'|'.join(map(re.escape, ENDINGS))})+$", re.IGNORECASE)
_SUFFIX = re.compile(r"(?<!^)\.[A-Za-z0-9]*[A-Za-z][A-Za-z0-9]*$")  # with a letter: .2 of v1.2 is none


def name_after(source: str) -> str:
    """The name of a model where none is given: that of its source, in letters from A to Z and digits.

    A file is called without what says how it is written, as ``.txt.gz``; a glob as the folder that it looks into, and so is what
    has its name in other letters alone.  Of a URL neither the user nor the query counts, which may be a signature.
    """
    remote = "://" in source
    path = re.sub(r"^.*?://([^/]*@)?", "", re.sub(r"[?#].*", "", source)) if remote else os.path.expanduser(source)  # noqa: PTH111  Path.expanduser raises where ~name is nobody
    place: PurePath = PurePosixPath(path) if remote else Path(path)
    here = not remote and os.path.lexists(path)
    magic = [not here and glob.has_magic(part) for part in place.parts]
    if any(magic):
        place = type(place)(*place.parts[: magic.index(True)])
    if not remote and place.name in {"", ".."}:
        place = _absolute(place)
    host_alone = remote and len(place.parts) == 1
    whole = any(magic) or host_alone or path.endswith(("/", os.sep)) or (here and Path(path).is_dir())
    own = place.name if whole else _SUFFIX.sub("", _COMPRESSED.sub("", place.name))
    if own == "-" or (own.isdecimal() and place.parent.name == "fd"):  # /dev/fd/63, as a shell calls <(command)
        return NAMELESS
    return spelled(own) or spelled((place if remote else _absolute(place)).parent.name) or NAMELESS


def spelled(text: str) -> str:
    """A text as the name of a model: accents are left out; empty where of all its letters none is one from A to Z."""
    folded = "".join(each for each in unicodedata.normalize("NFKD", text) if not unicodedata.combining(each))
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", folded).strip("-._")[:100]
    lost = any(each.isalpha() and not each.isascii() for each in folded)
    return "" if lost and not re.search("[A-Za-z]", name) else name


def _absolute(place: PurePath) -> Path:
    return Path(os.path.abspath(place))  # noqa: PTH100  which resolves .. and no link
