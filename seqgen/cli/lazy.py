"""Groups whose commands are imported when they are called: help must appear at once.

The list of commands is written by Click's plain formatter: Rich's help costs as much again as all the rest.  The help of
each command is Rich's.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import typer
from typer.core import TyperGroup

from seqgen.core.errors import UsageError
from seqgen.core.nearest import nearest_in_words

if TYPE_CHECKING:
    from seqgen.cli.environment import UnnamedCommand


class LazyGroup(TyperGroup):
    """Commands, and groups of them, that stand in modules.

    Attributes:
        package: where the modules are.
        targets: a command's name to what it is, as ``module:name``, and to its line in the group's help.
    """

    package: ClassVar[str]
    targets: ClassVar[Mapping[str, tuple[str, str]]]

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**(arguments | {"rich_markup_mode": None}))
        self._imported: dict[str, Any] = {}

    def list_commands(self, ctx: Any) -> list[str]:
        """The names of all commands."""
        return [*self.targets]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of that name, imported now; None if there is none."""
        if cmd_name not in self.targets:
            return None
        if cmd_name not in self._imported:  # a command is asked for twice before it is called
            module, _, name = self.targets[cmd_name][0].partition(":")
            found: UnnamedCommand | typer.Typer = getattr(importlib.import_module(f"{self.package}.{module}"), name)
            holder = typer.Typer(rich_markup_mode="rich")
            if isinstance(found, typer.Typer):
                holder.add_typer(found, name=cmd_name)
            else:
                holder.command(cmd_name, cls=found.cls, epilog=found.epilog)(found.function)
            self._imported[cmd_name] = typer.main.get_group(holder).commands[cmd_name]
        return self._imported[cmd_name]

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """The command that the arguments begin with.

        Raises:
            UsageError: there is none; names the nearest.
        """
        name = args[0]
        if not name.startswith("-") and not ctx.resilient_parsing and self.get_command(ctx, name) is None:
            nearest = nearest_in_words(name, self.list_commands(ctx))
            msg = f'No command "{name}".{nearest}  All: {ctx.command_path} --help{self.why_not(ctx)}'
            raise UsageError(msg)
        return super().resolve_command(ctx, args)

    def why_not(self, ctx: Any) -> str:
        """What may have kept a command away, a line each after a line break: nothing, but where plugins add commands."""
        return ""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """A line for each command, without importing ours."""
        rows = [(name, summary) for name, (_, summary) in self.targets.items()]
        others = [name for name in self.list_commands(ctx) if name not in self.targets]
        rows += [(name, self.get_command(ctx, name).get_short_help_str()) for name in others]
        with formatter.section("Commands"):
            formatter.write_dl(rows)
