"""What is installed here: distributions and modules, told without importing any of them."""

from __future__ import annotations

import importlib.util
import re
import sys
from importlib.machinery import ModuleSpec, PathFinder
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.metadata import Distribution, EntryPoint


def normal_name(distribution: str) -> str:
    """The name of a distribution, in the one form that names are compared in (PEP 503)."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def distribution_of(entry_point: EntryPoint) -> tuple[str, str]:
    """Name and version of the distribution that an entry point belongs to."""
    package = re.split("[.:]", entry_point.value, maxsplit=1)[0]
    return (package, "?") if entry_point.dist is None else name_and_version(entry_point.dist, otherwise=package)


def name_and_version(dist: Distribution, *, otherwise: str) -> tuple[str, str]:
    """Of a distribution, and else, where its metadata does not tell, another name."""
    try:
        return _named_in_metadata(dist)
    except Exception:  # noqa: BLE001  half installed, or damaged; what is wrong shows when it is imported
        return otherwise, "?"


def _named_in_metadata(dist: Distribution) -> tuple[str, str]:
    # Not dist.name and dist.version, each of which parses all of the metadata, with a library that takes 17 ms to import.
    head = (dist.read_text("METADATA") or dist.read_text("PKG-INFO") or "").partition("\n\n")[0]
    fields = {key.lower(): value.strip() for key, _, value in (line.partition(":") for line in head.splitlines())}
    name: str | None = fields.get("name") or dist.name
    if not name:
        raise ValueError("a distribution without a name")
    return name, fields.get("version") or dist.version


def upgrade(distribution: str, installed: str, written: object) -> str:
    """What to do with a file that is not understood, where a later version of a distribution wrote it; else nothing.

    Args:
        distribution: that is installed.
        installed: its version.
        written: the version that wrote the file, as the file says: text of a stranger, which is shown only where it is a version.
    """
    if not isinstance(written, str) or not re.fullmatch(r"[0-9][A-Za-z0-9.+!-]{0,40}", written):
        return ""
    if _numbers(written) <= _numbers(installed):
        return ""
    return (
        f"It was written by {distribution} {written}, and this is {distribution} {installed}.  Upgrade {distribution}."
    )


def another_version(distribution: str, installed: str, written: str) -> str:
    """What to do with a file of a plugin that is not understood, where another version of the plugin wrote it; else nothing.

    Of seqgen only a later one: what an earlier one wrote it reads, and its name on PyPI is another project's.

    Args:
        distribution: that is installed.
        installed: its version.
        written: the version that wrote the file, as for :func:`upgrade`.
    """
    if later := upgrade(distribution, installed, written):
        return later
    if not (command := install_of(distribution, installed, written)):
        return ""
    versions = f"It was written by {distribution} {written}, and this is {distribution} {installed}"
    return f"{versions}, which may not read it.  {command}"


def install_of(distribution: str, installed: str, wanted: str) -> str:
    """The command that installs a version of a plugin in the place of another one; empty where that is the same, or none.

    Args:
        distribution: that is installed.
        installed: its version.
        wanted: text of a stranger, which comes into the command only where it is a version; a shell reads "!" otherwise.
    """
    version = re.fullmatch(r"[0-9][A-Za-z0-9.+-]{0,40}", wanted)
    if not version or normal_name(distribution) == "seqgen" or _numbers(wanted) == _numbers(installed):
        return ""
    return f"pip install {distribution}=={wanted}"


def _numbers(version: str) -> list[int]:
    """Those that a version begins with, by which versions are in order: of ``1.10.0rc1`` 1 and 10, for 1.10 is the same."""
    found = re.match(r"[0-9]+(\.[0-9]+)*", version)
    numbers = [int(number) for number in found[0].split(".")] if found else []
    while numbers and not numbers[-1]:
        numbers.pop()
    return numbers


def requirements_of(entry_point: EntryPoint) -> list[str]:
    """What the distribution of an entry point requires."""
    try:
        return (entry_point.dist.requires or []) if entry_point.dist else []
    except ValueError:  # damaged metadata says nothing
        return []


def find_module(name: str) -> ModuleSpec | None:
    """Where a module is, of which nothing is imported, nor any package on the way to it; None where it is not there."""
    first, *rest = name.split(".")
    try:
        spec = importlib.util.find_spec(first)
        for part in rest:
            if spec is None or spec.submodule_search_locations is None:
                return None
            first = f"{first}.{part}"
            spec = PathFinder.find_spec(first, spec.submodule_search_locations)
    except (ImportError, ValueError):
        return None
    return spec


def is_installed(package: str) -> bool:
    """Whether a package can be imported."""
    return package in sys.modules or find_module(package) is not None
