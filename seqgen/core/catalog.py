"""The catalog: which parts there are, from which plugin, and whether they can be used here.

``load_catalog`` builds one object that is passed along; there is no module state.  Listing imports no part.
"""

from __future__ import annotations

import contextlib
import difflib
import importlib
import importlib.util
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

import pluggy

from seqgen.core import hookspecs, options
from seqgen.core.errors import AmbiguousPartError, MissingDependencyError, PluginError, UnknownPartError
from seqgen.core.options import PartSpec

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

Kind: TypeAlias = Literal["tokenizer", "dataset", "backend", "sampler", "callback"]

CONTRACTS: Mapping[Kind, str] = {
    "tokenizer": "seqgen.core.tokenizer:Tokenizer",
    "dataset": "seqgen.core.dataset:Dataset",
    "backend": "seqgen.core.backend:Backend",
    "sampler": "seqgen.core.sampler:Sampler",
    "callback": "seqgen.core.callback:Callback",
}
"""What a part of each kind must be; by name, since the contracts import NumPy and listing parts must be instant."""

BUNDLED = "seqgen.builtin"
"""The plugin that registers the bundled parts, through the same hooks as any other."""


@dataclass
class Plugin:
    """One distribution's entry point, as found: its distribution, version, and what is wrong with it, if anything."""

    name: str
    module: str
    distribution: str
    version: str
    load: Callable[[], Any]
    problem: str = ""
    cause: BaseException | None = None
    implementation: Any = None

    def fail(self, doing: str, cause: BaseException) -> None:
        """Remember that this plugin fails, with the cause for ``--debug``."""
        text = str(cause).strip().splitlines()
        self.problem = f"{doing} failed: {type(cause).__name__}" + (f": {text[0]}" if text else "")
        self.cause = cause


@dataclass(frozen=True)
class PartEntry:
    """A registered part, known without importing it."""

    kind: Kind
    name: str
    target: str
    summary: str
    requires: tuple[str, ...]
    extra: str
    plugin: Plugin

    @property
    def missing(self) -> tuple[str, ...]:
        """The packages it needs that are not installed here."""
        return tuple(package for package in self.requires if not _installed(package))

    @property
    def install(self) -> str:
        """The command that installs what is missing."""
        if self.extra:
            return f"pip install '{self.plugin.distribution}[{self.extra}]'"
        return "pip install " + " ".join(self.missing or self.requires)

    def load(self) -> type[Any]:
        """Import the part.

        Raises:
            MissingDependencyError: a package it needs is not installed; says what installs it.
            PluginError: the import fails, or what is there is not a part of this kind.
        """
        if missing := self.missing:
            are = "is" if len(missing) == 1 else "are"
            msg = (
                f'{self.kind.capitalize()} "{self.name}" needs {" and ".join(missing)}, '
                f"which {are} not installed.  {self.install}"
            )
            raise MissingDependencyError(msg)
        where = f'{self.kind} "{self.name}" of {self.plugin.distribution} ({self.target})'
        try:
            with _stdout_to_stderr():
                part = _imported(self.target)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a plugin's import may raise anything, SystemExit included
            msg = f"{where} cannot be imported: {type(error).__name__}: {error}"
            raise PluginError(msg) from error
        contract = _imported(CONTRACTS[self.kind])
        if not (isinstance(part, type) and issubclass(part, contract)):
            msg = f"{where} is not a {contract.__name__}."
            raise PluginError(msg)
        if abstract := getattr(part, "__abstractmethods__", None):
            msg = f"{where} lacks {', '.join(sorted(abstract))}."
            raise PluginError(msg)
        return part


@dataclass
class Catalog:
    """All parts that plugins registered."""

    plugins: list[Plugin]
    _entries: dict[Kind, list[PartEntry]] = field(default_factory=dict, init=False, repr=False)
    _manager: pluggy.PluginManager = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._manager = pluggy.PluginManager(hookspecs.PROJECT)
        self._manager.add_hookspecs(hookspecs)

    def entries(self, kind: Kind) -> list[PartEntry]:
        """The parts of one kind, bundled ones first; calls the plugins' hooks the first time."""
        if kind not in self._entries:
            found: list[PartEntry] = []
            for plugin in self._loaded():
                register = _Registration(kind, plugin)
                if self._call(plugin, f"register_{kind}s", register=register):
                    found += register.entries
            self._entries[kind] = found
        return self._entries[kind]

    def find(self, kind: Kind, name: str) -> PartEntry:
        """The part that a person names: ``char`` or ``seqgen/char``.

        Raises:
            UnknownPartError: there is none; names the nearest, and plugins that fail to load.
            AmbiguousPartError: several distributions offer that name.
        """
        distribution, slash, bare = name.rpartition("/")
        entries = self.entries(kind)
        found = [e for e in entries if e.name == bare and (not slash or e.plugin.distribution == distribution)]
        if len(found) == 1:
            return found[0]
        if found:
            choices = " or ".join(f"{entry.plugin.distribution}/{entry.name}" for entry in found)
            msg = f'{kind.capitalize()} "{name}" is offered by {len(found)} distributions.  Write {choices}'
            raise AmbiguousPartError(msg)
        near = difflib.get_close_matches(bare, [entry.name for entry in entries], n=3, cutoff=0.5)
        hint = f"  Nearest: {', '.join(near)}." if near else ""
        broken = "".join(
            f"\nPlugin {p.distribution} could not be used and may have offered it: {p.problem}"
            for p in self.plugins
            if p.problem
        )
        msg = f'No {kind} "{name}".{hint}  All: seqgen list-plugins --kind {kind}{broken}'
        raise UnknownPartError(msg)

    def make(self, kind: Kind, spec: PartSpec | str, **fixed: Any) -> Any:
        """An instance of the part that a spec names, with the spec's options and fields that are not options.

        Raises:
            UnknownPartError, AmbiguousPartError, MissingDependencyError, PluginError, OptionError: see their texts.
        """
        spec = PartSpec.parse(spec) if isinstance(spec, str) else spec
        entry = self.find(kind, spec.name)
        part = entry.load()
        example = f"{option_of(kind)} {entry.name}"
        return options.make(part, spec.values, where=f"{kind} {entry.name}", example=example, **fixed)

    def add_commands(self, app: Any) -> None:
        """Let plugins add their commands to the command line."""
        for plugin in self._loaded():
            self._call(plugin, "register_commands", app=app)

    def _loaded(self) -> Iterator[Plugin]:
        for plugin in self.plugins:
            if plugin.implementation is None and not plugin.problem:
                with _guarded(plugin, "loading"):
                    plugin.implementation = plugin.load()
                    self._manager.register(plugin.implementation, name=f"{plugin.distribution}/{plugin.name}")
            if not plugin.problem:
                yield plugin

    def _call(self, plugin: Plugin, hook: str, **arguments: Any) -> bool:
        """Call one plugin's implementation of a hook, guarded; whether it succeeded."""
        for implementation in getattr(self._manager.hook, hook).get_hookimpls():
            if implementation.plugin is plugin.implementation:
                with _guarded(plugin, hook):
                    implementation.function(**{name: arguments[name] for name in implementation.argnames})
                return not plugin.problem
        return True


@dataclass
class _Registration:
    """The ``register`` that a plugin is handed: it knows the kind and whose part it is."""

    kind: Kind
    plugin: Plugin
    entries: list[PartEntry] = field(default_factory=list)

    def __call__(
        self, name: str, target: str, *, summary: str, requires: str | tuple[str, ...] = (), extra: str = ""
    ) -> None:
        if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name):
            msg = f'"{name}" is not a part name: lower case letters, digits and single hyphens.'
            raise PluginError(msg)
        if not re.fullmatch(r"[\w.]+:\w+", target):
            msg = f'target "{target}" of {name} is not of the form package.module:Attribute.'
            raise PluginError(msg)
        if any(entry.name == name for entry in self.entries):
            msg = f'{self.kind} "{name}" is registered twice.'
            raise PluginError(msg)
        needed = (requires,) if isinstance(requires, str) else tuple(requires)
        self.entries.append(PartEntry(self.kind, name, target, summary, needed, extra, self.plugin))


def load_catalog(entry_points: Iterable[EntryPoint] = ()) -> Catalog:
    """A catalog of the bundled parts and of the plugins under these entry points.

    Plugins are imported when a part is first looked up; one that fails is kept with its problem, and the others work.
    """
    from seqgen import __version__

    bundled = Plugin("builtin", BUNDLED, "seqgen", __version__, lambda: importlib.import_module(BUNDLED))
    plugins = [bundled]
    for entry_point in sorted(entry_points, key=lambda point: (_distribution(point)[0], point.name)):
        distribution, version = _distribution(entry_point)
        plugins.append(Plugin(entry_point.name, entry_point.value, distribution, version, entry_point.load))
    return Catalog(plugins)


def option_of(kind: Kind) -> str:
    """The option of the command line that names a part of this kind."""
    return "--log-to" if kind == "callback" else f"--{kind}"


def installed_entry_points() -> list[EntryPoint]:
    """The entry points of the group ``seqgen`` in this environment; none with ``SEQGEN_NO_PLUGINS=1``."""
    from importlib.metadata import entry_points

    if os.environ.get("SEQGEN_NO_PLUGINS", "").lower() not in ("", "0", "false", "no", "off"):
        return []
    return list(entry_points(group=hookspecs.PROJECT))


def _imported(target: str) -> Any:
    module, _, attribute = target.partition(":")
    return getattr(importlib.import_module(module), attribute)


def _distribution(entry_point: EntryPoint) -> tuple[str, str]:
    if entry_point.dist is None:
        return entry_point.value.partition(".")[0].partition(":")[0], "?"
    return entry_point.dist.name, entry_point.dist.version


def _installed(package: str) -> bool:
    try:
        return package in sys.modules or importlib.util.find_spec(package) is not None
    except (ImportError, ValueError):
        return False


@contextlib.contextmanager
def _stdout_to_stderr() -> Iterator[None]:
    """Results alone go to stdout: what a plugin prints while it is imported must not mix with them."""
    with contextlib.redirect_stdout(cast("Any", sys.stderr)):
        yield


@contextlib.contextmanager
def _guarded(plugin: Plugin, doing: str) -> Iterator[None]:
    try:
        with _stdout_to_stderr():
            yield
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001  a plugin may raise anything, SystemExit included
        plugin.fail(doing, error)
