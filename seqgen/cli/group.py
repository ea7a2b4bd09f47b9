"""The commands of ``seqgen``: ours, and those of plugins."""

from __future__ import annotations

from functools import partial
from types import MappingProxyType
from typing import Any

import typer

from seqgen.cli.environment import Environment
from seqgen.cli.lazy import LazyGroup
from seqgen.cli.printing import warn
from seqgen.core.errors import UsageError

COMMANDS = MappingProxyType(
    {
        "train": ("train:train", "Train a model on a corpus."),
        "sweep": ("sweep:sweep", "Search for the best options of training."),
        "generate": ("generate:generate", "Write text with a trained model."),
        "evaluate": ("evaluate:evaluate", "Measure how well a model predicts a text."),
        "models": ("models:models", "List and show the models that were trained here."),
        "list-plugins": ("plugins:list_plugins", "List the parts that can be used here."),
        "plugin": ("plugins:plugin", "Show one part and its options."),
        "check-plugin": ("check_plugin:check_plugin", "Hold parts against the laws of their contracts."),
        "new-plugin": ("new_plugin:new_plugin", "Write a plugin to start from: package, part, tests."),
        "corpora": ("corpora:corpora", "List and download texts to train on."),
        "doctor": ("doctor:doctor", "Show versions, devices, folders and plugins."),
    }
)
"""Name to what the command or group is, as ``module:name``, and to its line in ``seqgen --help``."""


class MainGroup(LazyGroup):
    """Our commands, and beside them those of plugins, which are imported only when theirs may be meant."""

    package = "seqgen.cli"
    targets = COMMANDS

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Print the help: without the commands of plugins where it cannot be told which of them a person has turned off."""
        try:
            self._from_plugins(ctx)
        except UsageError as error:
            warn(str(error))
            Environment.of(ctx).no_plugins = True
        super().format_help(ctx, formatter)

    def list_commands(self, ctx: Any) -> list[str]:
        """Our own, then those of plugins."""
        return [*COMMANDS, *self._from_plugins(ctx)]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of that name, imported now; None if there is none."""
        if cmd_name in COMMANDS:
            return super().get_command(ctx, cmd_name)
        found = self._from_plugins(ctx).get(cmd_name)
        if found is None and not ctx.resilient_parsing:
            Environment.of(ctx).catalog.wait()
            found = self._from_plugins(ctx).get(cmd_name)
        return found

    def why_not(self, ctx: Any) -> str:
        """The plugins that a person has turned off, one of which may have offered a command; of those that fail has been warned."""
        return Environment.of(ctx).catalog.left_out(broken=False)

    def _from_plugins(self, ctx: Any) -> dict[str, Any]:
        catalog = Environment.of(ctx).catalog
        added: dict[Any, dict[str, Any]] = ctx.meta.setdefault("seqgen.plugin_commands", {})
        for plugin in catalog.usable():
            if plugin in added:
                continue
            addition = typer.Typer(rich_markup_mode="rich")
            offered: dict[str, Any] = {}
            if catalog.call(plugin, "register_commands", app=addition):
                # Only now are the parameters of its functions looked at.
                catalog.guard(plugin, "register_commands", partial(_take, addition, offered))
            for taken in offered.keys() & {*COMMANDS, *(name for others in added.values() for name in others)}:
                del offered[taken]
                warn(
                    f'command "{taken}" of plugin {plugin.distribution} is left out: there is one of that name already'
                )
            added[plugin] = offered
        return {name: command for commands in added.values() for name, command in commands.items()}


def _take(addition: typer.Typer, offered: dict[str, Any]) -> None:
    """Put what was added among what is offered."""
    if addition.registered_commands or addition.registered_groups:
        offered.update(typer.main.get_group(addition).commands)
        for command in offered.values():
            _plain_without_markup(command)


def _plain_without_markup(command: Any) -> None:
    """Let the help of a command be shown as it stands where it is no markup of Rich's, which would fail over "[/x]"."""
    nested = getattr(command, "commands", {}).values()
    shown = command.format_help

    def format_help(ctx: Any, formatter: Any) -> None:  # only then is it looked at: Rich takes its time to be imported
        texts = [command.help, command.epilog, *(getattr(parameter, "help", None) for parameter in command.params)]
        if not all(_is_markup(text) for text in (*texts, *(each.help for each in nested)) if text):
            command.rich_markup_mode = None
        shown(ctx, formatter)

    command.format_help = format_help
    for each in nested:
        _plain_without_markup(each)


def _is_markup(text: str) -> bool:
    """Whether Rich can show each paragraph of a text, which typer hands it one by one or joined."""
    from rich.errors import MarkupError
    from rich.text import Text

    try:
        for part in (text, *text.split("\n\n")):
            Text.from_markup(part)
    except MarkupError:
        return False
    return True
