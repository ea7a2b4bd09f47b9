"""The losses on the way as a figure in a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from seqgen import files
from seqgen.core.errors import TrainingError
from seqgen.evaluation import bits_per_character
from seqgen.figures import check_format
from seqgen.training.metrics import CharactersPerToken


def write_figure(
    metrics: Sequence[Mapping[str, Any]], characters_per_token: CharactersPerToken | None, path: Path, *, title: str
) -> None:
    """Write training and validation loss against steps; the file's suffix says in which format: png, svg, pdf, ...

    Args:
        metrics: the lines of ``metrics.jsonl``.
        characters_per_token: for losses in bits per character; None: in nats per token.
        path: the file.
        title: above the curves.

    Raises:
        MissingDependencyError: matplotlib is not installed.
        OptionError: it does not know the format.
        TrainingError: there is nothing to plot.
        OutputError: the file cannot be written.
    """
    check_format(path)
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")  # without pyplot: no window, and nothing that is global
    axes = figure.subplots()
    drawn = False
    known = characters_per_token
    curves = (
        ("train_loss", "training", "-", 1.0 if known is None else bits_per_character(1.0, known.training)),
        ("validation_loss", "validation", "o-", 1.0 if known is None else bits_per_character(1.0, known.validation)),
    )
    for key, label, style, scale in curves:
        points = [(line["step"], line[key] * scale) for line in metrics if "step" in line and key in line]
        if points:
            axes.plot(*zip(*points, strict=True), style, label=label, markersize=3, linewidth=1)
            drawn = True
    if not drawn:
        raise TrainingError(f"{title} has no record of its losses to plot.")
    axes.set_xlabel("steps")
    axes.set_ylabel("nats per token" if known is None else "bits per character")
    axes.grid(alpha=0.3)
    axes.legend()
    axes.set_title(title, loc="left", fontsize="medium", parse_math=False)
    with files.writing(path):
        figure.savefig(path)
