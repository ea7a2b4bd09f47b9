"""What every command shares: the catalog, made once, and how results are shown."""

from __future__ import annotations

import json as json_module
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

if TYPE_CHECKING:
    from seqgen.core.catalog import Catalog

JsonOption: TypeAlias = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


@dataclass
class Environment:
    """The state of one command line."""

    no_plugins: bool = False
    debug: bool = False

    @classmethod
    def of(cls, ctx: Any) -> Environment:
        """The environment of a command's context."""
        environment: Environment = ctx.ensure_object(cls)
        return environment

    @cached_property
    def catalog(self) -> Catalog:
        """All parts that are installed, or the bundled ones alone with ``--no-plugins``."""
        from seqgen.core.catalog import installed_entry_points, load_catalog

        return load_catalog([] if self.no_plugins else installed_entry_points())


def print_json(value: Any) -> None:
    """One line of JSON on standard output."""
    typer.echo(json_module.dumps(value, ensure_ascii=False))


def table(*columns: str, title: str | None = None) -> Any:
    """An empty table in the house style."""
    from rich import box
    from rich.table import Table

    made = Table(*columns, title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in made.columns:
        column.overflow = "fold"
    return made


def show(renderable: Any) -> None:
    """A result for people, on standard output."""
    from rich.console import Console

    Console().print(renderable)
