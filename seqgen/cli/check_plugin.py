"""``seqgen check-plugin``."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seqgen.cli.environment import Environment, JsonOption, command
from seqgen.cli.printing import add_row, print_json, show, status_line, styled, table

if TYPE_CHECKING:
    from seqgen.testing.check import PartReport, Report
    from seqgen.testing.speed import Speed

WORDS = {
    "passed": ("kept", "green"),
    "failed": ("broken", "bold red"),
    "excepted": ("excepted", "yellow"),
    "inapplicable": ("not for it", "dim"),
    "unchecked": ("not checked", "dim"),
}

COLUMNS = 120
"""The width of the table of laws in a file or pipe: what breaks a law may be shown with a long example."""


@command(epilog="Example: seqgen check-plugin ./seqgen-chess")
def check_plugin(
    ctx: typer.Context,
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME|PATH",
            help="A part (char, seqgen/char, tokenizer:char), all parts of a plugin (seqgen-chess), or the folder of one "
            "that is not installed.",
        ),
    ],
    no_speed: Annotated[
        bool, typer.Option("--no-speed", help="Do not measure how fast it is beside the bundled parts.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Hold parts against every law of their contracts, as a plugin's own tests do, and measure them.

    A broken law is shown with the smallest example found and with what to change.  What a part uses although it is
    deprecated is shown too, and is no fault yet.
    """
    from seqgen.testing.check import check
    from seqgen.testing.find import parts_named

    with parts_named(name, Environment.of(ctx).catalog) as parts, status_line() as say_doing:
        report = check(parts, speed=not no_speed, follow=lambda doing: say_doing(_doing(doing)))
    if json:
        print_json(_described(report))
    else:
        for part in report.parts:
            _show_part(part)
        for kind, speeds in report.speeds.items():
            _show_speeds(kind, speeds, {f"{part.distribution}/{part.name}" for part in report.parts})
    if not report.passed:
        raise typer.Exit(1)


def _doing(doing: PartReport | str) -> str:
    if isinstance(doing, str):
        return f"measuring each {doing}"
    if len(doing.checked) < len(doing.laws):
        count, law = len(doing.checked), doing.laws[len(doing.checked)]
        return f"{doing.kind} {doing.name}  {count + 1}/{len(doing.laws)}  {law.name}"
    return f"{doing.kind} {doing.name}"


def _show_part(part: PartReport) -> None:
    show(styled((f"{part.kind} {part.name}", "bold"), f"  {part.distribution} {part.version}"))
    if part.problem:
        show(styled(("cannot be checked", "bold red"), f"  {part.problem}\n"))
        return
    rows = table("", "law")
    for each in part.checked:
        law = each.law.statement.replace("``", "")
        if each.outcome == "failed":
            law = f"{law}\n{each.message}\nWhy: {each.law.reason}  ({each.law.name})"
        elif each.message:
            law = f"{law}\n{each.message}"
        add_row(rows, styled(WORDS[each.outcome]), law)
    show(rows, elsewhere=COLUMNS)
    counts = [(sum(each.outcome == outcome for each in part.checked), word) for outcome, (word, _) in WORDS.items()]
    show(f"{len(part.checked)} laws: {', '.join(f'{count} {word}' for count, word in counts if count)}")
    for use in part.deprecated:
        show(styled(("deprecated", "yellow"), f"  {use}"))
    show("")


def _show_speeds(kind: str, speeds: list[Speed], checked: set[str]) -> None:
    columns = list(dict.fromkeys((each.measure, each.unit) for each in speeds if each.value is not None))
    rows = table(kind, *(f"{measure}, {unit}>" for measure, unit in columns))
    values = {(each.part, each.measure, each.unit): each.value for each in speeds}
    for part in dict.fromkeys(each.part for each in speeds if each.value is not None):
        figures = [values.get((part, *column)) for column in columns]
        cells = ["-" if figure is None else f"{figure:,.{0 if figure >= 100 else 1}f}" for figure in figures]
        add_row(rows, styled((part, "bold" if part in checked else "")), *cells)
    show(rows)
    for each in speeds:
        if each.problem:
            show(f"{each.part} was not measured: {each.problem}")


def _described(report: Report) -> dict[str, Any]:
    return {
        "passed": report.passed,
        "seconds": round(report.seconds, 3),
        "parts": [
            {
                "kind": part.kind,
                "name": part.name,
                "distribution": part.distribution,
                "version": part.version,
                "passed": part.passed,
                "problem": part.problem or None,
                "deprecated": part.deprecated,
                "laws": [
                    {
                        "name": each.law.name,
                        "statement": each.law.statement,
                        "reason": each.law.reason,
                        "outcome": each.outcome,
                        "message": each.message,
                    }
                    for each in part.checked
                ],
            }
            for part in report.parts
        ],
        "speeds": {kind: [dataclasses.asdict(each) for each in speeds] for kind, speeds in report.speeds.items()},
    }
