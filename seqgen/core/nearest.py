"""What is said where a person names what is not there, with what is called nearly so."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType


def missing(name: str, path: Path, *, besides: Mapping[str, str] | None = None) -> str:
    """The sentence about a path that does not exist, with what is called nearly so.

    Args:
        name: as it was named.
        path: what that stands for.
        besides: names that could have been meant and are none of files, to how they are shown.
    """
    if path.is_symlink():
        return f"{name} is a link to {os.readlink(path)}, which is not there."  # noqa: PTH115  Path drops ./
    near = [str(path.parent / each) for each in nearest(path.name, _beside(path))]
    near += [(besides or {})[each] for each in nearest(path.name, besides or {})]
    return f"{name} does not exist." + (f"  Nearest: {' or '.join(near)}" if near else "")


def nearest(name: str, names: Iterable[str], *, most: int = 1, likeness: float = 0.6) -> list[str]:
    """The names that are most like another one, whatever their case, the nearest first.

    Args:
        name: that there is not.
        names: those that there are.
        most: how many are given at most.
        likeness: how much, from 0 to 1, a name must be like it to be given.
    """
    import difflib  # seldom needed

    by_case: dict[str, list[str]] = {}
    for each in sorted(names):
        by_case.setdefault(each.casefold(), []).append(each)
    near = difflib.get_close_matches(name.casefold(), by_case, n=most, cutoff=likeness)
    return [each for folded in near for each in by_case[folded]][:most]


def nearest_in_words(
    name: str,
    names: Iterable[str],
    *,
    most: int = 3,
    likeness: float = 0.6,
    shown: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """The names that are like one that there is not, as a sentence with two spaces before it; empty where none is.

    Args:
        name: that there is not.
        names: those that there are.
        most: how many are named at most, the nearest first.
        likeness: how much, from 0 to 1, a name must be like it to be named.
        shown: how those of the names are written that are not written as they are.
    """
    near = nearest(name, names, most=most, likeness=likeness)
    return f"  Nearest: {', '.join(shown.get(each, each) for each in near)}." if near else ""


def _beside(path: Path) -> list[str]:
    try:
        return [each.name for each in path.parent.iterdir()]
    except OSError:
        return []
