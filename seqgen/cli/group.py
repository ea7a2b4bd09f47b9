"""The commands of ``seqgen``, each imported when it is called: help must appear at once.

The list of commands is written by Click's plain formatter: Rich's help costs as much again as all the rest.  The help of
each command is Rich's.
"""

from __future__ import annotations

import difflib
import importlib
from types import MappingProxyType
from typing import Any

import typer
from typer.core import TyperGroup

from seqgen.cli.environment import Environment, warn
from seqgen.core.errors import UsageError

COMMANDS = MappingProxyType(
    {
        "train": ("train", "Train a model on a corpus."),
        "sweep": ("sweep", "Search for the best options of training."),
        "generate": ("generate", "Write text with a trained model."),
        "evaluate": ("evaluate", "Measure how well a model predicts a text."),
        "models": ("models", "List and show the models that were trained here."),
        "list-plugins": ("plugins", "List the parts that can be used here."),
        "plugin": ("plugins", "Show one part and its options."),
        "check-plugin": ("check_plugin", "Hold parts against the laws of their contracts."),
        "new-plugin": ("new_plugin", "Write a plugin to start from: package, part, tests."),
        "corpora": ("corpora", "List and download texts to train on."),
        "doctor": ("doctor", "Show versions, devices, folders and plugins."),
    }
)
"""Name to the module that adds the command, and its line in ``seqgen --help``."""


class LazyGroup(TyperGroup):
    """Our commands, and beside them those of plugins, which are imported only when theirs may be meant."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**(arguments | {"rich_markup_mode": None}))

    def list_commands(self, ctx: Any) -> list[str]:
        """Our own, then those of plugins."""
        return [*COMMANDS, *self._from_plugins(ctx)]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of that name, imported now; None if there is none."""
        if cmd_name not in COMMANDS:
            found = self._from_plugins(ctx).get(cmd_name)
            if found is None and not ctx.resilient_parsing and Environment.of(ctx).catalog.wait():
                found = self._from_plugins(ctx).get(cmd_name)
            return found
        module, _ = COMMANDS[cmd_name]
        holder = typer.Typer(rich_markup_mode="rich")
        importlib.import_module(f"seqgen.cli.{module}").add_to(holder)
        return typer.main.get_group(holder).commands[cmd_name]

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """The command that the arguments begin with.

        Raises:
            UsageError: there is none; names the nearest.
        """
        name = args[0]
        if not name.startswith("-") and not ctx.resilient_parsing and self.get_command(ctx, name) is None:
            near = difflib.get_close_matches(name, self.list_commands(ctx))
            nearest = f"  Nearest: {', '.join(near)}." if near else ""
            msg = f'No command "{name}".{nearest}  All: seqgen --help'
            raise UsageError(msg)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """A line for each command, without importing ours."""
        rows = [(name, summary) for name, (_, summary) in COMMANDS.items()]
        others = self.list_commands(ctx)[len(COMMANDS) :]
        rows += [(name, self.get_command(ctx, name).get_short_help_str()) for name in others]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def _from_plugins(self, ctx: Any) -> dict[str, Any]:
        catalog = Environment.of(ctx).catalog
        added: dict[Any, dict[str, Any]] = ctx.meta.setdefault("seqgen.plugin_commands", {})
        for plugin in catalog.usable():
            if plugin in added:
                continue
            addition = typer.Typer(rich_markup_mode="rich")
            catalog.call(plugin, "register_commands", app=addition)
            used = addition.registered_commands or addition.registered_groups
            offered = dict(typer.main.get_group(addition).commands) if used else {}
            for taken in offered.keys() & {*COMMANDS, *(name for others in added.values() for name in others)}:
                del offered[taken]
                warn(
                    f'command "{taken}" of plugin {plugin.distribution} is left out: there is one of that name already'
                )
            added[plugin] = offered
        return {name: command for commands in added.values() for name, command in commands.items()}
