"""Which parts a person means: by name, by distribution, or by the folder of a plugin that is not installed."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from seqgen.core.catalog import Catalog, load_catalog
from seqgen.core.distributions import normal_name
from seqgen.core.errors import PluginError, UnknownPartError, UsageError
from seqgen.core.hookspecs import PROJECT
from seqgen.core.kinds import KINDS
from seqgen.core.nearest import nearest_in_words
from seqgen.core.part_entry import PartEntry
from seqgen.installed import readable_entry_points


@contextlib.contextmanager
def parts_named(name: str, catalog: Catalog) -> Iterator[list[PartEntry]]:
    """The parts that a person means, which can be used until the end: see ``as_installed`` and ``find_parts``."""
    folder = Path(name)
    # A folder of any kind may have the name of a part; who means it all the same writes ./NAME.
    if not folder.is_dir() or (folder.parts == (name,) and not (folder / "pyproject.toml").exists()):
        yield find_parts(catalog, name)
        return
    with as_installed(folder) as distribution:
        yield find_parts(catalog_of(distribution), distribution)


def find_parts(catalog: Catalog, name: str) -> list[PartEntry]:
    """The parts that a name stands for.

    Args:
        catalog: where to look.
        name: a distribution, for all its parts; a part, as ``char``, ``seqgen/char`` or ``tokenizer:char``.  Without a
            kind, the parts of that name of every kind.

    Raises:
        UnknownPartError: there is none; names the nearest.
        AmbiguousPartError: several distributions offer that name.
        PluginError: the plugin fails, or has no parts.
    """
    kind, colon, bare = name.partition(":")
    for each in KINDS:
        if colon and each == kind:
            return [catalog.find(each, bare)]
    catalog.wait()
    parts = [entry for each in KINDS for entry in catalog.entries(each)]
    for plugin in catalog.plugins:
        if normal_name(plugin.distribution) == normal_name(name):
            if plugin.problem or plugin.disabled:
                why = plugin.problem or f"{plugin.disabled} disables it"
                msg = f"Plugin {plugin.distribution} {plugin.version} cannot be used: {why}"
                raise PluginError(msg) from plugin.cause
            if found := [entry for entry in parts if entry.plugin is plugin]:
                return found
            msg = f"Plugin {plugin.distribution} {plugin.version} registers no parts, so there is nothing to check."
            raise PluginError(msg)
    bare = name.rpartition("/")[2]
    named = [each for each in KINDS if any(entry.kind == each and entry.name == bare for entry in parts)]
    if named:
        return [catalog.find(each, name) for each in named]
    known = {entry.name for entry in parts} | {plugin.distribution for plugin in catalog.plugins}
    nearest = nearest_in_words(bare, known, likeness=0.5)
    folder = f".  The folder {name} has no pyproject.toml." if Path(name).is_dir() else ", nor a folder of that name."
    msg = f'No part or plugin "{name}"{folder}{nearest}  All: seqgen list-plugins'
    raise UnknownPartError(msg)


def catalog_of(distribution: str) -> Catalog:
    """A catalog of the bundled parts and those of one distribution, whatever else is installed."""
    points, _ = readable_entry_points()
    return load_catalog(
        [point for point in points if point.dist and normal_name(point.dist.name) == normal_name(distribution)]
    )


@contextlib.contextmanager
def as_installed(folder: Path) -> Iterator[str]:
    """A plugin's folder as though pip had installed it, in this process; gives its distribution's name.

    Its ``src`` (or the folder itself, where there is none) is put on the path, beside a description of its entry points
    as pip writes it.  Dependencies are not installed.

    Raises:
        UsageError: the folder has no pyproject.toml that names an entry point of the group ``seqgen``.
    """
    file = folder / "pyproject.toml"
    try:
        project = tomllib.loads(file.read_text(encoding="utf-8")).get("project", {})
    except OSError as error:
        msg = f"{file} cannot be read: {error.strerror}.  Name the folder of a plugin, or a part: seqgen list-plugins"
        raise UsageError(msg) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        msg = f"{file} is not TOML: {error}"
        raise UsageError(msg) from error
    points = project.get("entry-points", {}).get(PROJECT)
    if not points or not isinstance(points, dict) or "name" not in project:
        msg = (
            f"{file} names no plugin.  Say under [project] its name and under [project.entry-points.{PROJECT}] the "
            'module of its hooks: NAME = "PACKAGE"'
        )
        raise UsageError(msg)
    source = folder / "src" if (folder / "src").is_dir() else folder
    with tempfile.TemporaryDirectory(prefix="seqgen-check-") as described:
        _describe(Path(described), project, points)
        before = sys.path[:]
        sys.path[:0] = [described, str(source.resolve())]
        try:
            yield project["name"]
        finally:
            sys.path[:] = before


def search_path() -> str:
    """The path on which this process finds modules, as ``PYTHONPATH`` for another, in whatever folder it runs."""
    return os.pathsep.join(os.path.abspath(each) for each in sys.path)  # noqa: PTH100  also zip files, also ""


def _describe(site: Path, project: dict[str, Any], points: dict[str, str]) -> None:
    """Write the metadata of a distribution, of which importlib.metadata reads name, version and entry points."""
    name, version = project["name"], project.get("version", "0")  # dynamic where a build tool finds it
    folder = site / f"{normal_name(name).replace('-', '_')}-{version}.dist-info"
    folder.mkdir()
    folder.joinpath("METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", "utf-8")
    lines = [f"{point} = {target}" for point, target in points.items()]
    folder.joinpath("entry_points.txt").write_text("\n".join([f"[{PROJECT}]", *lines, ""]), "utf-8")
