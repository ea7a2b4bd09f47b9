"""``seqgen models list``."""

from __future__ import annotations

import gc
from enum import StrEnum
from operator import attrgetter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seqgen.cli.environment import JsonOption, command, complete_model, default
from seqgen.cli.printing import print_json, readable, say, warn, width

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from seqgen.cli.fast_table import Column
    from seqgen.registry.summary import ModelSummary

EPILOG = """[bold]Examples[/bold]

seqgen models list

seqgen models list "novel*" --sort bits --limit 10

seqgen models list --tag good --tokenizer bpe --json"""

LONGEST = 28
"""Characters that are shown at most of a corpus's name, and of a note."""


class Sort(StrEnum):
    """What a list can be sorted by."""

    name = "name"
    age = "age"
    bits = "bits"
    parameters = "parameters"
    size = "size"


@command(epilog=EPILOG)
def list_models(
    patterns: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME]...",
            help=f"Names, or patterns with * and ?.  {default('all')}",
            autocompletion=complete_model,
        ),
    ] = None,
    tag: Annotated[list[str] | None, typer.Option(metavar="TAG", help="Only what has this tag; repeatable.")] = None,
    alias: Annotated[
        str | None, typer.Option(metavar="ALIAS", help="Only what this alias names, such as best.")
    ] = None,
    corpus: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT", help="Only what was trained on a corpus with TEXT in its path, or of this SHA-256."
        ),
    ] = None,
    tokenizer: Annotated[str | None, typer.Option(metavar="NAME", help="Only models of this tokenizer.")] = None,
    backend: Annotated[str | None, typer.Option(metavar="NAME", help="Only what this backend trained.")] = None,
    architecture: Annotated[str | None, typer.Option(metavar="NAME", help="Only this architecture.")] = None,
    sort: Annotated[Sort, typer.Option(help="By what; age: the newest first, size: the largest first.")] = Sort.name,
    limit: Annotated[int | None, typer.Option(metavar="N", min=1, help="The first N of the list.")] = None,
    json: JsonOption = False,
) -> None:
    """Every version of every model, with what it was trained on and what it reached."""
    from seqgen.registry import Registry
    from seqgen.registry.summary import selected, summaries

    gc.disable()  # thousands of versions, and none of them garbage: collections took 6 % of a list
    try:
        found, faults = summaries(Registry.at_home())
    finally:
        gc.enable()
    filters = {
        "alias": alias,
        "corpus": corpus,
        "tokenizer": tokenizer,
        "backend": backend,
        "architecture": architecture,
    }
    chosen = selected(found, names=patterns or (), tags=tag or (), **filters)
    chosen.sort(key=_ORDER[sort])
    chosen = chosen[:limit]
    for fault in faults:
        warn(fault)
    if json:
        print_json([record(each) for each in chosen])
        return
    if not found:
        say("No model has been trained yet.  Train one: seqgen train")
        return
    if not chosen:
        say(f"None of {len(found):,} versions matches.  All: seqgen models list")
        return
    _show(chosen)
    for each in chosen:
        if each.damaged:
            warn(readable(each.damaged))


def record(summary: ModelSummary) -> dict[str, Any]:
    """A version as JSON."""
    said = dict(vars(summary))
    which = {"model": said.pop("model"), "version": said.pop("version"), "path": said.pop("folder")}
    if damaged := said.pop("damaged"):
        return {**which, "damaged": damaged}
    return {**which, **{each: said.pop(each) for each in ("aliases", "tags", "note")}, **said}


_ORDER: dict[Sort, Callable[[ModelSummary], Any]] = {
    Sort.name: lambda each: (each.model, each.version),
    Sort.age: lambda each: (not each.created, _reversed(each.created)),
    Sort.bits: lambda each: (*_of_held_out(each), each.model, each.version),
    Sort.parameters: lambda each: (-each.parameters, each.model, each.version),
    Sort.size: lambda each: (-each.bytes, each.model, each.version),
}


def _of_held_out(each: ModelSummary) -> tuple[bool, float | None]:
    """What to sort by so that the best come first, and last those of which only the training loss is known."""
    bits = each.held_out_bits_per_character
    return bits is None, bits


def _reversed(created: str) -> list[int]:
    return [-ord(character) for character in created]


def _show(chosen: Sequence[ModelSummary]) -> None:
    """The table, without columns that hold nothing, and without the least important ones where it is too wide."""
    from datetime import UTC, datetime

    from seqgen.cli.fast_table import Column, colored, fitting, lines
    from seqgen.core.bits import shown_bits

    now = datetime.now(UTC)
    whole = [not each.damaged for each in chosen]

    def column(head: str, cell: Callable[[ModelSummary], str], **how: Any) -> Column:
        if all(whole):
            cells = [*map(cell, chosen)]
        else:
            cells = [cell(each) if sound else "" for each, sound in zip(chosen, whole, strict=True)]
        return Column(head, cells if all(map(str.isprintable, cells)) else [*map(readable, cells)], **how)

    names = [
        each.reference if sound else f"{each.reference}  damaged" for each, sound in zip(chosen, whole, strict=True)
    ]
    columns = [
        Column("model", names, style="bold"),
        column("aliases", lambda each: " ".join(f"@{alias}" for alias in each.aliases), style="cyan", rank=1),
        column("tags", lambda each: " ".join(each.tags), style="green", rank=2),
        column(
            "bits/char",
            lambda each: "-" if (bits := each.held_out_bits_per_character) is None else shown_bits(bits),
            number=True,
        ),
        column("corpus", lambda each: shortened(corpus_of(each.corpus)), rank=3),
        column("tokenizer", attrgetter("tokenizer"), rank=5),
        column("backend", attrgetter("backend"), rank=7),
        column("architecture", lambda each: f"{each.architecture} {each.num_layers}x{each.hidden_size}", rank=6),
        column("parameters", lambda each: short_number(each.parameters), number=True, rank=4),
        column("size", lambda each: f"{short_number(each.bytes)}B", number=True, rank=8),
        column("age", lambda each: age(each.age(now)), number=True, rank=2),
        column("note", lambda each: shortened(each.note.partition("\n")[0]), rank=9),
    ]
    fit = fitting(columns, width())
    typer.echo("\n".join(lines(fit, color=colored())))
    if left := [each.head for each in columns if each not in fit and any(each.cells)]:
        say(f"Too wide for this terminal: {', '.join(left)}.  All: seqgen models list --json")


def corpus_of(sources: Sequence[str]) -> str:
    """What a model was trained on, in a cell: the last part of its source, and how many more there are."""
    if not sources:
        return ""
    name = sources[0].rstrip("/").rpartition("/")[2] or sources[0]
    return name if len(sources) == 1 else f"{name} +{len(sources) - 1}"


def shortened(text: str) -> str:
    """A text as it fits into a cell."""
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def short_number(number: float) -> str:
    """A number in three digits: 87, 1.3k, 24M."""
    for unit in ("", "k", "M", "G"):
        if number < 999.5:
            return f"{number:.0f}{unit}" if number >= 10 or not unit else f"{number:.1f}{unit}"
        number /= 1000
    return f"{number:,.1f}T"


def age(seconds: float | None) -> str:
    """How long ago, in its largest unit."""
    if seconds is None:
        return "-"
    units = {"y": 365.25 * 86400, "mo": 30.44 * 86400, "d": 86400.0, "h": 3600.0, "min": 60.0}
    for unit, length in units.items():
        if seconds >= length:
            return f"{seconds / length:.0f} {unit}"
    return "now" if seconds < 60 else "-"
