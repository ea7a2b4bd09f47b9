"""``seqgen models reproduce``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from seqgen.cli.environment import Environment, JsonOption, ModelArgument, command, default
from seqgen.cli.printing import add_row, print_json, readable, say, show, shown, styled, table, warn

if TYPE_CHECKING:
    from seqgen.training.reproduction import Comparison

EPILOG = """[bold]Examples[/bold]

seqgen models reproduce novel@best

seqgen models reproduce novel@best --run --corpus my-novel.txt"""


@command(epilog=EPILOG)
def reproduce(
    ctx: typer.Context,
    model: ModelArgument,
    run: Annotated[bool, typer.Option("--run", help="Run the command, and compare what comes out.")] = False,
    corpus: Annotated[
        list[str] | None, typer.Option(metavar="FILE", help="The corpus, where it has moved; repeatable.")
    ] = None,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help=f"Name of the new model.  {default('NAME-again')}")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
    json: JsonOption = False,
) -> None:
    """The command that trains MODEL again; with --run its outcome, beside the recorded one.

    Exits 1 if the weights are others and the bits per character are more than 1 % away.
    """
    from seqgen import reproduce as repeating

    catalog = Environment.of(ctx).catalog
    again = repeating.reproduce(model, corpus=corpus or (), name=name, catalog=catalog)
    if not run:
        if json:
            print_json({"command": again.command, "notes": list(again.notes)})
            return
        for note in again.notes:
            say(note, label="note", style="bold")
        typer.echo(readable(again.command))
        return
    for note in again.notes:
        say(note, label="note", style="bold")
    say(readable(again.command))
    outcome, made = again.run(progress=not quiet, catalog=catalog)
    if json:
        print_json(_record(outcome) | {"command": again.command, "model": made.name, "version": made.version})
    else:
        _show(outcome, again.recorded.where, made.reference)
    if not outcome.reproduced:
        raise typer.Exit(1)


def _record(outcome: Comparison) -> dict[str, Any]:
    return {
        "reproduced": outcome.reproduced,
        "same_weights": outcome.same_weights,
        "difference": outcome.difference,
        "figures": {name: {"recorded": old, "now": new} for name, (old, new) in outcome.figures.items()},
        "versions": {name: {"recorded": old, "now": new} for name, (old, new) in outcome.versions.items()},
    }


def _show(outcome: Comparison, recorded: str, made: str) -> None:
    rows = table("", "", styled(readable(recorded)), styled(made))
    for name, (old, new) in [*outcome.figures.items(), *outcome.versions.items()]:
        add_row(rows, "" if old == new else "≠", name.replace("_", " "), shown(old), shown(new))
    show(rows)
    if outcome.same_weights:
        show(styled(("The weights are the same, bit for bit.", "bold green")))
    elif outcome.difference is None:
        warn("The weights differ, and there are no bits per character to compare.")
    else:
        words = f"The weights differ; the bits per character are {outcome.difference:.2%} apart"
        show(styled((f"{words}{'' if outcome.reproduced else ', more than another machine explains'}.", "bold")))
