"""Memory and speed of a corpus on its way to batches, for a small corpus and for one that is larger.

    python benchmarks/large_corpus.py --megabytes 10 2000
    python benchmarks/large_corpus.py --megabytes 10 200 --tokenizers char bpe

The corpora are written piece by piece into a temporary folder, and are removed at the end.  Every row is a process of its
own, whose peak of resident memory (``ru_maxrss``, and that of the largest of its own processes) is given beside that of the
smallest corpus.  ``batches`` draws from all of the store in each mode; ``train`` is ``seqgen.train`` as a whole, for a few
steps.  ``again`` is ``train`` once more, which finds the store; ``documents`` and ``windows`` are the same in these modes.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from side_by_side import write_results

CORPUS = Path(__file__).parent.parent / "corpora" / "ice.txt"

STAGES = ["read", "fit", "encode", "batches", "train", "again", "documents", "windows"]

BATCHES = 2000

OPTIONS: dict[str, Any] = {
    "backend": "torch",
    "hidden_size": 16,
    "embedding_size": 8,
    "num_layers": 1,
    "dropout": 0.0,
    "seq_len": 64,
    "batch_size": 16,
    "max_steps": 20,
    "validation_fraction": 0.0001,
    "progress": False,
}


def write(path: Path, megabytes: int) -> None:
    """Write lines of the bundled corpus in ever new order."""
    lines = CORPUS.read_text("utf-8").splitlines(keepends=True)
    mixed = random.Random(0)
    left = megabytes * 10**6
    with path.open("wb") as file:
        while left > 0:
            mixed.shuffle(lines)
            block = "".join(lines).encode()[:left]
            file.write(block)
            left -= len(block)


# In a process of its own


def measure(stage: str, corpus: str, tokenizer_name: str) -> dict[str, Any]:
    """Seconds and peak megabytes of one stage and what it needs before it."""
    import seqgen
    from seqgen import home
    from seqgen.core.catalog import load_catalog
    from seqgen.data.batching import make_batching
    from seqgen.data.split import split
    from seqgen.data.store import open_or_build

    catalog = load_catalog()
    dataset = catalog.make("dataset", "text", sources=(corpus,))
    fitted = home.home() / f"{tokenizer_name}-{Path(corpus).stem}.json"
    if stage in {"encode", "batches"}:
        tokenizer = catalog.find("tokenizer", tokenizer_name).load().from_state(json.loads(fitted.read_text()))
    if stage == "batches":
        store = open_or_build(dataset, tokenizer, home.tokens_folder())
    begun = time.perf_counter()
    match stage:
        case "read":
            for _ in dataset.documents():
                pass
        case "fit":
            learned = catalog.make("tokenizer", tokenizer_name)
            learned = learned.fit(document.content for document in dataset.documents())
            fitted.parent.mkdir(parents=True, exist_ok=True)
            fitted.write_text(json.dumps(learned.state()))
        case "encode":
            open_or_build(dataset, tokenizer, home.tokens_folder())
        case "batches":
            training, _ = split(store, 0.1)
            for mode in ("stream", "documents", "windows"):
                batches = make_batching(mode, training, seq_len=64, batch_size=16, random_seed=0)
                for number in range(BATCHES):
                    batches.batch(0, number * (batches.steps_per_epoch - 1) // BATCHES)
        case _:
            batching = stage if stage in {"documents", "windows"} else "stream"
            seqgen.train(corpus, tokenizer=tokenizer_name, name="large", batching=batching, **OPTIONS)
    seconds = time.perf_counter() - begun
    # Linux counts in kilobytes, macOS in bytes.
    unit = 2**20 if sys.platform == "darwin" else 2**10
    peaks = [resource.getrusage(who).ru_maxrss / unit for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return {"seconds": seconds, "megabytes": peaks[0], "child_megabytes": peaks[1]}


# Around it


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, nargs="+", default=[10, 2000], help="of the corpora, 10^6 bytes each")
    parser.add_argument("--tokenizers", nargs="+", default=["char"])
    parser.add_argument("--stages", nargs="+", default=STAGES)
    parser.add_argument("--measure", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(measure(*arguments.measure)))
        return
    table = Table("", "MB", "seconds", "MB/s", "peak MB", "over the smallest", "of its processes", title="large corpus")
    rows = []
    with tempfile.TemporaryDirectory(prefix="seqgen-") as folder:
        for tokenizer in arguments.tokenizers:
            smallest: dict[str, float] = {}
            for megabytes in sorted(arguments.megabytes):
                corpus = Path(folder, f"{megabytes}.txt")
                if not corpus.exists():
                    write(corpus, megabytes)
                for stage in arguments.stages:
                    done = subprocess.run(
                        [sys.executable, __file__, "--measure", stage, str(corpus), tokenizer],
                        env={**os.environ, "SEQGEN_HOME": str(Path(folder, "home"))},
                        stdout=subprocess.PIPE,
                        check=True,
                    )
                    row = {"stage": stage, "tokenizer": tokenizer, "size": megabytes, **json.loads(done.stdout)}
                    rows.append(row)
                    over = row["megabytes"] - smallest.setdefault(stage, row["megabytes"])
                    table.add_row(
                        f"{tokenizer} {stage}",
                        f"{megabytes:,}",
                        f"{row['seconds']:.2f}",
                        f"{megabytes / row['seconds']:.0f}",
                        f"{row['megabytes']:.0f}",
                        f"{over:+.0f}",
                        f"{row['child_megabytes']:.0f}",
                    )
    Console().print(table)
    write_results("large-corpus", rows)


if __name__ == "__main__":
    main()
