"""What models of each preset write after the same time of training, beside held-out text: ``seqgen evaluate --samples 100``.

    python benchmarks/judging.py --seconds 60
    python benchmarks/judging.py my-novel.txt --seconds 300 --presets default large
    SEQGEN_NGRAM_ORDER=0 python benchmarks/judging.py --seconds 180   # networks alone
    python benchmarks/judging.py --anew --plots docs/how-to/images   # judging-PRESET.svg of each

Prints a table as the documentation has it, in Markdown, and writes JSON.  What was measured is kept after each preset: the same
command goes on where it was interrupted, and --anew begins again.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from side_by_side import RESULTS, write_results

import seqgen
from seqgen.judging.figure import write_figure
from seqgen.judging.judge import judge
from seqgen.judging.measures import DISTINCT, Figures

_PARSER = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
_PARSER.add_argument("corpus", nargs="?", default="ice")
_PARSER.add_argument("--seconds", type=float, default=60, help="time of each training")
_PARSER.add_argument("--samples", type=int, default=100)
_PARSER.add_argument("--presets", nargs="+", default=["small", "default", "large", "tutorial"])
_PARSER.add_argument("--plots", type=Path, help="folder for a plot of each preset that is measured now")
_PARSER.add_argument("--anew", action="store_true", help="measure also what has been measured before")

HELD_OUT = "held-out text"
ROWS: Mapping[str, Callable[[Figures], str]] = {
    "words of the corpus": lambda figures: "-" if figures.real_words is None else f"{figures.real_words:.1%}",
    **{f"distinct-{n}": lambda figures, place=n - DISTINCT[0]: f"{figures.distinct[place]:.3f}" for n in DISTINCT},
    "repetition (seq-rep-4)": lambda figures: f"{figures.repetition:.3f}",
    "longest copied span": lambda figures: f"{figures.longest_copied:,}",
    "copied spans of 20 characters": lambda figures: f"{figures.copied_shingles:.1%}",
}


def main() -> None:
    """Train, write, measure, report."""
    arguments = _PARSER.parse_args()
    about = {"seconds": arguments.seconds, "samples": arguments.samples}
    title = f"judging {arguments.corpus}"
    columns = {} if arguments.anew else measured_before(title, about)
    for preset in arguments.presets:
        if preset in columns:
            continue
        held_out = columns.pop(HELD_OUT, None)  # the last of the columns
        columns[preset], other = measure(
            arguments.corpus, preset, arguments.seconds, arguments.samples, arguments.plots
        )
        if held_out or other:  # of the first, since the text of the tutorial is in lower case
            columns[HELD_OUT] = held_out or other
        print(f"{preset}: {columns[preset]['bits per character']} bits per character", flush=True)
        write_results(title, [{"name": name, **figures} for name, figures in columns.items()], **about)
    rows = ["bits per character", "steps", *ROWS]
    print("| |", " | ".join(columns), "|")
    print("|", " | ".join(["---"] * (len(columns) + 1)), "|")
    for row in rows:
        print("|", " | ".join([row, *(figures.get(row, "") for figures in columns.values())]), "|")


def measured_before(title: str, about: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """The figures of each preset that an earlier run with the same arguments has written."""
    path = RESULTS / f"{title.replace(' ', '-')}.json"
    if not path.is_file():
        return {}
    held = json.loads(path.read_text("utf-8"))
    if any(held.get(name) != value for name, value in about.items()):
        return {}
    return {row.pop("name"): row for row in held["rows"]}


def measure(
    corpus: str, preset: str, seconds: float, samples: int, plots: Path | None
) -> tuple[dict[str, str], dict[str, str]]:
    """The figures of what a preset's model writes, and those of held-out text, as they are shown."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["SEQGEN_HOME"] = folder
        model = seqgen.train(corpus, preset=preset, max_time=seconds, name=preset, random_seed=0, progress=False)
        judgement = judge(model, samples, random_seed=0)
    if plots is not None:
        plots.mkdir(parents=True, exist_ok=True)
        write_figure(
            judgement, plots / f"judging-{preset}.svg", title=f"{corpus}, preset {preset}, {seconds:g} s of training"
        )
    trained = {
        "bits per character": f"{model.training_record['bits_per_character']:.3f}",
        "steps": f"{model.training_record['steps']:,}",
    }
    held_out = {} if judgement.held_out is None else shown(judgement.held_out)
    return trained | shown(judgement.samples), held_out


def shown(figures: Figures) -> dict[str, str]:
    """Figures as a reader has them."""
    return {name: form(figures) for name, form in ROWS.items()}


if __name__ == "__main__":
    main()
