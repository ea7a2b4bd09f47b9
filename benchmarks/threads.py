"""How fast the torch backend trains with different spin counts of OpenMP's threads, alone and beside busy processes.

    python benchmarks/threads.py --busy 2

The count is read when torch is imported, so each run is a process of its own; they take turns all the same.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys

from rich.console import Console
from rich.table import Table
from side_by_side import write_results

COUNTS = ("1000", "10000", "300000")  # ours is 10,000, libgomp's own 300,000
TRAIN = """if True:
    import statistics, time
    import numpy as np
    from seqgen.core.catalog import load_catalog
    from seqgen.core.spec import ModelSpec, OptimizerSpec
    from seqgen.core.types import Batch
    spec = ModelSpec(vocab_size=60, hidden_size=512, dropout=0.5)
    model = load_catalog().make("backend", "torch").build(spec, optimizer=OptimizerSpec())
    ids = np.random.default_rng(0).integers(0, 60, (16, 65))
    batch = Batch(ids[:, :-1].copy(), ids[:, 1:].copy(), carry=True)
    seconds = []
    for step in range(20):
        start = time.perf_counter()
        float(model.train_step(batch, 1e-3))
        seconds.append(time.perf_counter() - start)
    print(16 * 64 / statistics.median(seconds[5:]))
"""


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--busy", type=int, default=2, help="how many processes keep a core busy beside it")
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()

    table = Table("spin count", "alone, tokens/s", f"beside {arguments.busy} busy processes", title="threads")
    rates = {count: ([], []) for count in COUNTS}
    for situation, busy in enumerate((0, arguments.busy)):
        others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(busy)]
        try:
            for _ in range(arguments.repeats):
                for count in COUNTS:
                    environment = {**os.environ, "GOMP_SPINCOUNT": count}
                    done = subprocess.run(
                        [sys.executable, "-c", TRAIN], env=environment, check=True, capture_output=True, text=True
                    )
                    rates[count][situation].append(float(done.stdout))
        finally:
            for other in others:
                other.kill()
                other.wait()
    for count, (alone, beside) in rates.items():
        table.add_row(count, f"{statistics.median(alone):,.0f}", f"{statistics.median(beside):,.0f}")
    Console().print(table)
    rows = [{"spin_count": count, "alone": alone, "beside": beside} for count, (alone, beside) in rates.items()]
    write_results("threads", rows, **vars(arguments))


if __name__ == "__main__":
    main()
