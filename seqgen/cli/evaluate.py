"""``seqgen evaluate``."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seqgen.cli.environment import DeviceOption, Environment, JsonOption, ModelArgument, command, complete_part, default
from seqgen.cli.evaluate_samples import check_options, judged, judgement_record, plot_judgement, show_judgement
from seqgen.cli.printing import add_row, print_json, say, show, table, tell_rounding, warn, width
from seqgen.core.bits import shown_bits

if TYPE_CHECKING:
    from seqgen.evaluation import Score
    from seqgen.language_model import LanguageModel

EPILOG = """[bold]Examples[/bold]

seqgen evaluate novel@best chapter-12.txt

seqgen evaluate novel@best --samples 100 --plot novel.svg

Bits per character are the bits of all tokens over the characters of the text.  Where MODEL learned ends of documents, the bits of each end count, but an end is no character: for lines of six characters that makes a sixth more than where the line's end is a character itself.  --json has the figure with each end as a character, too."""

NARROWEST = 16
"""Columns of a terminal that names of files have at least, before other columns are shown beside them."""


@command(epilog=EPILOG)
def evaluate(
    ctx: typer.Context,
    model: ModelArgument,
    files: Annotated[
        list[str] | None, typer.Argument(metavar="[FILE]...", help="Texts to predict; - for standard input.")
    ] = None,
    samples: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Let MODEL write N texts, and measure them beside held-out text."),
    ] = None,
    length: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help=f"Most tokens in a sample.  {default('as many as the held-out text allows, 50 to 400')}",
        ),
    ] = None,
    temperature: Annotated[
        float | None, typer.Option(metavar="T", help=f"Of the samples, as for generate.  {default('0.8')}")
    ] = None,
    sampler: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SAMPLER",
            help="Of the samples, as for generate; repeatable.",
            autocompletion=complete_part("sampler"),
        ),
    ] = None,
    random_seed: Annotated[
        int | None, typer.Option(metavar="N", min=0, help=f"Fixes the draws of the samples.  {default('0')}")
    ] = None,
    corpus: Annotated[
        list[str] | None,
        typer.Option(metavar="FILE", help="What MODEL was trained on, where it has moved; repeatable."),
    ] = None,
    words: Annotated[
        str | None,
        typer.Option(metavar="FILE", help=f"A list of real words.  {default('/usr/share/dict/words, if there')}"),
    ] = None,
    plot: Annotated[
        str | None, typer.Option(metavar="FILE", help="Write the figures of the samples as a plot: .svg, .png, .pdf")
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option(
            metavar="DATASET",
            help=f"How files become documents: text, lines, rows, NAME:key=value.  {default('as MODEL was trained')}",
            autocompletion=complete_part("dataset"),
        ),
    ] = None,
    backend: Annotated[
        str | None,
        typer.Option(
            metavar="BACKEND",
            help=f"What computes: numpy, torch, keras, numba.  {default('numpy; with another --device, what the model was trained with')}",
            autocompletion=complete_part("backend"),
        ),
    ] = None,
    device: DeviceOption = "auto",
    json: JsonOption = False,
) -> None:
    """How well MODEL predicts each FILE, in bits per character; or what the texts that it writes are like.

    A model that learned from windows (--preset tutorial) is measured on at most 8,192 of them, spread evenly over FILE.
    """
    from seqgen import api

    of_samples = {
        "length": length,
        "temperature": temperature,
        "sampler": sampler,
        "random_seed": random_seed,
        "corpus": corpus,
        "words": words,
        "plot": plot,
    }
    _check(files, samples, of_samples, dataset)
    loaded = api.load(model, backend=backend, device=device, catalog=Environment.of(ctx).catalog)
    tell_rounding(loaded)
    if samples is not None:
        check_options(loaded, of_samples)
    with _told_where_else(loaded):
        scores = _scores(loaded, files or (), dataset)
        judgement = judged(loaded, samples, of_samples) if samples is not None else None
    if json:
        result: dict[str, Any] = {"model": loaded.name, "version": loaded.version, "backend": loaded.backend}
        if files:
            result["files"] = [_score_record(file, score) for file, score in scores]
        if judgement is not None:
            result["samples"] = judgement_record(judgement)
        print_json(result)
    else:
        if files:
            _show_scores(scores)
        if judgement is not None:
            show_judgement(judgement)
    if judgement is not None and plot is not None:
        plot_judgement(judgement, plot, loaded.reference)


def _check(
    files: Sequence[str] | None, samples: int | None, of_samples: Mapping[str, Any], dataset: str | None
) -> None:
    """Refuse a command that asks for nothing, or for what it does not do."""
    from seqgen.core.errors import UsageError

    if samples is not None:
        if dataset is not None and not files:
            raise UsageError(
                "--dataset says how FILE becomes documents, and there is none: the corpus is read as it was."
            )
        return
    if given := [name for name, value in of_samples.items() if value not in (None, [])]:
        raise UsageError(f"--{given[0].replace('_', '-')} is of the samples that MODEL writes: it needs --samples N")
    if not files:
        msg = "Name texts to predict, or let MODEL write some with --samples N.  See seqgen evaluate --help"
        raise UsageError(msg)


@contextlib.contextmanager
def _told_where_else(loaded: LanguageModel) -> Iterator[None]:
    """Say how a model is evaluated whose registry may only be read, since the tokens of a text are kept beside it."""
    from seqgen import home
    from seqgen.core.errors import OutputError
    from seqgen.core.shell import command_line

    try:
        yield
    except OutputError as error:
        if str(home.tokens_folder()) not in str(error):
            raise
        how = command_line(["seqgen", "evaluate", str(loaded.saved.folder)])
        msg = f"{error}  To keep the tokens of what is evaluated in another folder: SEQGEN_HOME=FOLDER {how} ..."
        raise OutputError(msg) from error


def _scores(loaded: LanguageModel, files: Sequence[str], dataset: str | None) -> list[tuple[str, Score]]:
    from seqgen.generation.unknown_symbols import describe_missing

    scores = [(file, loaded.score(file, dataset=dataset)) for file in files]
    for file, score in scores:
        if score.missing:
            warn(f"{file}: {describe_missing(score.missing, loaded.reference, share=score.unknown_share)}")
    return scores


def _score_record(file: str, score: Score) -> dict[str, Any]:
    return {
        "file": file,
        "bits_per_character": score.bits_per_character,
        "perplexity": score.perplexity if math.isfinite(score.perplexity) else None,
        "loss": score.loss,
        "tokens_per_character": score.tokens_per_character,
        "tokens": score.tokens,
        "characters": score.characters,
        "ends": score.ends,
        "bits_per_character_with_ends": score.bits_per_character_with_ends,
        "missing": dict(score.missing),
        "unknown_share": score.unknown_share,
        "changed_share": score.changed_share,
    }


def _show_scores(scores: Sequence[tuple[str, Score]]) -> None:
    """The table, without the least important columns where it is too wide; long names of files are folded."""
    from seqgen.cli.fast_table import Column, fitting

    columns = [
        Column("file", [file for file, _ in scores]),
        Column("bits/character", [shown_bits(score.bits_per_character, 4) for _, score in scores]),
        Column("perplexity", [shown_bits(score.perplexity) for _, score in scores], rank=3),
        Column("tokens/character", [f"{score.tokens_per_character:.3f}" for _, score in scores], rank=2),
        Column("characters", [f"{score.characters:,}" for _, score in scores], rank=1),
    ]
    names = Column("file", [file[:NARROWEST] for file, _ in scores])
    fit = [column.head for column in fitting([names, *columns[1:]], width() - 2)]  # Rich leaves a column at each edge
    shown = [column for column in columns if column.head in fit]
    rows = table("file", *(f"{column.head}>" for column in shown[1:]))
    for cells in zip(*(column.cells for column in shown), strict=True):
        add_row(rows, *cells)
    show(rows)
    if left := [column.head for column in columns if column not in shown]:
        say(f"Too wide for this terminal: {', '.join(left)}.  All: --json")
