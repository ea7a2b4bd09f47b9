"""Speed and memory of training against each size: hidden size, layers, batch, sequence length, vocabulary, corpus.

    python benchmarks/scaling.py --quick
    python benchmarks/scaling.py --backend keras --axes hidden-size vocab-size --rounds 3
    python benchmarks/scaling.py --plot docs/explanation/images

One size is varied at a time, from LSTM 1 x 256, batches of 32 x 64 and 64 symbols.  Every point is a fresh process, and the
points are taken in turns, round after round; medians are reported.  Memory is the process's peak (``ru_maxrss``) less that
of one that only imports.  On the corpora ``seqgen.train`` runs whole; its characters/s are those of the steps, and all
before and after them (reading, encoding, the evaluation, publishing) is a column of its own.  "plain" is the torch backend
with the logits of a whole batch at once, as it would be without ``seqgen/backends/torch/loss.py``.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table
from side_by_side import write_results

Point = dict[str, Any]
Row = dict[str, Any]

BASE: Mapping[str, int] = {"hidden_size": 256, "num_layers": 1, "batch_size": 32, "seq_len": 64, "vocab_size": 64}

AXES: Mapping[str, tuple[int, ...]] = {
    "hidden_size": (128, 256, 512, 1024),
    "num_layers": (1, 2, 3),
    "batch_size": (8, 16, 32, 64, 128, 256),
    "seq_len": (16, 32, 64, 128, 256),
    "vocab_size": (64, 512, 4096, 50_000),
    "corpus": (10_000, 100_000, 1_000_000, 10_000_000, 100_000_000),
}

PLAIN_FROM = 4096
"""The vocabulary from which the plain path is another one."""

CORPUS_STEPS = 40


# In a process of its own


def measure(point: Point) -> Row:
    """What one point gives: ``units_per_second``, ``megabytes`` at the peak, ``other_seconds``."""
    found = {"imports": imports, "steps": steps, "corpus": corpus}[point["kind"]](point)
    # Linux counts in kilobytes, macOS in bytes.
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return {**found, "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit}


def imports(point: Point) -> Row:
    """Only imports, what the others build on included."""
    import seqgen
    from seqgen.core.catalog import load_catalog

    load_catalog().make("backend", point["backend"])
    return {"version": seqgen.__version__}


def steps(point: Point) -> Row:
    """Training steps on random batches, for as many seconds as the point says, after two that warm up."""
    from seqgen.core.catalog import load_catalog
    from seqgen.core.spec import ModelSpec, OptimizerSpec
    from seqgen.core.types import Batch

    if point.get("plain"):
        from seqgen.backends.torch import loss

        loss.LARGE = sys.maxsize
    spec = ModelSpec(
        vocab_size=point["vocab_size"],
        embedding_size=64,
        hidden_size=point["hidden_size"],
        num_layers=point["num_layers"],
    )
    model = load_catalog().make("backend", point["backend"]).build(spec, optimizer=OptimizerSpec())
    shape = (point["batch_size"], point["seq_len"])
    ids = np.random.default_rng(0).integers(spec.vocab_size, size=(4, 2, *shape))
    batches = [Batch(inputs, targets, carry=True) for inputs, targets in ids]
    taken: list[float] = []
    begun = time.perf_counter()
    while len(taken) < 4 or time.perf_counter() - begun < point["seconds"]:
        start = time.perf_counter()
        float(model.train_step(batches[len(taken) % len(batches)], 1e-3))
        taken.append(time.perf_counter() - start)
    tokens = shape[0] * shape[1]
    return {"units_per_second": tokens / statistics.median(taken[2:]), "precision": model.precision}


def corpus(point: Point) -> Row:
    """``seqgen.train`` on random text."""
    imports(point)
    import seqgen

    with tempfile.TemporaryDirectory() as folder:
        os.environ["SEQGEN_HOME"] = folder
        file = Path(folder) / "random.txt"
        write_text(file, point["corpus"])
        shape = {key: point[key] for key in ("hidden_size", "num_layers", "batch_size", "seq_len")}
        start = time.perf_counter()
        model = seqgen.train(
            file,
            progress=False,
            backend=point["backend"],
            max_steps=CORPUS_STEPS,
            eval_every=CORPUS_STEPS,
            # The same 2,000 characters are measured on, however large the corpus.
            validation_fraction=2000 / point["corpus"],
            embedding_size=64,
            learning_rate=1e-3,
            dropout=0.0,
            **shape,
        )
        whole = time.perf_counter() - start
        lines = (model.saved.folder / "metrics.jsonl").read_text("utf-8").splitlines()
        seconds = json.loads(lines[-1])["seconds"]
        work = CORPUS_STEPS * point["batch_size"] * point["seq_len"]
        return {
            "units_per_second": work / seconds,
            "other_seconds": whole - seconds,
            "precision": model.training_record["precision"],
        }


def write_text(file: Path, length: int) -> None:
    """Random text of 64 symbols, a million characters at a time."""
    symbols = np.frombuffer(b"\n" + bytes(range(33, 96)), np.uint8)
    random = np.random.default_rng(0)
    with file.open("wb") as opened:
        for start in range(0, length, 1_000_000):
            opened.write(symbols[random.integers(64, size=min(1_000_000, length - start))].tobytes())


# All of them


def points(axes: list[str], backend: str, seconds: float) -> list[Point]:
    """Every point of these axes; the base is one point of several, and measured for each."""
    found: list[Point] = [{"kind": "imports", "axis": "imports", "backend": backend}]
    for axis in axes:
        for value in AXES[axis]:
            kind = "corpus" if axis == "corpus" else "steps"
            point = {**BASE, "kind": kind, "axis": axis, "backend": backend, "seconds": seconds, axis: value}
            found.append(point)
            if axis == "vocab_size" and value >= PLAIN_FROM and backend == "torch":
                found.append({**point, "plain": True})
    return found


def in_process(point: Point) -> Row:
    """The measurement of a point in a process of its own."""
    command = [sys.executable, __file__, "--point", json.dumps(point)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    row: Row = json.loads(done.stdout.splitlines()[-1])
    return row


def summary(point: Point, rounds: list[Row], imported: float) -> Row:
    """The medians of a point, and every round."""
    row = {
        **point,
        "name": f"{point['axis']} {point[point['axis']]:,}{' plain' if point.get('plain') else ''}",
        "units_per_second": statistics.median(each["units_per_second"] for each in rounds),
        "megabytes": statistics.median(each["megabytes"] for each in rounds) - imported,
        "precision": rounds[0]["precision"],
        "rounds": rounds,
    }
    if "other_seconds" in rounds[0]:
        row["other_seconds"] = statistics.median(each["other_seconds"] for each in rounds)
    return row


def show(rows: list[Row], backend: str) -> None:
    """One table; the ratios are to the first row of each axis."""
    table = Table("", "", "tokens/s", "/ first", "MB", "other s", title=f"scaling of {backend}")
    axis, first = "", 0.0
    for row in rows:
        if row["axis"] != axis:
            axis, first = row["axis"], row["units_per_second"]
            table.add_section()
        table.add_row(
            row["axis"].replace("_", "-"),
            f"{row[axis]:,}{' plain' if row.get('plain') else ''}",
            f"{row['units_per_second']:,.0f}",
            f"{row['units_per_second'] / first:.3f}",
            f"{row['megabytes']:,.0f}",
            f"{row['other_seconds']:.2f}" if "other_seconds" in row else "",
        )
    Console().print(table)


def plot(rows: list[Row], backend: str, folder: Path) -> None:
    """``scaling-BACKEND-AXIS.svg``: speed and memory, both axes logarithmic."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams.update(
        {"svg.hashsalt": "seqgen", "svg.fonttype": "none"}
    )  # the same figures give the same, small file
    from matplotlib import pyplot as plt

    folder.mkdir(parents=True, exist_ok=True)
    for axis in dict.fromkeys(row["axis"] for row in rows):
        figure, (speed, memory) = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
        lines = {"seqgen": False, "all logits at once": True}
        for label, plain in lines.items():
            own = [row for row in rows if row["axis"] == axis and bool(row.get("plain")) == plain]
            if own:
                values = [row[axis] for row in own]
                style = {"marker": "o", "linestyle": "--" if plain else "-", "label": label}
                speed.plot(values, [row["units_per_second"] for row in own], **style)
                memory.plot(values, [row["megabytes"] for row in own], **style)
        name = axis.replace("_", " ") + (", characters" if axis == "corpus" else "")
        ticks = [row[axis] for row in rows if row["axis"] == axis and not row.get("plain")]
        for axes, what in ((speed, "characters/s" if axis == "corpus" else "tokens/s"), (memory, "memory, MB")):
            axes.set(xscale="log", yscale="log", xlabel=name, ylabel=what)
            axes.set_xticks(ticks, [f"{tick:,}" for tick in ticks], minor=False, fontsize="small")
            axes.set_xticks([], minor=True)
            # Whole decades, so that equal looks equal.
            drawn = [value for line in axes.lines for value in line.get_ydata()]
            axes.set_ylim(10 ** math.floor(math.log10(min(drawn))), 10 ** math.ceil(math.log10(max(drawn))))
            axes.yaxis.set_major_formatter("{x:,.0f}")
            axes.yaxis.set_minor_formatter("")
            axes.grid(visible=True, which="both", alpha=0.3)
            if axis == "vocab_size" and any(row.get("plain") for row in rows):
                axes.legend()
        figure.savefig(folder / f"scaling-{backend}-{axis.replace('_', '-')}.svg", metadata={"Date": None})
        plt.close(figure)


def main() -> None:
    """Measure and report."""
    names = [axis.replace("_", "-") for axis in AXES]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backend", choices=["torch", "keras"], default="torch")
    parser.add_argument("--axes", nargs="+", choices=names, default=names)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4.0, help="of steps at each point")
    parser.add_argument("--quick", action="store_true", help="one round, one second at each point")
    parser.add_argument("--plot", type=Path, metavar="FOLDER", help='write SVG there, by pip install "seqgen[plot]"')
    parser.add_argument("--point", type=json.loads, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.point:
        print(json.dumps(measure(arguments.point)))
        return

    rounds, seconds = (1, 1.0) if arguments.quick else (arguments.rounds, arguments.seconds)
    axes = [axis.replace("-", "_") for axis in arguments.axes]
    every = points(axes, arguments.backend, seconds)
    found: list[list[Row]] = [[] for _ in every]
    # This process stays small: to Linux, a process's peak is at least that of the one which started it.
    for number in track([*range(len(every))] * rounds, description="points", console=Console(stderr=True)):
        found[number].append(in_process(every[number]))
    imported = statistics.median(row["megabytes"] for row in found[0])
    rows = [summary(point, own, imported) for point, own in zip(every[1:], found[1:], strict=True)]
    show(rows, arguments.backend)
    about = {"rounds": rounds, "seconds": seconds, "megabytes_of_imports": imported, "axes": arguments.axes}
    write_results(f"scaling {arguments.backend}", rows, backend=arguments.backend, **about)
    if arguments.plot:
        plot(rows, arguments.backend, arguments.plot)


if __name__ == "__main__":
    main()
