"""What each of the rules behind the defaults is worth: the defaults with one of them undone, on a text in equal time.

    python benchmarks/ablation.py tinyshakespeare.txt --seconds 60 --seeds 0 1 2
    SEQGEN_NGRAM_ORDER=0 python benchmarks/ablation.py tinyshakespeare.txt --seconds 60   # the network alone

The last tenth of the text is held out and scored whole.  The defaults come first; what the others lose or gain stands beside them.
"""

from __future__ import annotations

import argparse
import math
import os
import statistics
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from side_by_side import write_results

import seqgen
from seqgen.corpora import locate

WITHOUT: dict[str, dict[str, Any]] = {
    "the defaults": {},
    "the last weights": {"weight_average": 0.0},
    "an average over a quarter": {"weight_average": 0.25},
    "a constant rate": {"lr_schedule": "constant"},
    "a cosine": {"lr_schedule": "cosine"},
    "batches of 32": {"batch_size": 32},
    "dropout 0.3": {"dropout": 0.3},
    "weight decay 0.3": {"weight_decay": 0.3},
}


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", nargs="?", type=Path, default=locate("ice"))
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--backend", default="torch")
    arguments = parser.parse_args()
    table = Table(
        "", "nats/character", "beside the defaults", title=f"{arguments.corpus.name}, {arguments.seconds:g} s"
    )
    rows = []
    first = None
    with tempfile.TemporaryDirectory() as home:
        os.environ["SEQGEN_HOME"] = home
        for name, options in WITHOUT.items():
            losses = []
            for seed in arguments.seeds:
                model = seqgen.train(
                    arguments.corpus,
                    backend=arguments.backend,
                    max_time=arguments.seconds,
                    random_seed=seed,
                    progress=False,
                    **options,
                )
                losses.append(model.training_record["bits_per_character"] * math.log(2))
                rows.append({"name": name, "seed": seed, "nats": losses[-1], **model.training_record})
            mean = statistics.mean(losses)
            first = first or mean
            table.add_row(name, f"{mean:.4f}", f"{mean - first:+.4f}")
    Console().print(table)
    write_results("ablation", rows, corpus=str(arguments.corpus), seconds=arguments.seconds, seeds=arguments.seeds)


if __name__ == "__main__":
    main()
