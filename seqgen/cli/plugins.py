"""``seqgen list-plugins`` and ``seqgen plugin show``."""

from __future__ import annotations

import ast
import sys
import traceback
from collections import Counter
from collections.abc import Iterator
from dataclasses import MISSING
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seqgen.cli.environment import Command, Environment, JsonOption, call_for_commands, command
from seqgen.cli.printing import add_row, print_json, show, styled, table, width
from seqgen.core.declared import declared_options
from seqgen.core.distributions import find_module
from seqgen.core.kinds import KINDS, checked_kind
from seqgen.core.plugin import in_words
from seqgen.installed import plugin_record

if TYPE_CHECKING:
    from seqgen.core.part_entry import PartEntry
    from seqgen.core.plugin import Plugin

plugin = typer.Typer(help="One part in detail.", epilog="Example: seqgen plugin show sampler top-p")

KindOption = Annotated[
    str | None,
    typer.Option(metavar="KIND", help=f"Only one kind: {', '.join(KINDS)}.", autocompletion=lambda: list(KINDS)),
]


def _part_names(ctx: typer.Context) -> list[str]:
    return [entry.name for entry in Environment.of(ctx).catalog.entries(ctx.params["kind"])]


@command(epilog="Example: seqgen list-plugins --kind tokenizer")
def list_plugins(ctx: typer.Context, kind: KindOption = None, json: JsonOption = False) -> None:
    """The parts that can be used here, with their options, whose they are, and what is wrong with those that cannot."""
    kinds = KINDS if kind is None else (checked_kind(kind),)
    environment = Environment.of(ctx)
    environment.lists_plugins = True
    catalog = environment.catalog
    parts = {each: catalog.entries(each) for each in kinds}
    call_for_commands(ctx)
    if environment.debug:
        for broken in catalog.plugins:
            if broken.cause is not None:
                traceback.print_exception(broken.cause)
    if json:
        print_json(
            {
                "parts": [
                    _described(entry) | {"options": declared_options(entry.target)}
                    for entries in parts.values()
                    for entry in entries
                ],
                "plugins": [plugin_record(each) for each in catalog.plugins],
            }
        )
        return
    # Click's formatter: Rich's table would take as long again as all the rest, and this is to be instant.
    ctx.terminal_width = width()
    formatter = ctx.make_formatter()
    for each, entries in parts.items():
        with formatter.section(each.capitalize()):
            often = Counter(entry.name for entry in entries)
            formatter.write_dl([(entry.name, _line(entry, taken=often[entry.name] > 1)) for entry in entries])
    with formatter.section("Plugins"):
        formatter.write_dl([(f"{each.distribution} {each.version}", _status(each)) for each in catalog.plugins])
    typer.echo(formatter.getvalue().strip())


@plugin.command("show", cls=Command, epilog="Example: seqgen plugin show tokenizer bpe")
def show_plugin(
    ctx: typer.Context,
    kind: Annotated[
        str, typer.Argument(metavar="KIND", help=f"{', '.join(KINDS)}.", autocompletion=lambda: list(KINDS))
    ],
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="The part's name, or distribution/name.", autocompletion=_part_names)
    ],
    json: JsonOption = False,
) -> None:
    """A part's options, with what each allows and its default."""
    from seqgen.core.catalog import option_of
    from seqgen.core.errors import PluginError
    from seqgen.core.options import options_of, written

    checked = checked_kind(kind)
    entry = Environment.of(ctx).catalog.find(checked, name)
    part: Any = entry.load()
    try:
        options = options_of(part)
    except Exception as error:
        msg = f"The options of {entry.where} cannot be read: {in_words(error)}"
        raise PluginError(msg) from error
    if json:
        described = [
            {
                "name": option.name,
                "text": option.text,
                "allowed": option.allowed,
                "default": None if option.default is MISSING else option.default,
            }
            for option in options
        ]
        print_json({**_described(entry), "options": described})
        return
    show(styled((f"{entry.kind} {entry.name}", "bold"), f"  {entry.summary}"))
    show(styled((f"from {entry.plugin.distribution} {entry.plugin.version}, {entry.target}", "dim")))
    if not options:
        show("It has no options.")
        return
    rows = table("option", "allowed", "default", "")
    for option in options:
        add_row(rows, option.shown, option.allowed, written(option.default), option.text)
    show(rows)
    show(f"Write {option_of(entry.kind)} {entry.name}:{options[0].example}")


def _line(entry: PartEntry, *, taken: bool) -> str:
    declared = declared_options(entry.target)
    options = "options unknown" if declared is None else ",".join(f"{name}={value}" for name, value in declared.items())
    if entry.missing:
        status = f"needs {entry.lacks}"
    elif lost := _lost(entry):
        options, status = "", f"cannot be used: {lost}"
    else:
        status = f"name taken: write {entry.plugin.distribution}/{entry.name}" if taken else "ready"
    return "  ".join(
        filter(None, [entry.summary, options, f"({entry.plugin.distribution} {entry.plugin.version}, {status})"])
    )


def _status(plugin: Plugin) -> str:
    if plugin.disabled:
        return f"disabled by {plugin.disabled}"
    return f"{plugin.standing}: {plugin.problem}" if plugin.problem else "ready"


def _lost(entry: PartEntry) -> str:
    """That a part's module or class is not there, as far as this shows without importing it; empty if it may be there."""
    if declared_options(entry.target) is not None:
        return ""
    module, _, name = entry.target.partition(":")
    if module in sys.modules:
        bound = set(vars(sys.modules[module]))
    elif (spec := find_module(module)) is None:
        return f"its module {module} cannot be found"
    elif spec.origin is None or not spec.origin.endswith(".py"):
        return ""
    else:
        try:
            bound = set(_names(ast.parse(Path(spec.origin).read_bytes())))
        except (OSError, SyntaxError, ValueError):
            return ""
    return "" if bound & {name, *_FROM_ANYWHERE} else f"its class {name} cannot be found in {module}"


_FROM_ANYWHERE = ("*", "__getattr__", "globals", "vars", "setattr", "exec")
"""What a module whose source has it may get names by that its source does not show."""


def _names(tree: ast.Module) -> Iterator[str]:
    """What a module defines, imports and mentions."""
    for node in ast.walk(tree):
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.Name(id=name):
                yield name
            case ast.alias():
                yield node.asname or node.name


def _described(entry: PartEntry) -> dict[str, Any]:
    lost = "" if entry.missing else _lost(entry)
    return {
        "kind": entry.kind,
        "name": entry.name,
        "summary": entry.summary,
        "distribution": entry.plugin.distribution,
        "version": entry.plugin.version,
        "ready": not (entry.missing or lost),
        "problem": lost or None,
        "missing": list(entry.missing),
        "install": (entry.install or None) if entry.missing else None,
    }
