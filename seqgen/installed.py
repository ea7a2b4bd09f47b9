"""The plugins that are installed here, less those that a person has turned off."""

from __future__ import annotations

import functools
import os
import sys
import traceback
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from seqgen import __version__, home
from seqgen.core.catalog import Catalog, load_catalog
from seqgen.core.distributions import name_and_version, normal_name
from seqgen.core.errors import OptionError, SeqgenWarning, UsageError
from seqgen.core.hookspecs import PROJECT
from seqgen.core.kinds import Kind
from seqgen.core.plugin import Plugin, in_a_line

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

DISABLE = "SEQGEN_DISABLE_PLUGINS"
"""The variable that names distributions whose plugins are not used, with commas between them."""

NO_PLUGINS = "SEQGEN_NO_PLUGINS"
"""The variable that leaves out all plugins but the bundled one."""


def installed_catalog(
    *,
    no_plugins: bool = False,
    tell: Callable[[Plugin], None] | None = None,
    waiting: Callable[[Plugin], None] = lambda _: None,
) -> Catalog:
    """A catalog of the bundled parts and of all plugins installed in this environment.

    Left out are all plugins with ``SEQGEN_NO_PLUGINS=1``, those named in ``SEQGEN_DISABLE_PLUGINS``, and those in the list
    ``disable-plugins`` of the file ``config.toml`` in ``SEQGEN_HOME``.

    Args:
        no_plugins: the bundled parts alone.
        tell: called with a plugin that cannot be used, and why; default: :func:`warnings.warn`.
        waiting: called with a plugin that takes its time to be imported, before that is waited for.

    Raises:
        OptionError: the configuration file is not TOML, or its list is none; what else it holds is warned of.
    """
    tell = tell or _warn
    if no_plugins or _none_wanted():
        return Catalog(load_catalog().plugins, tell, bundled_only=True)
    disabled = _disabled()
    points, unreadable = readable_entry_points(disabled)
    catalog = load_catalog(points, disabled=disabled, tell=tell, waiting=waiting)
    catalog.plugins += unreadable
    return catalog


def plugin_record(plugin: Plugin) -> dict[str, str | None]:
    """A plugin and what is wrong with it, as a JSON-able value."""
    return {
        "distribution": plugin.distribution,
        "version": plugin.version,
        "disabled": plugin.disabled or None,
        "problem": plugin.problem or None,
    }


def find_part(kind: Kind, name: str) -> type[Any]:
    """The class of a part that is installed here: for a part that is built around another, as a tokenizer around any.

    What is wrong with other plugins is told where plugins are listed, not here.  Call it where a part is made or its module is
    imported: which parts there are is not known before the plugins are imported and have registered theirs.

    Args:
        kind: tokenizer, dataset, backend, sampler or callback.
        name: as a person writes it: ``char``, or ``DISTRIBUTION/NAME``.

    Raises:
        UnknownPartError: there is none; names the nearest.
        AmbiguousPartError: several distributions offer that name.
        MissingDependencyError: a package that it needs is not installed; says what installs it.
        PluginError: it cannot be imported.
        RuntimeError: called while a plugin is imported or registers its parts.
    """
    return _catalog("find_part").find(kind, name).load()


def make_part(kind: Kind, spec: str) -> Any:
    """A part that is installed here, with options: for a part that is built around another.

    Args:
        kind: as for :func:`find_part`.
        spec: as a person writes it: ``bpe``, or ``bpe:vocab_size=512``.

    Raises:
        OptionError: its options are wrong, or the text is none of that form.
        UnknownPartError, AmbiguousPartError, MissingDependencyError, PluginError, RuntimeError: as :func:`find_part`.
    """
    return _catalog("make_part").make(kind, spec)


def _catalog(asking: str) -> Catalog:
    """A quiet one, which is kept: a part that is built around another asks for it each time that it is made."""
    catalog = _quiet_catalog(tuple(sys.path), None if _none_wanted() else tuple(_disabled()))
    if meanwhile := _meanwhile(catalog):
        # No error of ours, which an author may catch where a part is not there: the plugin would lack parts without a word.
        msg = (
            f"{asking} was called while {meanwhile}, when it is not known yet which parts there are.  Call it where a part is "
            "made, or in a module that holds only parts and that the module of the hooks does not import."
        )
        raise RuntimeError(msg)
    return catalog


def _meanwhile(catalog: Catalog) -> str:
    """What is under way in this thread that looking for parts would wait for, without end; empty where nothing is."""
    stack = [frame for frame, _ in traceback.walk_stack(None)]
    if any(frame.f_code is Catalog.entries.__code__ for frame in stack):
        return "a plugin registers its parts"
    imported = [f"{frame.f_globals.get('__name__')}." for frame in stack if frame.f_code.co_name == "<module>"]
    for plugin in catalog.plugins:
        module = plugin.module.partition(":")[0]
        if any(f"{module}.".startswith(each) for each in imported):
            return f"{module} of {plugin.distribution} is imported"
    return ""


@functools.lru_cache(maxsize=1)
def _quiet_catalog(*_depends_on: object) -> Catalog:
    return installed_catalog(tell=lambda _plugin: None)


def readable_entry_points(
    disabled: Mapping[str, str] = MappingProxyType({}),
) -> tuple[Sequence[EntryPoint], list[Plugin]]:
    """The entry points of plugins, and a plugin with its problem for each distribution that cannot tell its own.

    Args:
        disabled: distributions that a person has turned off, each with where that is said.
    """
    from importlib.metadata import entry_points

    try:
        return tuple(entry_points(group=PROJECT)), []
    except Exception:  # noqa: BLE001  whatever one damaged distribution brings about, for all
        return _one_by_one(disabled)


def _one_by_one(disabled: Mapping[str, str]) -> tuple[list[EntryPoint], list[Plugin]]:
    from importlib.metadata import distributions

    points: list[EntryPoint] = []
    unreadable: list[Plugin] = []
    off = {normal_name(name): where for name, where in disabled.items()}
    seen: set[str] = set()
    for each in distributions():
        folder = Path(str(getattr(each, "_path", "?")))  # NAME-VERSION.dist-info
        name, version = name_and_version(each, otherwise=folder.name.partition("-")[0])
        if (normal := normal_name(name)) in seen:  # that of the folder that comes first on the path counts
            continue
        seen.add(normal)
        try:
            points += each.entry_points.select(group=PROJECT)
        except Exception as error:  # noqa: BLE001  as above
            plugin = Plugin("?", "?", name, version, lambda: None, disabled=off.get(normal, ""), cause=error)
            if not plugin.disabled:
                plugin.problem = (
                    f"its entry points cannot be read ({in_a_line(error)}), so it may be a plugin or none.  "
                    f"pip install --force-reinstall {name}"
                )
            unreadable.append(plugin)
    return points, unreadable


def _none_wanted() -> bool:
    said = os.environ.get(NO_PLUGINS, "").strip().lower()
    return said not in ("", "0", "f", "false", "n", "no", "off")  # as the command line reads it


def _disabled() -> dict[str, str]:
    """Distributions that a person has turned off, each with where that is said."""
    named = [name.strip() for name in os.environ.get(DISABLE, "").split(",")]
    return _settled() | {name: DISABLE for name in named if name}


def _settled() -> dict[str, str]:
    """Those that the configuration file names."""
    try:
        file = home.config_file()
    except UsageError:  # there is no home folder, as what needs one will say
        return {}
    return dict.fromkeys(_in(file), str(file))


def _in(file: Path) -> list[str]:
    if not file.is_file():
        return []
    from seqgen.settings import read_config_file

    content = read_config_file(file)
    names = content.pop("disable_plugins", [])
    if content:
        msg = (
            f"{file} holds {', '.join(content)}, which this seqgen ({__version__}) does not know: it reads disable-plugins "
            "there.  Leave the rest out, or upgrade seqgen."
        )
        warnings.warn(msg, SeqgenWarning, stacklevel=2)
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        msg = f'{file}: disable-plugins must be a list of distributions, as in disable-plugins = ["seqgen-music"]'
        raise OptionError(msg)
    return names


def _warn(plugin: Plugin) -> None:
    warnings.warn(
        f"seqgen's plugin {plugin.distribution} {plugin.version} is {plugin.standing}: {plugin.problem}", stacklevel=2
    )
