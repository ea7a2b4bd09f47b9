"""The catalog: which parts there are, from which plugin, and whether they can be used here.

``load_catalog`` builds one object that is passed along; there is no module state.  Listing imports no part.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, overload

import pluggy

from seqgen.core import hookspecs, options
from seqgen.core.distributions import distribution_of, normal_name, requirements_of
from seqgen.core.errors import AmbiguousPartError, PluginError, SeqgenError, UnknownPartError
from seqgen.core.kinds import Kind
from seqgen.core.nearest import nearest_in_words
from seqgen.core.options import PartSpec
from seqgen.core.part_entry import PartEntry, Registration
from seqgen.core.plugin import Plugin, in_words

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from seqgen.core.backend import Backend
    from seqgen.core.callback import Callback
    from seqgen.core.dataset import Dataset
    from seqgen.core.sampler import Sampler
    from seqgen.core.tokenizer import Tokenizer

BUNDLED = "seqgen.builtin"
"""The plugin that registers the bundled parts, through the same hooks as any other."""


@dataclass
class Catalog:
    """All parts that plugins registered.  Several threads may share it.

    Attributes:
        plugins: the bundled one first.
        tell: called with a plugin when it is found to be unusable, once for each problem.
        waiting: called with a plugin that takes its time to be imported, before that is waited for.
        bundled_only: a person said that no other plugin is to be used, so that those installed are not among them.
    """

    plugins: list[Plugin]
    tell: Callable[[Plugin], None] = field(default=lambda _: None, repr=False)
    waiting: Callable[[Plugin], None] = field(default=lambda _: None, repr=False, kw_only=True)
    bundled_only: bool = False
    _entries: dict[tuple[Plugin, Kind], list[PartEntry]] = field(default_factory=dict, init=False, repr=False)
    _registered: set[Plugin] = field(default_factory=set, init=False, repr=False)
    _told: set[tuple[Plugin, str]] = field(default_factory=set, init=False, repr=False)
    _manager: pluggy.PluginManager = field(init=False, repr=False)
    _lock: threading.RLock = field(default_factory=threading.RLock, init=False, repr=False)

    def __post_init__(self) -> None:
        self._manager = pluggy.PluginManager(hookspecs.PROJECT)
        self._manager.add_hookspecs(hookspecs)

    def entries(self, kind: Kind) -> list[PartEntry]:
        """The parts of one kind, bundled ones first; calls the plugins' hooks the first time."""
        with self._lock:  # else another thread may take for all there is what this one has registered so far
            for plugin in self.usable():
                if (plugin, kind) not in self._entries:
                    register = Registration(kind, plugin)
                    if self.call(plugin, f"register_{kind}s", register=register):
                        self._entries[plugin, kind] = register.entries
            return [entry for plugin in self.plugins for entry in self._entries.get((plugin, kind), ())]

    def find(self, kind: Kind, name: str) -> PartEntry:
        """The part that a person names: ``char`` or ``seqgen/char``, the distribution in any spelling that packaging takes for the same.

        Raises:
            UnknownPartError: there is none; names the nearest, and plugins that fail to load or were left out.
            AmbiguousPartError: several distributions offer that name.
        """
        distribution, slash, bare = name.rpartition("/")
        whose = normal_name(distribution)

        def named() -> list[PartEntry]:
            entries = [entry for entry in self.entries(kind) if entry.name == bare]
            return [entry for entry in entries if not slash or normal_name(entry.plugin.distribution) == whose]

        found = named()
        if not found:
            self.wait()
            found = named()
        if len(found) == 1:
            return found[0]
        if found:
            choices = " or ".join(entry.reference for entry in found)
            msg = f'{kind.capitalize()} "{name}" is offered by {len(found)} distributions.  Write {choices}'
            raise AmbiguousPartError(msg)
        offered: dict[str, list[str]] = {}
        for entry in self.entries(kind):
            offered.setdefault(entry.name, []).append(entry.reference)
        taken = {each: ", ".join(references) for each, references in offered.items() if len(references) > 1}
        nearest = nearest_in_words(bare, offered, likeness=0.5, shown=taken)
        msg = f'No {kind} "{name}".{nearest}  All: seqgen list-plugins --kind {kind}{self.left_out()}'
        raise UnknownPartError(msg)

    def left_out(self, *, broken: bool = True) -> str:
        """The plugins that may have offered what nobody does, a line each after a line break: turned off, or broken.

        Args:
            broken: also those that fail; not where that has been told.
        """
        unusable = {plugin: plugin.problem or f"{plugin.disabled} disables it" for plugin in self.plugins}
        told = "".join(
            f"\nPlugin {plugin.distribution} could not be used and may have offered it: {why}"
            for plugin, why in unusable.items()
            if plugin.disabled or (plugin.problem and broken)
        )
        if self.bundled_only:
            told += "\n--no-plugins or SEQGEN_NO_PLUGINS leaves out all plugins, one of which may have offered it."
        return told

    @overload
    def make(self, kind: Literal["tokenizer"], spec: PartSpec | str, **fixed: Any) -> Tokenizer: ...
    @overload
    def make(self, kind: Literal["dataset"], spec: PartSpec | str, **fixed: Any) -> Dataset: ...
    @overload
    def make(self, kind: Literal["backend"], spec: PartSpec | str, **fixed: Any) -> Backend: ...
    @overload
    def make(self, kind: Literal["sampler"], spec: PartSpec | str, **fixed: Any) -> Sampler: ...
    @overload
    def make(self, kind: Literal["callback"], spec: PartSpec | str, **fixed: Any) -> Callback: ...

    def make(self, kind: Kind, spec: PartSpec | str, **fixed: Any) -> Any:
        """An instance of the part that a spec names, with the spec's options and fields that are not options.

        Raises:
            UnknownPartError, AmbiguousPartError, MissingDependencyError, OptionError: see their texts.
            PluginError: its import or its construction fails.
        """
        spec = PartSpec.parse(spec) if isinstance(spec, str) else spec
        entry = self.find(kind, spec.name)
        part = entry.load()
        example = f"{option_of(kind)} {entry.name}"
        try:
            return options.make(part, spec.values, where=f"{kind} {entry.name}", example=example, **fixed)
        except (SeqgenError, KeyboardInterrupt):
            raise
        except BaseException as error:
            msg = f"{entry.where} cannot be made: {in_words(error)}"
            raise PluginError(msg) from error

    @property
    def used(self) -> list[PartEntry]:
        """The parts of plugins that were imported in this process: what may be at work wherever something goes wrong."""
        return [entry for plugin in self.plugins if plugin.module != BUNDLED for entry in plugin.used]

    def owner(self, error: BaseException) -> Plugin | None:
        """The plugin in whose code an exception arose, or else what it was raised from; None if in none.

        An exit counts only where seqgen was using the plugin: a command of a plugin may end as it likes.
        """
        packages = {plugin.package: plugin for plugin in self.plugins if plugin.module != BUNDLED}
        packages |= {entry.package: entry.plugin for entry in self.used if entry.package != "seqgen"}
        counts = not isinstance(error, SystemExit)
        for each in _raised_from(error):
            owner = None
            for frame, _ in traceback.walk_tb(each.__traceback__):
                module = str(frame.f_globals.get("__name__"))
                package = module.partition(".")[0]
                if package == "seqgen" and not module.startswith("seqgen.cli."):
                    counts, owner = True, None
                elif counts and package in packages:
                    owner = packages[package]
            if owner is not None:
                return owner
        return None

    def usable(self) -> list[Plugin]:
        """The plugins whose hooks can be called now."""
        found = []
        with self._lock:
            for plugin in self.plugins:
                if usable := plugin.usable():
                    if plugin not in self._registered:
                        self._registered.add(plugin)
                        name = f"{plugin.distribution}/{plugin.name}"
                        usable = plugin.call("loading", lambda: self._register(plugin, name))  # noqa: B023
                    if usable:
                        found.append(plugin)
                self._report(plugin)
        return found

    def call(self, plugin: Plugin, hook: str, **arguments: Any) -> bool:
        """Call one plugin's implementation of a hook, guarded; whether it succeeded, or has none."""
        for implementation in getattr(self._manager.hook, hook).get_hookimpls():
            if implementation.plugin is plugin.implementation:
                given = {name: arguments[name] for name in implementation.argnames}
                self.guard(plugin, hook, lambda: implementation.function(**given))  # noqa: B023
        return not plugin.problem

    def guard(self, plugin: Plugin, doing: str, function: Callable[[], object]) -> bool:
        """Do something with what a plugin gave; whether it succeeded, else it is told."""
        plugin.call(doing, function)
        self._report(plugin)
        return not plugin.problem

    def wait(self) -> None:
        """Wait for the plugins that are still being imported, after which there may be more parts than before."""
        for plugin in self.plugins:
            if not plugin.usable() and plugin.importing:
                self.waiting(plugin)
            plugin.usable(patience=None)

    def _register(self, plugin: Plugin, name: str) -> None:
        """Make a plugin's hooks known.

        Raises:
            PluginError: one is of another shape than ours, is none of ours, is not marked as one, or lacks the argument by
                which it would offer something.
        """
        try:
            self._manager.register(plugin.implementation, name=name)
        except pluggy.PluginValidationError as error:
            _, *what = str(error).splitlines()  # the first names the plugin, as whoever shows it does
            raise PluginError("; ".join(what)) from error
        known = [hook for hook in vars(hookspecs) if hook.startswith("register_")]
        for hook in known:
            function = getattr(plugin.implementation, hook, None)
            if not callable(function) or function is getattr(hookspecs, hook):
                continue
            if self._manager.parse_hookimpl_opts(plugin.implementation, hook) is None:
                msg = f"{hook} lacks @seqgen.hookimpl"
                raise PluginError(msg)
        for caller in self._manager.get_hookcallers(plugin.implementation) or ():
            own = [each for each in caller.get_hookimpls() if each.plugin is plugin.implementation]
            if caller.spec is None:
                if all(each.optionalhook for each in own):
                    continue
                nearest = nearest_in_words(caller.name, known, most=1)
                msg = f"there is no hook {caller.name}.{nearest}  All: {', '.join(known)}"
                raise PluginError(msg)
            argument = caller.spec.argnames[0]  # by which it offers something; pluggy lets it leave out any
            if not all(argument in each.argnames for each in own):
                without = "one with a default is handed nothing"
                msg = f"{caller.name} takes no argument {argument} ({without}), so it can register nothing"
                raise PluginError(msg)

    def _report(self, plugin: Plugin) -> None:
        with self._lock:
            if plugin.problem and (plugin, plugin.problem) not in self._told:
                self._told.add((plugin, plugin.problem))
                self.tell(plugin)


def load_catalog(
    entry_points: Iterable[EntryPoint] = (),
    *,
    disabled: Mapping[str, str] = MappingProxyType({}),
    tell: Callable[[Plugin], None] = lambda _: None,
    waiting: Callable[[Plugin], None] = lambda _: None,
) -> Catalog:
    """A catalog of the bundled parts and of the plugins under these entry points.

    Plugins are imported when a part is first looked up; one that fails is kept with its problem, and the others work.

    Args:
        entry_points: of the group ``seqgen``.
        disabled: distributions that are not to be imported, each with where a person said so.
        tell: called with a plugin when it is found to be unusable, once for each problem.
        waiting: called with a plugin that takes its time to be imported, before that is waited for.
    """
    from seqgen import __version__

    plugins = [Plugin("builtin", BUNDLED, "seqgen", __version__, lambda: importlib.import_module(BUNDLED))]
    off = {normal_name(name): where for name, where in disabled.items()}
    found = [(*distribution_of(point), point) for point in entry_points]
    for distribution, version, point in sorted(found, key=lambda each: (each[0], each[2].name)):
        plugins.append(
            Plugin(
                point.name,
                point.value,
                distribution,
                version,
                point.load,
                requirements=functools.partial(requirements_of, point),
                disabled=off.get(normal_name(distribution), ""),
            )
        )
    return Catalog(plugins, tell, waiting=waiting)


def option_of(kind: Kind) -> str:
    """The option of the command line that names a part of this kind."""
    return "--log-to" if kind == "callback" else f"--{kind}"


def _raised_from(error: BaseException) -> Iterator[BaseException]:
    """An exception, what it was raised from or while that was handled, and so on."""
    seen: set[int] = set()  # a plugin may raise one that says itself what it equals
    each: BaseException | None = error
    while each is not None and id(each) not in seen:
        yield each
        seen.add(id(each))
        each = each.__context__ if each.__cause__ is None and not each.__suppress_context__ else each.__cause__
