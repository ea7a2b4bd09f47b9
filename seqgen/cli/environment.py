"""What every command shares: the catalog, made once, how a function is a command, and options that several have."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer
from typer.core import TyperCommand

from seqgen.cli.printing import say, warn

if TYPE_CHECKING:
    from seqgen.core.catalog import Catalog
    from seqgen.core.kinds import Kind
    from seqgen.core.part_entry import PartEntry
    from seqgen.core.plugin import Plugin


@dataclass
class Environment:
    """The state of one command line."""

    no_plugins: bool = False
    debug: bool = False
    lists_plugins: bool = False
    """Whether the command itself shows what is wrong with plugins."""

    @classmethod
    def of(cls, ctx: Any) -> Environment:
        """The environment of a command's context."""
        environment: Environment = ctx.ensure_object(cls)
        return environment

    @cached_property
    def catalog(self) -> Catalog:
        """All parts that are installed, or the bundled ones alone with ``--no-plugins``."""
        from seqgen.installed import installed_catalog

        return installed_catalog(no_plugins=self.no_plugins, tell=self._tell, waiting=self._waiting)

    def owner(self, error: BaseException) -> Plugin | None:
        """The plugin in whose code an exception arose, if it was in one."""
        return self.catalog.owner(error) if "catalog" in vars(self) else None

    @property
    def used(self) -> list[PartEntry]:
        """The parts of plugins that this command has imported."""
        return self.catalog.used if "catalog" in vars(self) else []

    @property
    def importing(self) -> bool:
        """Whether a plugin is still being imported."""
        return "catalog" in vars(self) and any(plugin.importing for plugin in self.catalog.plugins)

    def _tell(self, plugin: Plugin) -> None:
        if not self.lists_plugins and not completing():
            warn(f"plugin {plugin.distribution} {plugin.version} is {plugin.standing}: {plugin.problem}")

    def _waiting(self, plugin: Plugin) -> None:
        if not completing():
            say(f"waiting for plugin {plugin.distribution} ...")


def completing() -> bool:
    """Whether the shell asks for a word of a line that is still being written."""
    return "_SEQGEN_COMPLETE" in os.environ


class Command(TyperCommand):
    """A command whose help fits 80 columns: ``--no-FLAG`` has no column of its own, since ``--FLAG`` says enough."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse; what is wrong is said with the help of this command, also where typer does not note whose it is."""
        try:
            return super().parse_args(ctx, args)
        except typer.TyperException as error:
            if getattr(error, "ctx", None) is None:
                error.ctx = ctx  # type: ignore[attr-defined]
            raise

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Print the help."""
        flags = [(param, param.secondary_opts) for param in self.params if param.secondary_opts]
        for param, _ in flags:
            param.secondary_opts = []
        try:
            super().format_help(ctx, formatter)
        finally:
            for param, negative in flags:
                param.secondary_opts = negative


class ResumableCommand(Command):
    """A command whose option ``--resume`` may stand without a value, which then is empty: the newest."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse, with ``--resume`` alone as ``--resume=``."""
        return super().parse_args(ctx, _completed("--resume", args))


def _completed(option: str, arguments: Sequence[str]) -> list[str]:
    """The arguments, with an empty value for an option that stands last or before another option."""
    completed: list[str] = []
    for index, argument in enumerate(arguments):
        if argument == "--":
            return [*completed, *arguments[index:]]
        following = arguments[index + 1 : index + 2]
        alone = argument == option and (not following or following[0].startswith("-"))
        completed.append(f"{option}=" if alone else argument)
    return completed


@dataclass(frozen=True)
class UnnamedCommand:
    """A function that is a command; the group that lists it says what it is called."""

    function: Callable[..., None]
    epilog: str
    cls: type[Command]


def command(*, epilog: str, cls: type[Command] = Command) -> Callable[[Callable[..., None]], UnnamedCommand]:
    """Make a function a command, for a :class:`seqgen.cli.lazy.LazyGroup` to list."""
    return lambda function: UnnamedCommand(function, epilog, cls)


def call_for_commands(ctx: typer.Context) -> None:
    """Let plugins add their commands, so that those whose hook fails there are known."""
    root = ctx.find_root()
    group: Any = root.command  # of all commands
    group.list_commands(root)


def complete_part(kind: Kind) -> Callable[[typer.Context], list[str]]:
    """What the shell offers where a part of this kind is to be named."""

    def complete(ctx: typer.Context) -> list[str]:
        return [entry.name for entry in Environment.of(ctx).catalog.entries(kind)]

    return complete


def complete_model() -> list[str]:
    """What the shell offers where a model is to be named."""
    from seqgen.registry import Registry

    return Registry.at_home().names()


def default(value: str) -> str:
    """How help names the default of an option that is None until the program chooses."""
    return f"[dim]\\[default: {value}][/dim]"


JsonOption: TypeAlias = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]

DeviceOption: TypeAlias = Annotated[
    str, typer.Option(metavar="DEVICE", help="Where it runs: auto, cpu, cuda, mps, ...")
]

ModelArgument: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="MODEL", help="NAME, NAME:VERSION, NAME@best, or a model folder.", autocompletion=complete_model
    ),
]
"""A model, wherever it lies."""

PublishedArgument: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="MODEL", help="NAME (its latest version), NAME:VERSION or NAME@ALIAS.", autocompletion=complete_model
    ),
]
"""A version in the registry."""
