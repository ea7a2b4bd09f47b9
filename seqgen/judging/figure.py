"""The figures of a judgement as bars: what the model wrote beside held-out text."""

from __future__ import annotations

from pathlib import Path

from seqgen import files
from seqgen.figures import check_format
from seqgen.judging.judge import Judgement
from seqgen.judging.measures import DISTINCT, REPEATED, Figures


def write_figure(judgement: Judgement, path: Path, *, title: str) -> None:
    """Write the figures of a judgement as a plot; the file's suffix says in which format: png, svg, pdf, ...

    Raises:
        MissingDependencyError: matplotlib is not installed.
        OptionError: it does not know the format.
        OutputError: the file cannot be written.
    """
    check_format(path)
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), layout="constrained")  # without pyplot: no window, and nothing that is global
    shares, longest = figure.subplots(1, 2, width_ratios=(5, 1))
    columns = {"samples": judgement.samples, "held-out text": judgement.held_out}
    drawn = {label: (figures, _shares(figures)) for label, figures in columns.items() if figures is not None}
    names = [name for name in drawn["samples"][1] if all(each[name] is not None for _, each in drawn.values())]
    width = 0.8 / len(drawn)
    for place, (label, (figures, values)) in enumerate(drawn.items()):
        offset = (place - (len(drawn) - 1) / 2) * width
        bars = shares.bar([x + offset for x in range(len(names))], [values[name] for name in names], width, label=label)
        shares.bar_label(bars, fmt="{:.2f}", fontsize="x-small")
        bars = longest.bar([offset], [figures.longest_copied], width)
        longest.bar_label(bars, fmt="{:,.0f}", fontsize="x-small")
    shares.set_xticks(range(len(names)), names, fontsize="small")
    shares.set_ylim(0, 1.08)
    shares.legend(loc="upper right", fontsize="small")
    shares.set_title(title, loc="left", fontsize="medium", parse_math=False)
    longest.set_xticks([0], ["longest\ncopied span"], fontsize="small")
    with files.writing(path):
        figure.savefig(path)


def _shares(figures: Figures) -> dict[str, float | None]:
    return {
        "real\nwords": figures.real_words,
        "listed\nwords": figures.listed_words,
        **{f"distinct-{n}": share for n, share in zip(DISTINCT, figures.distinct, strict=True)},
        f"repetition\n(seq-rep-{REPEATED})": figures.repetition,
        "copied\nshingles": figures.copied_shingles,
    }
