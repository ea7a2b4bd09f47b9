"""``seqgen doctor``."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated

import typer

from seqgen.cli.environment import Environment, JsonOption, call_for_commands, command
from seqgen.cli.printing import add_row, print_json, show, status_line, styled, table

if TYPE_CHECKING:
    from rich.text import Text

    from seqgen.combinations import Cell, Matrix

STYLES = {"works": "green", "refused": "dim", "untried": "yellow", "fails": "bold red"}


@command(epilog="Example: seqgen doctor --combinations")
def doctor(
    ctx: typer.Context,
    combinations: Annotated[
        bool,
        typer.Option(
            "--combinations",
            help="Instead, train and generate a few steps with every tokenizer, dataset, backend and sampler.",
        ),
    ] = False,
    json: JsonOption = False,
) -> None:
    """Versions, devices, folders and plugins: what a bug report should say."""
    if combinations:
        _try_combinations(ctx, json=json)
        return
    from seqgen.doctor import diagnose

    environment = Environment.of(ctx)
    environment.lists_plugins = True
    call_for_commands(ctx)
    report = diagnose(environment.catalog)
    if json:
        print_json(report)
        return
    facts = table("", "")
    for key, value in {**report["system"], **report["versions"], **report["folders"]}.items():
        add_row(facts, key, str(value))
    show(facts)
    backends = table("backend", "trains", "devices", "architectures", "problem")
    for backend in report["backends"]:
        add_row(
            backends,
            backend["name"],
            {True: "yes", False: "no", None: "-"}[backend["can_train"]],
            ", ".join(backend["devices"]),
            ", ".join(backend["architectures"]),
            backend["problem"] or "",
        )
    show(backends)
    plugins = table("plugin", "version", "problem")
    for plugin in report["plugins"]:
        disabled = f"disabled by {plugin['disabled']}" if plugin["disabled"] else ""
        add_row(plugins, plugin["distribution"], plugin["version"], plugin["problem"] or disabled)
    show(plugins)


def _try_combinations(ctx: typer.Context, *, json: bool) -> None:
    from seqgen.combinations import try_all

    with status_line() as follow:
        matrix = try_all(Environment.of(ctx).catalog, follow=follow)
    if json:
        print_json({"failed": matrix.failed, **dataclasses.asdict(matrix)})
    else:
        _show_matrix(matrix)
    if matrix.failed:
        raise typer.Exit(1)


def _show_matrix(matrix: Matrix) -> None:
    rows = table("tokenizer", "dataset", *matrix.backends)
    lines: dict[tuple[str, str], list[Text]] = {}
    reasons: dict[tuple[str, str], list[str]] = {}
    for cell in matrix.cells:
        lines.setdefault((cell.tokenizer, cell.dataset), []).append(_shown(cell, len(matrix.samplers)))
        for reason in cell.reasons:
            where = f"{cell.tokenizer} × {cell.dataset} × {cell.backend}"
            reasons.setdefault((cell.outcome, reason), []).append(where)
    for (tokenizer, dataset), cells in lines.items():
        add_row(rows, tokenizer, dataset, *cells)
    show(rows)
    show(f"In each, with how many of {len(matrix.samplers)} samplers: {', '.join(matrix.samplers)}\n")
    for each in matrix.unusable:
        show(styled((each.outcome, STYLES[each.outcome]), f"  {each.reason}"))
    for (outcome, reason), places in reasons.items():
        more = f" and {len(places) - 1} more" if len(places) > 1 else ""
        show(styled((outcome, STYLES[outcome]), f"  {reason}  ({places[0]}{more})"))


def _shown(cell: Cell, samplers: int) -> Text:
    count = f" {len(cell.samplers)}/{samplers}" if cell.outcome in ("works", "fails") else ""
    return styled((cell.outcome, STYLES[cell.outcome]), count)
