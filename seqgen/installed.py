"""The plugins that are installed here, less those that a person has turned off."""

from __future__ import annotations

import functools
import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from seqgen import home
from seqgen.core.catalog import Catalog, Kind, load_catalog
from seqgen.core.errors import OptionError
from seqgen.core.hookspecs import PROJECT
from seqgen.core.plugin import Plugin

DISABLE = "SEQGEN_DISABLE_PLUGINS"
"""The variable that names distributions whose plugins are not used, with commas between them."""

NO_PLUGINS = "SEQGEN_NO_PLUGINS"
"""The variable that leaves out all plugins but the bundled one."""


def installed_catalog(*, no_plugins: bool = False, tell: Callable[[Plugin], None] | None = None) -> Catalog:
    """A catalog of the bundled parts and of all plugins installed in this environment.

    Left out are all plugins with ``SEQGEN_NO_PLUGINS=1``, those named in ``SEQGEN_DISABLE_PLUGINS``, and those in the list
    ``disable-plugins`` of the file ``config.toml`` in ``SEQGEN_HOME``.

    Args:
        no_plugins: the bundled parts alone.
        tell: called with a plugin that cannot be used, and why; default: :func:`warnings.warn`.

    Raises:
        OptionError: the configuration file is not TOML, or holds something else.
    """
    tell = tell or _warn
    if no_plugins or _none_wanted():
        return Catalog(load_catalog().plugins, tell, bundled_only=True)
    from importlib.metadata import entry_points

    return load_catalog(entry_points(group=PROJECT), disabled=_disabled(), tell=tell)


def find_part(kind: Kind, name: str) -> type[Any]:
    """The class of a part that is installed here: for a part that is built around another, as a tokenizer around any.

    What is wrong with other plugins is told where plugins are listed, not here.

    Args:
        kind: tokenizer, dataset, backend, sampler or callback.
        name: as a person writes it: ``char``, or ``DISTRIBUTION/NAME``.

    Raises:
        UnknownPartError: there is none; names the nearest.
        AmbiguousPartError: several distributions offer that name.
        MissingDependencyError: a package that it needs is not installed; says what installs it.
        PluginError: it cannot be imported.
    """
    return _catalog().find(kind, name).load()


def make_part(kind: Kind, spec: str) -> Any:
    """A part that is installed here, with options: for a part that is built around another.

    Args:
        kind: as for :func:`find_part`.
        spec: as a person writes it: ``bpe``, or ``bpe:vocab_size=512``.

    Raises:
        OptionError: its options are wrong, or the text is none of that form.
        UnknownPartError, AmbiguousPartError, MissingDependencyError, PluginError: as :func:`find_part`.
    """
    return _catalog().make(kind, spec)


def _catalog() -> Catalog:
    """A quiet one, which is kept: a part that is built around another asks for it each time that it is made."""
    return _quiet_catalog(tuple(sys.path), None if _none_wanted() else tuple(_disabled()))


@functools.lru_cache(maxsize=1)
def _quiet_catalog(*_depends_on: object) -> Catalog:
    return installed_catalog(tell=lambda _plugin: None)


def _none_wanted() -> bool:
    return os.environ.get(NO_PLUGINS, "").lower() not in ("", "0", "false", "no", "off")


def _disabled() -> dict[str, str]:
    """Distributions that a person has turned off, each with where that is said."""
    named = [name.strip() for name in os.environ.get(DISABLE, "").split(",")]
    return dict.fromkeys(_in(home.config_file()), str(home.config_file())) | {name: DISABLE for name in named if name}


def _in(file: Path) -> list[str]:
    if not file.is_file():
        return []
    from seqgen.settings import read_config_file

    content = read_config_file(file)
    names = content.pop("disable_plugins", [])
    if content:
        msg = f"{file} holds {', '.join(content)}, but only disable-plugins is known there."
        raise OptionError(msg)
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        msg = f'{file}: disable-plugins must be a list of distributions, as in disable-plugins = ["seqgen-music"]'
        raise OptionError(msg)
    return names


def _warn(plugin: Plugin) -> None:
    warnings.warn(f"seqgen's plugin {plugin.distribution} {plugin.version} is left out: {plugin.problem}", stacklevel=2)
