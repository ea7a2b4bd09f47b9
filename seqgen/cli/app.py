"""The command ``seqgen``: its commands, and the one place where errors become sentences."""

from __future__ import annotations

import sys
import traceback
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from seqgen import __version__
from seqgen.cli import corpora, doctor, evaluate, generate, models, plugins, train
from seqgen.cli.environment import Environment
from seqgen.core.errors import SeqgenError

INTERRUPTED = 130
"""Exit code of a process that SIGINT ends: 128 and the signal's number."""


class _Group(TyperGroup):
    """Commands of plugins beside our own; plugins are imported only when theirs may be meant."""

    def list_commands(self, ctx: Any) -> list[str]:
        own = super().list_commands(ctx)
        return [*own, *(name for name in self._from_plugins(ctx) if name not in own)]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        return super().get_command(ctx, cmd_name) or self._from_plugins(ctx).get(cmd_name)

    def _from_plugins(self, ctx: Any) -> dict[str, Any]:
        found: dict[str, Any] = ctx.meta.get("seqgen.plugin_commands", {})
        if "seqgen.plugin_commands" not in ctx.meta:
            addition = typer.Typer()
            Environment.of(ctx).catalog.add_commands(addition)
            if addition.registered_commands or addition.registered_groups:
                command = typer.main.get_group(addition)
                found = {name: command.commands[name] for name in command.list_commands(ctx)}
            ctx.meta["seqgen.plugin_commands"] = found
        return found


app = typer.Typer(
    name="seqgen",
    cls=_Group,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog='Start: [bold]seqgen train[/bold], then [bold]seqgen generate --seed "the ice"[/bold]',
)


def _show_version(value: bool) -> None:
    if value:
        typer.echo(f"seqgen {__version__}")
        raise typer.Exit


@app.callback()
def seqgen(
    ctx: typer.Context,
    no_plugins: Annotated[
        bool, typer.Option("--no-plugins", envvar="SEQGEN_NO_PLUGINS", help="Start with the bundled parts only.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Train small generative sequence models on your own corpus, and generate from them."""
    environment = Environment.of(ctx)
    environment.no_plugins, environment.debug = no_plugins, debug


train.add_to(app)
generate.add_to(app)
evaluate.add_to(app)
models.add_to(app)
plugins.add_to(app)
corpora.add_to(app)
doctor.add_to(app)


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line and exit: 0, 2 for wrong use, 1 for failure, 130 for Ctrl-C."""
    environment = Environment()
    try:
        app(arguments, obj=environment)
    except SeqgenError as error:
        if environment.debug:
            traceback.print_exc()
        _say(str(error))
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    sys.exit(0)


def _say(message: str) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(stderr=True, soft_wrap=True)
    console.print(Text.assemble(("error: ", "bold red"), message))
