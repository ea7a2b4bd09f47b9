"""What ``seqgen evaluate --samples`` measures, and how it is shown."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqgen.cli.printing import add_row, say, show, status_line, table

if TYPE_CHECKING:
    from seqgen.judging.judge import Judgement
    from seqgen.judging.measures import Figures
    from seqgen.language_model import LanguageModel


def check_options(loaded: LanguageModel, options: Mapping[str, Any]) -> None:
    """Refuse what is quickly found wrong with options, before anything is scored or written."""
    from seqgen import files
    from seqgen.figures import check_format
    from seqgen.judging.judge import read_words

    if options["plot"] is not None:
        path = Path(options["plot"])
        check_format(path)
        with files.writing(path):
            path.parent.stat()
    read_words(options["words"])
    loaded.prepare(samplers=options["sampler"] or (), temperature=options["temperature"])


def judged(loaded: LanguageModel, samples: int, options: Mapping[str, Any]) -> Judgement:
    """The judgement of a model, its notes told."""
    from seqgen.judging.judge import judge

    with status_line() as doing:
        doing(f"writing and measuring {samples} samples")
        judgement = judge(
            loaded,
            samples,
            length=options["length"],
            corpus=options["corpus"] or (),
            words_file=options["words"],
            random_seed=options["random_seed"] or 0,
            on_read=lambda share: doing(f"looking for what {samples} samples copied: {share:.0%} of the corpus read"),
            samplers=options["sampler"] or (),
            temperature=options["temperature"],
        )
    for note in judgement.notes:
        say(note, label="note")
    return judgement


def judgement_record(judgement: Judgement) -> dict[str, Any]:
    """A judgement as ``--json`` prints it."""
    return {
        "length": judgement.length,
        "random_seed": judgement.random_seed,
        "corpus": judgement.sources,
        "words": judgement.words,
        "notes": judgement.notes,
        "written": _figures_record(judgement.samples),
        "held_out": _figures_record(judgement.held_out),
    }


def _figures_record(figures: Figures | None) -> dict[str, Any] | None:
    from seqgen.judging.measures import DISTINCT, REPEATED

    if figures is None:
        return None
    record = asdict(figures)
    distinct = record.pop("distinct")
    record |= {f"distinct_{n}": share for n, share in zip(DISTINCT, distinct, strict=True)}
    record[f"seq_rep_{REPEATED}"] = record.pop("repetition")
    if isinstance(figures.copied_text, bytes):
        record["copied_text"] = base64.b64encode(figures.copied_text).decode()
    return record


def show_judgement(judgement: Judgement) -> None:
    """A judgement as a table."""
    from seqgen.judging.copies import SHINGLE
    from seqgen.judging.measures import DISTINCT, REPEATED

    written, held_out = judgement.samples, judgement.held_out
    unit = "bytes" if isinstance(written.copied_text, bytes) else "characters"
    rows = table("", "samples>", "held-out text>")

    def add(name: str, value: Any, form: str) -> None:
        cells = [None if figures is None else value(figures) for figures in (written, held_out)]
        if cells[0] is not None or cells[1] is not None:
            add_row(rows, name, *("-" if cell is None else format(cell, form) for cell in cells))

    add("texts", lambda figures: figures.texts, ",")
    add(unit, lambda figures: figures.characters, ",")
    add("words of the corpus", lambda figures: figures.real_words, ".1%")
    add(f"words of {judgement.words}", lambda figures: figures.listed_words, ".1%")
    for place, n in enumerate(DISTINCT):
        add(f"distinct-{n}", lambda figures, place=place: figures.distinct[place], ".3f")
    add(f"repetition (seq-rep-{REPEATED})", lambda figures: figures.repetition, ".3f")
    add("longest copied span", lambda figures: figures.longest_copied, ",")
    add(f"copied spans of {SHINGLE} {unit}", lambda figures: figures.copied_shingles, ".1%")
    show(rows)
    show(f"The longest that the samples copied: {written.copied_text!r}")


def plot_judgement(judgement: Judgement, path: str, reference: str) -> None:
    """Write a judgement as a plot, once its figures are shown: they are not lost where it cannot be written."""
    from seqgen.judging.figure import write_figure

    write_figure(judgement, Path(path), title=f"{reference}: {judgement.samples.texts} samples")
