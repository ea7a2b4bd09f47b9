"""What models of each preset write after the same time of training, beside held-out text: ``seqgen evaluate --samples 100``.

    python benchmarks/judging.py --seconds 60
    python benchmarks/judging.py my-novel.txt --seconds 300 --presets default large

Prints a table as the documentation has it, in Markdown, and writes JSON.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable, Mapping

from side_by_side import write_results

import seqgen
from seqgen.judging.judge import judge
from seqgen.judging.measures import DISTINCT, Figures

_PARSER = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
_PARSER.add_argument("corpus", nargs="?", default="ice")
_PARSER.add_argument("--seconds", type=float, default=60, help="time of each training")
_PARSER.add_argument("--samples", type=int, default=100)
_PARSER.add_argument("--presets", nargs="+", default=["default", "small", "large", "tutorial"])

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
    columns: dict[str, Figures] = {}
    bits: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        os.environ["SEQGEN_HOME"] = folder
        for preset in arguments.presets:
            model = seqgen.train(
                arguments.corpus, preset=preset, max_time=arguments.seconds, name=preset, random_seed=0, progress=False
            )
            judgement = judge(model, arguments.samples, random_seed=0)
            columns[preset] = judgement.samples
            bits[preset] = model.training_record["bits_per_character"]
            print(f"{preset}: {bits[preset]:.3f} bits per character", flush=True)
            if judgement.held_out is not None:  # the same for all
                held_out = judgement.held_out
    columns["held-out text"] = held_out
    cells = [["", *columns], ["---"] * (len(columns) + 1)]
    cells.append(["bits per character", *(f"{bits[name]:.3f}" if name in bits else "" for name in columns)])
    cells += [[name, *(form(figures) for figures in columns.values())] for name, form in ROWS.items()]
    for row in cells:
        print("|", " | ".join(row), "|")
    rows = [
        dict(zip(["name", *ROWS], [name, *(form(each) for form in ROWS.values())], strict=True))
        for name, each in columns.items()
    ]
    write_results(f"judging {arguments.corpus}", rows, bits_per_character=bits, seconds=arguments.seconds)


if __name__ == "__main__":
    main()
