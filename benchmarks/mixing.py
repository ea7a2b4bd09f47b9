"""How much lower the loss of a mixture is because its weights are fitted to the text that it is measured on.

    python benchmarks/mixing.py tinyshakespeare.txt --seconds 120 --blocks 500 1000 2000

A model is trained with nothing set but the time.  Then its weights of network and n-grams are fitted to each half of the held-out tenth, and
each half is scored with what was fitted to itself, and with what was fitted to the other.  The same is done with ten blocks of each of the
lengths that are given, which show what it is where so little is held out.
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

_ROWS = 16  # pieces of a block that are read side by side
_SHORTEST = 500  # tokens of such a piece: each begins without what is before it
_BLOCKS = 10


def batches(tokens: np.ndarray[Any, Any]) -> list[Batch]:
    """Some tokens as one batch of rows that follow one another."""
    rows = max(1, min(_ROWS, len(tokens) // _SHORTEST))
    whole = tokens[: (len(tokens) - 1) // rows * rows + 1]
    return [Batch(whole[:-1].reshape(rows, -1), whole[1:].reshape(rows, -1))]


def evenly_spaced(tokens: np.ndarray[Any, Any], length: int) -> list[np.ndarray[Any, Any]]:
    """Blocks of a length from all over."""
    starts = np.linspace(0, len(tokens) - length, _BLOCKS).astype(int)
    return [tokens[start : start + length] for start in starts]


def fitted_to_each(model: Any, blocks: list[np.ndarray[Any, Any]]) -> tuple[float, float]:
    """Nats per token of blocks with weights fitted to each itself, and with those fitted to each of the others."""
    read = [batches(block) for block in blocks]
    nats = np.empty((len(read), len(read)))  # by what is fitted to, and what is scored
    for fitted, own in enumerate(read):
        model.fit(lambda own=own: own)
        nats[fitted] = [sum(model.evaluate(batch)[0] for batch in block) for block in read]
    scored = sum(batch.scored for block in read for batch in block)
    itself = np.trace(nats)
    return float(itself / scored), float((nats.sum() - itself) / (len(read) - 1) / scored)


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", nargs="?", type=Path, default=locate("ice"))
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    of_each = "tokens of each; at most a tenth of the held-out part"
    parser.add_argument("--blocks", type=int, nargs="+", default=[], help=of_each)
    arguments = parser.parse_args()
    columns = ("seed", "network alone", "mixture as recorded", "tokens fitted to", "fitted to itself", "to others")
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
            recorded = {"network": record["network_loss"], "recorded": record["validation_loss"]}
            halves = np.array_split(held_out, 2)
            for blocks in (halves, *(evenly_spaced(held_out, length) for length in arguments.blocks)):
                own, others = fitted_to_each(loaded.model, blocks)
                length = len(blocks[0])
                before = (f"{figure:.4f}" for figure in recorded.values())
                table.add_row(str(seed), *before, f"{length:,}", f"{own:.4f}", f"{others:.4f}")
                name = f"seed {seed}, {length} tokens"
                rows.append({"name": name, **recorded, "tokens": length, "own": own, "others": others})
    Console().print(table)
    write_results("mixing", rows, corpus=str(arguments.corpus), seconds=arguments.seconds)


if __name__ == "__main__":
    main()
