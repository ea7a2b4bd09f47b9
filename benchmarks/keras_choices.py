"""What each choice of Keras is worth in training: compilation, several steps an execution, unrolling, precision, engine.

    python benchmarks/keras_choices.py --setting a --steps 12 --repeats 5 --engines tensorflow jax torch

One process an engine, since Keras takes one for good; within it the choices run in turns.  Each is ``keras.Model.fit`` of the same
LSTM, after a first call that traces and compiles.  An engine that is not installed is left out.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from side_by_side import interleave, report
from training_speed import LEARNING_RATE, SETTINGS, keras_model, random_rows

CHOICES: dict[str, dict[str, Any]] = {
    "as it is": {},
    "jit_compile": {"jit_compile": True},
    "no jit_compile": {"jit_compile": False},
    "4 steps an execution": {"steps_per_execution": 4},
    "unrolled": {"unroll": True},
    "mixed_bfloat16": {"policy": "mixed_bfloat16"},
}


def fitting(
    shape: dict[str, int], steps: int, *, policy: str = "float32", unroll: bool = False, **how: Any
) -> Callable[[], Any]:
    """``keras.Model.fit`` over so many steps, ready to be timed."""
    import keras

    model = keras_model(shape, policy, unroll=unroll)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(LEARNING_RATE), loss, **how)
    inputs, targets = random_rows(shape, steps)
    return lambda: model.fit(inputs, targets, batch_size=shape["batch_size"], shuffle=False, verbose=0)


def measure(shape: dict[str, int], steps: int, repeats: int) -> dict[str, list[float]]:
    """Seconds of each choice on the engine of this process; choices that the engine refuses are left out."""
    runs = {}
    for name, how in CHOICES.items():
        start = time.perf_counter()
        try:
            runs[name] = fitting(shape, steps, **how)
            runs[name]()
        except Exception as error:  # noqa: BLE001  an engine may refuse anything, and says so in its own way
            print(f"{name}: {type(error).__name__}: {str(error).splitlines()[0]}", file=sys.stderr)
            runs.pop(name, None)
            continue
        print(f"{name}: first call {time.perf_counter() - start:.1f} s", file=sys.stderr)
    return interleave(runs, repeats=repeats, warm_up=0)


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--setting", choices=SETTINGS, default="a")
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--engines", nargs="+", default=["tensorflow", "jax", "torch"])
    parser.add_argument("--here", action="store_true", help="measure in this process, and print JSON")
    arguments = parser.parse_args()
    shape = SETTINGS[arguments.setting]
    if arguments.here:
        print(json.dumps(measure(shape, arguments.steps, arguments.repeats)))
        return
    seconds: dict[str, list[float]] = {}
    for engine in arguments.engines:
        if importlib.util.find_spec(engine) is None:
            print(f"{engine} is left out: it is not installed", file=sys.stderr)
            continue
        command = [sys.executable, __file__, "--here", "--setting", arguments.setting]
        command += ["--steps", str(arguments.steps), "--repeats", str(arguments.repeats)]
        environment = {**os.environ, "KERAS_BACKEND": engine, "TF_CPP_MIN_LOG_LEVEL": "2"}
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
        found = json.loads(done.stdout.splitlines()[-1])
        seconds |= {f"{engine}, {name}": values for name, values in found.items()}
    work = arguments.steps * shape["batch_size"] * shape["seq_len"]
    report(f"keras choices {arguments.setting}", seconds, work=work, unit="tokens", numpy=np.__version__)


if __name__ == "__main__":
    main()
