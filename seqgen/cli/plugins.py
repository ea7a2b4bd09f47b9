"""``seqgen list-plugins`` and ``seqgen plugin show``."""

from __future__ import annotations

import difflib
import traceback
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seqgen.cli.environment import (
    Command,
    Environment,
    JsonOption,
    add_row,
    print_json,
    show,
    styled,
    table,
    warn,
    width,
)

if TYPE_CHECKING:
    from seqgen.core.catalog import PartEntry

plugin = typer.Typer(help="One part in detail.")

KINDS = ("tokenizer", "dataset", "backend", "sampler", "callback")

KindOption = Annotated[
    str | None,
    typer.Option(metavar="KIND", help=f"Only one kind: {', '.join(KINDS)}.", autocompletion=lambda: list(KINDS)),
]


def _names(ctx: typer.Context) -> list[str]:
    return [entry.name for entry in Environment.of(ctx).catalog.entries(ctx.params["kind"])]


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("list-plugins", cls=Command, epilog="Example: seqgen list-plugins --kind tokenizer")(list_plugins)
    app.add_typer(plugin, name="plugin", epilog="Example: seqgen plugin show sampler top-p")


def list_plugins(ctx: typer.Context, kind: KindOption = None, json: JsonOption = False) -> None:
    """The parts that can be used here, whose they are, and what is wrong with those that cannot."""
    catalog = Environment.of(ctx).catalog
    if json:
        entries = [entry for each in _kinds(kind) for entry in catalog.entries(each)]
        problems = [
            {"distribution": plugin.distribution, "version": plugin.version, "problem": plugin.problem}
            for plugin in catalog.plugins
            if plugin.problem
        ]
        print_json({"parts": [_described(entry) for entry in entries], "problems": problems})
        return
    # Click's formatter: Rich's table would take as long again as all the rest, and this is to be instant.
    ctx.terminal_width = width()
    formatter = ctx.make_formatter()
    for each in _kinds(kind):
        with formatter.section(each.capitalize()):
            formatter.write_dl([(entry.name, _line(entry)) for entry in catalog.entries(each)])
    typer.echo(formatter.getvalue().strip())
    for broken in catalog.plugins:
        if broken.problem:
            if Environment.of(ctx).debug:
                traceback.print_exception(broken.cause)
            warn(f"plugin {broken.distribution} {broken.version} was left out: {broken.problem}")


@plugin.command("show", cls=Command, epilog="Example: seqgen plugin show tokenizer bpe")
def show_plugin(
    ctx: typer.Context,
    kind: Annotated[
        str, typer.Argument(metavar="KIND", help=f"{', '.join(KINDS)}.", autocompletion=lambda: list(KINDS))
    ],
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="The part's name, or distribution/name.", autocompletion=_names)
    ],
    json: JsonOption = False,
) -> None:
    """A part's options, with what each allows and its default."""
    from seqgen.core.catalog import option_of
    from seqgen.core.options import options_of

    (checked,) = _kinds(kind)
    entry = Environment.of(ctx).catalog.find(checked, name)
    part: Any = entry.load()
    options = options_of(part)
    if json:
        described = [
            {"name": option.name, "text": option.text, "allowed": option.allowed, "default": option.default}
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
        add_row(rows, option.name, option.allowed, _shown(option.default), option.text)
    show(rows)
    show(f"Write {option_of(entry.kind)} {entry.name}:{options[0].name}={_shown(options[0].default)}")


def _kinds(kind: str | None) -> tuple[Any, ...]:
    from seqgen.core.errors import UsageError

    if kind is None:
        return KINDS
    if kind not in KINDS:
        near = difflib.get_close_matches(kind, KINDS, n=1)
        nearest = f"  Nearest: {near[0]}." if near else ""
        msg = f'No kind of part "{kind}".{nearest}  There are: {", ".join(KINDS)}'
        raise UsageError(msg)
    return (kind,)


def _shown(default: Any) -> str:
    return str(default).lower() if default is None or isinstance(default, bool) else str(default)


def _line(entry: PartEntry) -> str:
    origin = f"{entry.plugin.distribution} {entry.plugin.version}"
    return f"{entry.summary}  ({origin})" + (f"  needs {entry.install}" if entry.missing else "")


def _described(entry: PartEntry) -> dict[str, Any]:
    return {
        "kind": entry.kind,
        "name": entry.name,
        "summary": entry.summary,
        "distribution": entry.plugin.distribution,
        "version": entry.plugin.version,
        "ready": not entry.missing,
        "missing": list(entry.missing),
        "install": entry.install if entry.missing else None,
    }
