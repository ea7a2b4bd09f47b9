"""What the defaults reach on a text in a time, with no option set but the time, for several random seeds.

    python benchmarks/quality.py tinyshakespeare.txt --seconds 120 600 --seeds 0 1 2
    python benchmarks/quality.py tinyshakespeare.txt --nanogpt ../nanoGPT --seeds 0 1 2
    python benchmarks/quality.py tinyshakespeare.txt --steps 1200 --backends torch keras --seeds 0 1 2
    python benchmarks/quality.py tinyshakespeare.txt --seconds 60 --ngram-order 0
    python benchmarks/quality.py names.txt:lines --epochs 25 50

The last tenth of the text is held out and scored whole, with the state carried.  With ``--nanogpt``, a checkout of
https://github.com/karpathy/nanoGPT beside which everything it needs is installed, its README's recipe for a CPU runs on the same
text first.  Its loss is its own estimate, over 200 batches at the end.  seqgen then trains for so long that the whole call, from reading the
text to the saved model with its n-grams and samples, takes no longer than that recipe; what it took is shown.  A budget in steps or passes
gives the same losses on a busy machine as on an idle one.  A text whose lines are its documents is named with ``:lines``.
"""

from __future__ import annotations

import argparse
import itertools
import math
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from side_by_side import write_results

import seqgen
from seqgen.corpora import locate
from seqgen.evaluation import bits_per_character

RECIPE = (
    "--device=cpu --compile=False --eval_iters=20 --log_interval=100 --block_size=64 --batch_size=12 --n_layer=4 "
    "--n_head=4 --n_embd=128 --max_iters=2000 --lr_decay_iters=2000 --dropout=0.0"
)
"""nanoGPT's README, "I only have a macbook"; only the log is sparser."""

OUTSIDE = 20.0
"""Seconds that a call takes at most beside training: to measure the pace, to weigh n-grams, to write samples."""


def nanogpt(folder: Path, corpus: Path) -> tuple[float, float]:
    """(seconds of the recipe, its validation loss in nats per character), the loss by a second process that only evaluates."""
    data = folder / "data" / "shakespeare_char"
    shutil.copyfile(corpus, data / "input.txt")
    subprocess.run([sys.executable, "prepare.py"], cwd=data, check=True, stdout=subprocess.DEVNULL)
    train = [
        sys.executable,
        "train.py",
        "config/train_shakespeare_char.py",
        *RECIPE.split(),
        "--always_save_checkpoint=True",
    ]
    start = time.monotonic()
    subprocess.run(train, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    seconds = time.monotonic() - start
    scored = subprocess.run(
        [*train, "--init_from=resume", "--eval_only=True", "--eval_iters=200"],
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
    )
    (loss,) = re.findall(r"val loss ([\d.]+)", scored.stdout)
    return seconds, float(loss)


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", nargs="?", default=str(locate("ice")))
    parser.add_argument(
        "--seconds", type=float, nargs="+", default=[], help="default: 120, where nothing else is a budget"
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--steps", type=int, nargs="+", default=[], help="budgets in steps instead of seconds")
    parser.add_argument("--epochs", type=float, nargs="+", default=[], help="budgets in passes over the text")
    parser.add_argument("--backends", nargs="+", default=["torch"])
    parser.add_argument("--ngram-order", type=int, help="default: the default")
    parser.add_argument("--precision", default="auto", choices=["auto", "float32", "bfloat16"])
    parser.add_argument("--nanogpt", type=Path, help="a checkout of nanoGPT, to run first")
    arguments = parser.parse_args()
    path, _, dataset = arguments.corpus.partition(":")
    if not (arguments.seconds or arguments.steps or arguments.epochs or arguments.nanogpt):
        arguments.seconds = [120.0]

    columns = ("", "budget", "nats/character", "the network alone", "bits/character", "passes", "whole time")
    table = Table(*columns, title=Path(path).name)
    rows = []
    budgets: list[tuple[str, dict[str, Any]]] = [
        (f"{seconds:g} s", {"max_time": seconds}) for seconds in arguments.seconds
    ]
    budgets += [(f"{steps:,} steps", {"max_steps": steps}) for steps in arguments.steps]
    budgets += [(f"{epochs:g} passes", {"epochs": epochs}) for epochs in arguments.epochs]
    if arguments.nanogpt:
        seconds, loss = nanogpt(arguments.nanogpt, Path(path))
        budgets.append((f"{seconds:.0f} s", {"max_time": seconds - OUTSIDE}))
        table.add_row("nanoGPT", f"{seconds:.0f} s", f"{loss:.3f}", "", f"{bits_per_character(loss, 1):.3f}", "", "")
        rows.append({"name": "nanoGPT", "seconds": seconds, "validation_loss": loss})
    with tempfile.TemporaryDirectory() as home:
        os.environ["SEQGEN_HOME"] = home
        for (budget, option), backend in itertools.product(budgets, arguments.backends):
            losses = []
            for seed in arguments.seeds:
                options = {
                    **option,
                    "backend": backend,
                    "random_seed": seed,
                    "ngram_order": arguments.ngram_order,
                    "precision": arguments.precision,
                }
                start = time.monotonic()
                model = seqgen.train(path, dataset=dataset or None, progress=False, **options)
                whole = time.monotonic() - start
                record = model.training_record
                nats = record["bits_per_character"] * math.log(2)
                losses.append(nats)
                table.add_row(
                    f"{backend}, seed {seed}",
                    budget,
                    f"{nats:.3f}",
                    f"{record.get('network_loss', nats):.3f}",
                    f"{record['bits_per_character']:.3f}",
                    f"{record['epochs']:.1f}",
                    f"{whole:.0f} s",
                )
                print(f"{backend}, {budget}, seed {seed}: {nats:.4f} nats/character", file=sys.stderr, flush=True)
                rows.append({"name": f"{backend} {budget} seed {seed}", "budget": budget, "whole": whole, **record})
            spread = statistics.stdev(losses) if len(losses) > 1 else 0.0
            mean = statistics.mean(losses)
            table.add_row(
                f"{backend}, mean and spread",
                budget,
                f"{mean:.3f} ± {spread:.3f}",
                "",
                f"{bits_per_character(mean, 1):.3f}",
                "",
                "",
            )
    Console().print(table)
    write_results("quality", rows, corpus=str(arguments.corpus))


if __name__ == "__main__":
    main()
