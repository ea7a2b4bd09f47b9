"""What every command shares: the catalog, made once, how help looks, and how results are shown."""

from __future__ import annotations

import contextlib
import json as json_module
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer
from typer.core import TyperCommand

from seqgen.cli.output import CONTROLS, CONTROLS_IN_JSON
from seqgen.core.redact import redacted

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

    from seqgen.core.catalog import Catalog, PartEntry
    from seqgen.core.plugin import Plugin
    from seqgen.language_model import LanguageModel

JsonOption: TypeAlias = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


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
        if not self.lists_plugins and not _completing():
            warn(f"plugin {plugin.distribution} {plugin.version} is {plugin.standing}: {plugin.problem}")

    def _waiting(self, plugin: Plugin) -> None:
        if not _completing():
            say(f"waiting for plugin {plugin.distribution} ...")


def _completing() -> bool:
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


def call_for_commands(ctx: typer.Context) -> None:
    """Let plugins add their commands, so that those whose hook fails there are known."""
    root = ctx.find_root()
    group: Any = root.command  # of all commands
    group.list_commands(root)


def complete_part(kind: Any) -> Callable[[typer.Context], list[str]]:
    """What the shell offers where a part of this kind is to be named."""

    def complete(ctx: typer.Context) -> list[str]:
        return [entry.name for entry in Environment.of(ctx).catalog.entries(kind)]

    return complete


def complete_model() -> list[str]:
    """What the shell offers where a model is to be named."""
    from seqgen import home
    from seqgen.registry import Registry

    return Registry(home.models_folder()).names()


def say(message: str, *, label: str = "", style: str = "") -> None:
    """Words for people, without credentials, on standard error; where nobody can read them any more, that changes nothing."""
    message = redacted(message).translate(CONTROLS)
    label = f"{label}: " if label else ""
    with contextlib.suppress(OSError):
        if sys.stderr.isatty():
            from rich.console import Console

            Console(stderr=True, soft_wrap=True).print(styled((label, style), message))
        else:  # not by rich, which at a closed pipe gives up standard output too
            sys.stderr.write(f"{label}{message}\n")
            sys.stderr.flush()


@contextlib.contextmanager
def status_line() -> Iterator[Callable[[str], None]]:
    """Gives what shows, on a terminal, in one line what is being done; elsewhere it shows nothing."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console

    with Console(stderr=True).status("starting") as status:
        yield lambda doing: status.update(styled(doing))


def warn(message: str) -> None:
    """A warning, on standard error."""
    say(message, label="warning", style="bold yellow")


def tell_rounding(loaded: LanguageModel) -> None:
    """Say it where the backend of a model rounds its weights."""
    if loaded.model.quantised:
        say(
            f"{loaded.backend} rounds the weights: what it gives may differ from what other backends give", label="note"
        )


def default(value: str) -> str:
    """How help names the default of an option that is None until the program chooses."""
    return f"[dim]\\[default: {value}][/dim]"


def print_json(value: Any) -> None:
    """One line of JSON on standard output."""
    typer.echo(json_module.dumps(value, ensure_ascii=False, default=str).translate(CONTROLS_IN_JSON))


def table(*columns: str | Text) -> Table:
    """An empty table in the house style; columns named with a final ``>`` are numbers, unless the name is a ``Text``."""
    from rich import box
    from rich.table import Table

    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_header=any(columns))
    for column in columns:
        number = isinstance(column, str) and column.endswith(">")
        head = styled(column.removesuffix(">")) if isinstance(column, str) else column
        made.add_column(head, justify="right" if number else "left", no_wrap=number, overflow="fold")
    return made


def add_row(rows: Table, *cells: str | Text) -> None:
    """Add a row; text is shown as it is, without markup."""
    from rich.text import Text

    rows.add_row(*(Text(readable(cell)) if isinstance(cell, str) else cell for cell in cells))


def shown(value: Any) -> str:
    """A value in the cell of a table."""
    match value:
        case None:
            return "-"
        case bool():
            return str(value).lower()
        case float():
            return f"{value:,.4g}"
        case int():
            return f"{value:,}"
        case dict() | list():
            return json_module.dumps(value, ensure_ascii=False)
        case _:
            return str(value)


def readable(text: str) -> str:
    """A text from a file, as a terminal may get it: what could move the cursor or change colours is shown, not obeyed."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() or each in "\n\t" else _escaped(ord(each)) for each in text)


def _escaped(code: int) -> str:
    """A character as Python writes it in a text: two, four or eight digits."""
    return f"\\x{code:02x}" if code < 2**8 else f"\\u{code:04x}" if code < 2**16 else f"\\U{code:08x}"


def styled(*parts: str | tuple[str, str]) -> Text:
    """Text, in parts that may each have a style."""
    from rich.text import Text

    return Text.assemble(*parts)


def width(*, elsewhere: int = 10_000) -> int:
    """Characters that fit on a line of standard output: as many as the terminal has; in a file or pipe, any number."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else elsewhere


def show(renderable: Any, *, elsewhere: int = 10_000) -> None:
    """A result for people, on standard output.

    Args:
        renderable: a text, or what Rich shows.
        elsewhere: the width of what is not shown on a terminal: a table fills it where its texts are long.
    """
    from rich.console import Console

    # A text is shown as it is: what stands in brackets is no markup, and what stands between colons no emoji.
    text = styled(renderable) if isinstance(renderable, str) else renderable
    Console(width=width(elsewhere=elsewhere)).print(text, soft_wrap=isinstance(renderable, str))
