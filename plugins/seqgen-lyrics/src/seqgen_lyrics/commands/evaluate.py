"""``seqgen lyrics evaluate``."""

from __future__ import annotations

import json as json_module
import warnings
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seqgen_lyrics.commands.group import lyrics

if TYPE_CHECKING:
    from seqgen_lyrics.evaluation import Written
    from seqgen_lyrics.measures import Figures

EPILOG = """[bold]Examples[/bold]

seqgen lyrics evaluate --model songs --stanzas 200 --scheme ABAB --pattern 8-6-8-6

seqgen lyrics evaluate songs/ --scheme AABB"""

STANZAS = 200
"""How many a model writes where nobody says."""


@lyrics.command(epilog=EPILOG)
def evaluate(
    files: Annotated[
        list[str] | None,
        typer.Argument(metavar="[FILE]...", help="Songs to measure: files, folders, globs; - for standard input."),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(metavar="MODEL", help="Let this model write, with samplers that keep the aims and without."),
    ] = None,
    stanzas: Annotated[
        int | None, typer.Option(metavar="N", min=1, help=f"How many the model writes.  Default: {STANZAS}")
    ] = None,
    scheme: Annotated[
        str, typer.Option(metavar="SCHEME", help="Of rhymes, as ABAB; without it AABB, ABAB and ABBA are measured.")
    ] = "",
    pattern: Annotated[str, typer.Option(metavar="PATTERN", help="Syllables of each line, as 8-6-8-6.")] = "",
    stress: Annotated[
        str, typer.Option(metavar="METRE", help="iambic, trochaic, anapestic, dactylic, or a foot as 01.")
    ] = "",
    sampler: Annotated[
        list[str] | None, typer.Option(metavar="SAMPLER", help="Others, with and without; repeatable.")
    ] = None,
    random_seed: Annotated[
        int | None, typer.Option(metavar="N", min=0, help="Fixes the draws of the model.  Default: 0")
    ] = None,
    corpus: Annotated[
        list[str] | None,
        typer.Option(metavar="FILE", help="What the model was trained on, where it has moved; repeatable."),
    ] = None,
    words: Annotated[str | None, typer.Option(metavar="FILE", help="A list of real words, one a line.")] = None,
    encoding: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Of songs and corpus: utf-8, latin-1, ...  Default: auto, UTF-8 or by their mark"
        ),
    ] = None,
    backend: Annotated[str | None, typer.Option(metavar="BACKEND", help="That the model runs on.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Rhymes by scheme, syllables, metre, real words and copied lines: of songs, or of what a model writes."""
    from seqgen.core.errors import SeqgenWarning
    from seqgen_lyrics.errors import LyricsError, LyricsUsageError
    from seqgen_lyrics.evaluation import Aims, read_corpus, read_songs, read_words, write

    if bool(files) is (model is not None):
        raise LyricsUsageError("Name either files to measure or a --model that writes.")
    if model is None:
        of_model = {"stanzas": stanzas, "sampler": sampler, "random-seed": random_seed, "backend": backend}
        if given := [name for name, value in of_model.items() if value not in (None, [])]:
            raise LyricsUsageError(f"--{given[0]} is of what a model writes: it needs --model MODEL")
    elif encoding is not None and not corpus:
        raise LyricsUsageError("--encoding is of files, and there is none: the corpus of the model is read as it was.")
    if encoding is None:
        encoding = "auto"
    aims = Aims(scheme, pattern, stress)
    listed = read_words(words)
    if model is None:
        found, note = read_corpus(None, corpus, encoding) if corpus else (None, "")
        figures = aims.measured(read_songs(files or [], encoding), corpus=found, listed=listed)
        _print_one(figures, json=json)
        return
    import seqgen

    loaded = seqgen.load(model, backend=backend)
    if not loaded.tokenizer.media_type.startswith("text/"):
        raise LyricsError(f"{loaded.reference} writes {loaded.tokenizer.media_type}, in which there is no verse.")
    found, note = read_corpus(loaded, corpus or [], encoding)
    if note:
        warnings.warn(note, SeqgenWarning, stacklevel=2)
    written = {
        name: write(
            loaded,
            stanzas or STANZAS,
            aims,
            constrained=constrained,
            samplers=sampler or (),
            random_seed=random_seed or 0,
            corpus=found,
            listed=listed,
        )
        for name, constrained in (("constrained", True), ("free", False))
    }
    if json:
        record = {"model": loaded.reference, "samplers": aims.samplers(), "random_seed": random_seed or 0}
        record |= {name: _written_record(each) for name, each in written.items()}
        typer.echo(json_module.dumps(record))
        return
    _print_both(written["constrained"], written["free"])


def _written_record(written: Written) -> dict[str, Any]:
    record = asdict(written)
    return {**_record(written.figures), **{key: value for key, value in record.items() if key != "figures"}}


def _record(figures: Figures) -> dict[str, Any]:
    record = asdict(figures)
    record["distinct_1"], record["distinct_2"] = record.pop("distinct")
    return record


def _print_one(figures: Figures, *, json: bool) -> None:
    if json:
        typer.echo(json_module.dumps(_record(figures)))
        return
    _print_table(["", "songs"], _rows([figures]))


def _print_both(constrained: Written, free: Written) -> None:
    rows = _rows([constrained.figures, free.figures])
    both = (constrained, free)
    rows += [
        ("log-probability of a token", *(f"{each.log_probability:.3f}" for each in both)),
        ("log-probability of a character", *(f"{each.log_probability_per_character:.3f}" for each in both)),
        ("notes of samplers", *(f"{each.notes:,}" for each in both)),
        ("tokens a second", *(f"{each.tokens_per_second:,.0f}" for each in both)),
    ]
    _print_table(["", "with constraints", "without"], rows)


def _rows(columns: list[Figures]) -> list[tuple[str, ...]]:
    def row(name: str, values: list[Any], form: str = ".1%") -> tuple[str, ...]:
        return (name, *("-" if value is None else format(value, form) for value in values))

    rows = [row(name, [getattr(each, name) for each in columns], ",") for name in ("stanzas", "lines", "words")]
    rows += [
        row(f"{scheme}: {kind} rhymes", [getattr(each.rhymes[scheme], kind) for each in columns])
        for scheme in columns[0].rhymes
        for kind in ("perfect", "slant", "identical")
    ]
    rows += [
        row("lines with their syllables", [each.syllables for each in columns]),
        row("lines in metre", [each.metre for each in columns]),
        row("distinct-1", [each.distinct[0] for each in columns], ".3f"),
        row("distinct-2", [each.distinct[1] for each in columns], ".3f"),
        row("words of the corpus", [each.real_words for each in columns]),
        row("words of the list", [each.listed_words for each in columns]),
        row("words of CMUdict", [each.dictionary_words for each in columns]),
        row("lines copied from the corpus", [each.copied_lines for each in columns]),
    ]
    return [cells for cells in rows if set(cells[1:]) != {"-"}]


def _print_table(head: list[str], rows: list[tuple[str, ...]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for place, name in enumerate(head):
        table.add_column(name, justify="right" if place else "left", no_wrap=True)
    for cells in rows:
        table.add_row(*cells)
    Console().print(table)
