"""The defaults beside twelve hand-made configurations, on each text in each time.

    python benchmarks/defaults.py corpora/ice.txt names.txt:lines --seconds 30 120

A text whose lines are its documents is named with ``:lines``; ``--only`` names those to be trained.  What counts is nats per character of the validation part, and
how far the default is from the best of all.  All mix n-grams in, as the defaults do: the network alone has a column of its own.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from side_by_side import write_results

import seqgen
from seqgen.corpora import locate

CONFIGURATIONS: dict[str, dict[str, Any]] = {
    "default": {},
    "H 128, no dropout": {"hidden_size": 128, "learning_rate": 1e-2, "dropout": 0.0},
    "H 128, dropout 0.2": {"hidden_size": 128, "learning_rate": 1e-2, "dropout": 0.2},
    "H 256, no dropout": {"hidden_size": 256, "learning_rate": 6e-3, "dropout": 0.0},
    "H 256, dropout 0.3": {"hidden_size": 256, "learning_rate": 6e-3, "dropout": 0.3},
    "H 256, dropout 0.5": {"hidden_size": 256, "learning_rate": 6e-3, "dropout": 0.5},
    "H 512, no dropout": {"hidden_size": 512, "learning_rate": 4e-3, "dropout": 0.0},
    "H 512, dropout 0.2": {"hidden_size": 512, "learning_rate": 4e-3, "dropout": 0.2},
    "H 512, dropout 0.5": {"hidden_size": 512, "learning_rate": 4e-3, "dropout": 0.5},
    "H 512, batch 64": {"hidden_size": 512, "learning_rate": 6e-3, "dropout": 0.2, "batch_size": 64},
    "H 512, T 128": {"hidden_size": 512, "learning_rate": 4e-3, "dropout": 0.3, "seq_len": 128, "batch_size": 16},
    "2 x 256": {"hidden_size": 256, "num_layers": 2, "learning_rate": 4e-3, "dropout": 0.3},
    "H 768": {"hidden_size": 768, "learning_rate": 2e-3, "dropout": 0.4},
}


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpora", nargs="*", default=[str(locate("ice"))])
    parser.add_argument("--seconds", type=float, nargs="+", default=[30.0])
    parser.add_argument("--backend", default="torch")
    parser.add_argument("--only", nargs="+", default=list(CONFIGURATIONS), choices=list(CONFIGURATIONS))
    arguments = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as home:
        os.environ["SEQGEN_HOME"] = home
        for corpus in arguments.corpora:
            path, _, dataset = corpus.partition(":")
            for seconds in arguments.seconds:
                losses: dict[str, tuple[float, float]] = {}
                for name in arguments.only:
                    model = seqgen.train(
                        path,
                        dataset=dataset or None,
                        backend=arguments.backend,
                        max_time=seconds,
                        progress=False,
                        **CONFIGURATIONS[name],
                    )
                    record = model.training_record
                    loss = record["bits_per_character"] * math.log(2)
                    # Both losses are per token: their ratio is that of the losses per character.
                    alone = loss * record.get("network_loss", record["validation_loss"]) / record["validation_loss"]
                    losses[name] = loss, alone
                    print(f"{Path(path).name}, {seconds:g} s, {name}: {loss:.4f}, alone {alone:.4f}", file=sys.stderr)
                    rows.append({"name": name, "corpus": corpus, "budget": seconds, **record})
                show(f"{Path(path).name}, {seconds:g} s", losses)
    write_results("defaults", rows, backend=arguments.backend)


def show(title: str, losses: dict[str, tuple[float, float]]) -> None:
    """A table, best first, of each configuration's loss and that of its network alone."""
    columns = ("", "nats/character", "beside the best", "the network alone", "beside the best")
    table = Table(*columns, title=title)
    best, best_alone = (min(each) for each in zip(*losses.values(), strict=True))
    for name, (loss, alone) in sorted(losses.items(), key=lambda item: item[1]):
        cells = (f"{loss:.4f}", f"{loss / best - 1:+.1%}", f"{alone:.4f}", f"{alone / best_alone - 1:+.1%}")
        table.add_row(name, *cells, style="bold" if name == "default" else "")
    Console().print(table)


if __name__ == "__main__":
    main()
