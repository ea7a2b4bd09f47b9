"""How much lower the loss of a mixture is because its weights are fitted to the text that it is measured on.

    python benchmarks/mixing.py tinyshakespeare.txt --seconds 120

A model is trained with nothing set but the time.  Then its weights of network and n-grams are fitted to each half of the held-out tenth, and
each half is scored with what was fitted to itself, and with what was fitted to the other.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from side_by_side import write_results

import seqgen
from seqgen.core.types import Batch
from seqgen.corpora import locate

_ROWS = 16  # pieces of a half that are read side by side


def batches(tokens: np.ndarray[Any, Any]) -> list[Batch]:
    """Some tokens as one batch of rows that follow one another."""
    rows = tokens[: (len(tokens) - 1) // _ROWS * _ROWS + 1]
    return [Batch(rows[:-1].reshape(_ROWS, -1), rows[1:].reshape(_ROWS, -1))]


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", nargs="?", type=Path, default=locate("ice"))
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    arguments = parser.parse_args()
    columns = ("seed", "the network alone", "the mixture as recorded", "halves fitted to themselves", "to each other")
    table = Table(*columns, title="nats per token")
    rows = []
    with tempfile.TemporaryDirectory() as home:
        os.environ["SEQGEN_HOME"] = home
        for seed in arguments.seeds:
            trained = seqgen.train(arguments.corpus, progress=False, max_time=arguments.seconds, random_seed=seed)
            record = trained.training_record
            loaded = seqgen.load(Path(record["path"]), backend="torch")
            ids = loaded.tokenizer.encode(arguments.corpus.read_text("utf-8")).astype(np.int64)
            held_out = ids[len(ids) * 9 // 10 :]
            halves = [batches(half) for half in np.array_split(held_out, 2)]
            own, other = 0.0, 0.0
            for half, another in (halves, halves[::-1]):
                loaded.model.fit(lambda half=half: half)
                own += sum(loaded.model.evaluate(batch)[0] for batch in half)
                other += sum(loaded.model.evaluate(batch)[0] for batch in another)
            scored = sum(batch.scored for half in halves for batch in half)
            figures = {
                "network": record["network_loss"],
                "recorded": record["validation_loss"],
                "own_half": own / scored,
                "other_half": other / scored,
            }
            table.add_row(str(seed), *(f"{figure:.4f}" for figure in figures.values()))
            rows.append({"name": f"seed {seed}", **figures})
    Console().print(table)
    write_results("mixing", rows, corpus=str(arguments.corpus), seconds=arguments.seconds)


if __name__ == "__main__":
    main()
