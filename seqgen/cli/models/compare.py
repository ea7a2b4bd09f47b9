"""``seqgen models compare``."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seqgen.cli.environment import Environment, JsonOption, command, complete_model, complete_part, default
from seqgen.cli.printing import add_row, print_json, readable, say, show, shown, styled, table, tell_rounding, warn
from seqgen.core.bits import shown_bits

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from seqgen.checkpoint import SavedModel
    from seqgen.core.catalog import Catalog
    from seqgen.evaluation import Score

EPILOG = """[bold]Examples[/bold]

seqgen models compare novel:1 novel:2 winter@best

seqgen models compare novel@best words@best --on chapter-12.txt"""


@command(epilog=EPILOG)
def compare(
    ctx: typer.Context,
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL...",
            help="NAME, NAME:VERSION, NAME@ALIAS, or a model folder; two or more.",
            autocompletion=complete_model,
        ),
    ],
    on: Annotated[
        list[str] | None,
        typer.Option(metavar="FILE", help="Also the bits per character of each on FILE, measured now; repeatable."),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Also the options that are the same.")] = False,
    backend: Annotated[
        str | None,
        typer.Option(
            metavar="BACKEND",
            help=f"What computes for --on: numpy, torch, keras, numba.  {default('numpy; for an architecture that it lacks, what the model was trained with')}",
            autocompletion=complete_part("backend"),
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Models side by side; ≠ marks what is not the same for all."""
    from seqgen import api
    from seqgen.core.errors import UsageError

    if len(models) < 2:
        raise UsageError("Name two models or more to compare.  See seqgen models compare --help")
    if backend is not None and not on:
        raise UsageError("--backend is what computes for --on: it needs --on FILE")
    saved = [api.find_model(model) for model in models]
    facts = comparison(saved)
    scores = {file: _scores(models, file, backend, Environment.of(ctx).catalog) for file in dict.fromkeys(on or ())}
    if json:
        found = {name: {"values": values, "same": same(values)} for name, values in facts.items()}
        figures = {file: [score.bits_per_character for score in each] for file, each in scores.items()}
        with_ends = {file: [score.bits_per_character_with_ends for score in each] for file, each in scores.items()}
        print_json(
            {
                "models": [each.where for each in saved],
                "facts": found,
                "files": figures,
                "files_with_ends": with_ends,
                "unknown_shares": {file: [score.unknown_share for score in each] for file, each in scores.items()},
                "changed_shares": {file: [score.changed_share for score in each] for file, each in scores.items()},
            }
        )
        return
    _show(facts, scores, [each.where for each in saved], everything=everything)


def _show(
    facts: Mapping[str, Sequence[Any]],
    scores: Mapping[str, Sequence[Score]],
    models: Sequence[str],
    *,
    everything: bool,
) -> None:
    """The table, and words about what is not in it or does not compare."""
    rows = table("", "", *(styled(readable(each)) for each in models))
    hidden = 0
    for name, values in facts.items():
        equal = same(values)
        if equal and "." in name and not everything:
            hidden += 1
            continue
        style = "dim" if equal else "bold"
        cells = [styled((readable(shown(value)), style if not equal else "")) for value in values]
        add_row(rows, "" if equal else "≠", styled((readable(name), style)), *cells)
    for file, measured in scores.items():
        bits = [score.bits_per_character for score in measured]
        least = min(bits)
        cells = [styled((shown_bits(each, 4), "bold green" if each == least else "")) for each in bits]
        add_row(rows, "" if same(bits) else "≠", styled((f"bits per character on {file}", "bold")), *cells)
    show(rows)
    for file, measured in scores.items():
        if not same([score.ends for score in measured]):
            say(_about_ends(file, models, measured), label="note")
        if not same([score.changed_share for score in measured]):
            say(_about_changes(file, models, measured), label="note")
    if hidden:
        say(f"{hidden} options and versions are the same for all and not shown; with --all they are.")
    if not same(facts["corpus fingerprint"]) and not scores:
        say("Their corpora differ, so their bits per character are of different texts.  On one text: --on FILE")


def _about_ends(file: str, models: Sequence[str], scores: Sequence[Score]) -> str:
    """Why the figures of models that predict other numbers of ends of documents do not compare, and which do."""
    predicted = ", ".join(f"{model} {score.ends:,}" for model, score in zip(models, scores, strict=True))
    bits = ", ".join(
        f"{model} {shown_bits(score.bits_per_character_with_ends, 4)}"
        for model, score in zip(models, scores, strict=True)
    )
    return (
        f"Not all predict the same number of document ends in {file} ({predicted}): each end takes bits, but is no character.  "
        f"With each end as a character: {bits}"
    )


def _about_changes(file: str, models: Sequence[str], scores: Sequence[Score]) -> str:
    """Why the figures of models whose tokenizers make other texts of a file do not compare."""
    changed = ", ".join(
        f"{model} {100 * score.changed_share:.3g}%" for model, score in zip(models, scores, strict=True)
    )
    return (
        f"Of {file} not all predict the same text: some of its characters are changed first ({changed}), as where all is made "
        "lower case, which mostly leaves less to predict.  So their bits per character do not compare."
    )


def same(values: Sequence[Any]) -> bool:
    """Whether all are equal."""
    return all(value == values[0] for value in values)


def comparison(saved: Sequence[SavedModel]) -> dict[str, list[Any]]:
    """What each model is and how it was made: a name to a value for each; those of options and versions have a dot."""
    columns = [_facts(each) for each in saved]
    names = dict.fromkeys(name for column in columns for name in column)
    return {name: [column.get(name) for column in columns] for name in names}


def _facts(saved: SavedModel) -> Mapping[str, Any]:
    manifest, config = saved.manifest, saved.config
    results, corpus, machine = (manifest.get(key, {}) for key in ("results", "corpus", "machine"))
    figures = ("bits_per_character", "validation_loss", "train_loss", "best_step")
    taken = ("steps", "epochs", "seconds", "tokens_per_second")
    return {
        **{name.replace("_", " "): results.get(name) for name in (*figures, *taken)},
        "corpus": ", ".join(map(str, corpus.get("sources", []))),
        "corpus fingerprint": str(corpus.get("fingerprint"))[:16],
        "corpus characters": corpus.get("characters"),
        **{kind: part.name for kind, part in config.parts.items()},
        "architecture": config.model.architecture,
        "layers": f"{config.model.num_layers} x {config.model.hidden_size}",
        "vocab size": config.model.vocab_size,
        "parameters": results.get("parameters"),
        "parent": manifest.get("parent"),
        "created": _moment(manifest.get("created", "")),
        "device": machine.get("device") if isinstance(machine, dict) else None,
        **{f"{kind}.{name}": value for kind, part in config.parts.items() for name, value in part.options.items()},
        **{f"version.{name}": version for name, version in manifest.get("versions", {}).items()},
        **{f"training.{name}": value for name, value in config.training.items()},
    }


def _moment(created: str) -> str:
    """A time of ISO 8601 to the second, with its zone, in which all models say theirs: UTC."""
    text = created[:19].replace("T", " ")
    return f"{text} UTC" if created[19:].endswith(("+00:00", "Z")) else text


def _scores(models: Sequence[str], file: str, backend: str | None, catalog: Catalog) -> list[Score]:
    from seqgen import api
    from seqgen.generation.unknown_symbols import describe_missing

    scores = []
    with _readable_again(file) as source:
        for number, model in enumerate(models):
            loaded = api.load(model, backend=backend, catalog=catalog)
            if number == 0:
                tell_rounding(loaded)
            score = loaded.score(source)
            if score.missing:
                warn(f"{file}: {describe_missing(score.missing, loaded.reference, share=score.unknown_share)}")
            scores.append(score)
    return scores


@contextlib.contextmanager
def _readable_again(file: str) -> Iterator[str]:
    """A file that each model can read: of standard input or another pipe, which the first would leave empty, a copy."""
    if file != "-" and not Path(file).is_fifo():
        yield file
        return
    import shutil
    import tempfile

    from seqgen.core.errors import CorpusError
    from seqgen.files import writing

    with tempfile.TemporaryDirectory(prefix="seqgen-") as folder:
        copy = Path(folder) / "text"
        with (
            contextlib.nullcontext(sys.stdin.buffer) if file == "-" else Path(file).open("rb") as stored,
            writing(copy),
            copy.open("wb") as target,
        ):
            shutil.copyfileobj(stored, target)
        try:
            yield str(copy)
        except CorpusError as error:
            name = "Standard input" if file == "-" else file
            raise CorpusError(str(error).replace(str(copy), name)) from error
