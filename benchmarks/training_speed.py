"""Training through ``seqgen.train`` beside bare loops of the same model in the same framework.

    python benchmarks/training_speed.py --backend torch --setting a --steps 40 --repeats 5
    python benchmarks/training_speed.py --backend keras --setting b --steps 12

Setting a: LSTM 1 x 256, batches of 128 x 100.  Setting b: 2 x 512, batches of 64 x 128.  Setting c: 1 x 512, batches of 16 x 64, as
the defaults have them.  Every repeat is a process of its own, since what one sets would hold for the next, and times the steps alone; where
TensorFlow traces the first of them, that is part of it for all.  For seqgen they hold reading, batching, clipping, the schedule,
metrics and checkpoints; what the one evaluation at the end adds is a row of its own.  The bare loops are what one writes by hand: no
schedule, no file, a batch from memory.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from side_by_side import report

import seqgen

SETTINGS = {
    "a": {"num_layers": 1, "hidden_size": 256, "batch_size": 128, "seq_len": 100},
    "b": {"num_layers": 2, "hidden_size": 512, "batch_size": 64, "seq_len": 128},
    "c": {"num_layers": 1, "hidden_size": 512, "batch_size": 16, "seq_len": 64},
}
SYMBOLS = 65
LEARNING_RATE = 1e-3


def through_seqgen(backend: str, shape: dict[str, int], steps: int) -> dict[str, Any]:
    """Seconds of the steps of ``seqgen.train``, of the run with its one evaluation, and the precision."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["SEQGEN_HOME"] = folder
        corpus = Path(folder) / "random.txt"
        symbols = np.array([chr(ord("!") + number) for number in range(SYMBOLS)])
        corpus.write_text("".join(np.random.default_rng(0).choice(symbols, 500_000)), "utf-8")
        options: dict[str, Any] = {**shape, "backend": backend, "max_steps": steps, "eval_every": steps}
        model = seqgen.train(
            corpus, progress=False, embedding_size=64, learning_rate=LEARNING_RATE, dropout=0.0, **options
        )
        lines = (model.saved.folder / "metrics.jsonl").read_text("utf-8").splitlines()
        return {
            "seconds": float(json.loads(lines[-1])["seconds"]),
            "with_evaluation": model.training_record["seconds"],
            "precision": model.training_record["precision"],
        }


def bare_torch(shape: dict[str, int], steps: int, *, bfloat16: bool) -> float:
    """Seconds of a plain PyTorch loop: ``nn.LSTM``, AdamW, clipping, the state carried."""
    import torch
    from torch import nn

    embedding = nn.Embedding(SYMBOLS, 64)
    lstm = nn.LSTM(64, shape["hidden_size"], shape["num_layers"])
    output = nn.Linear(shape["hidden_size"], SYMBOLS)
    parameters = [*embedding.parameters(), *lstm.parameters(), *output.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=LEARNING_RATE)
    rows = torch.randint(SYMBOLS, (shape["seq_len"] + 1, shape["batch_size"]))
    state = None
    loss = torch.zeros(())
    start = time.perf_counter()
    for _ in range(steps):
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            hidden, after = lstm(embedding(rows[:-1]), state)
            logits = output(hidden)
        state = tuple(part.detach() for part in after)
        loss = nn.functional.cross_entropy(logits.float().flatten(0, 1), rows[1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
    float(loss.detach())
    return time.perf_counter() - start


def keras_model(shape: dict[str, int], policy: str = "float32", *, unroll: bool = False) -> Any:
    """The model as the Keras documentation builds one."""
    import keras

    layers = [
        keras.layers.LSTM(shape["hidden_size"], return_sequences=True, unroll=unroll, dtype=policy)
        for _ in range(shape["num_layers"])
    ]
    return keras.Sequential(
        [
            keras.Input((shape["seq_len"],), batch_size=shape["batch_size"], dtype="int32"),
            keras.layers.Embedding(SYMBOLS, 64),
            *layers,
            keras.layers.Dense(SYMBOLS, dtype=policy),
        ]
    )


def random_rows(shape: dict[str, int], steps: int) -> tuple[Any, Any]:
    """Inputs and targets of all steps, each (steps * B, T)."""
    rows = np.random.default_rng(0).integers(SYMBOLS, size=(steps * shape["batch_size"], shape["seq_len"] + 1))
    return rows[:, :-1].astype(np.int32), rows[:, 1:].astype(np.int32)


def fit(shape: dict[str, int], steps: int) -> float:
    """Seconds of ``keras.Model.fit``."""
    import keras

    model = keras_model(shape)
    model.compile(keras.optimizers.Adam(LEARNING_RATE), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    inputs, targets = random_rows(shape, steps)
    start = time.perf_counter()
    model.fit(inputs, targets, batch_size=shape["batch_size"], shuffle=False, verbose=0)
    return time.perf_counter() - start


def bare_keras(shape: dict[str, int], steps: int, policy: str) -> float:
    """Seconds of a loop over a step of Keras's own that TensorFlow compiles to a graph: ``tf.function`` and GradientTape."""
    import keras
    import tensorflow as tf

    model = keras_model(shape, policy)
    optimizer = keras.optimizers.Adam(LEARNING_RATE, clipnorm=1.0)
    optimizer.build(model.trainable_variables)

    @tf.function(jit_compile=False)
    def step(inputs: Any, targets: Any) -> Any:
        with tf.GradientTape() as tape:
            logits = model(inputs, training=True)
            nats = tf.nn.sparse_softmax_cross_entropy_with_logits(targets, tf.cast(logits, tf.float32))
            loss = tf.reduce_mean(nats)
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply(gradients, model.trainable_variables)
        return loss

    inputs, targets = random_rows(shape, 1)
    batch = tf.constant(inputs), tf.constant(targets)
    start = time.perf_counter()
    losses = [step(*batch) for _ in range(steps)]
    float(losses[-1])
    return time.perf_counter() - start


RUNS: dict[str, dict[str, Callable[[dict[str, int], int], Any]]] = {
    "torch": {
        "bare nn.LSTM, float32": partial(bare_torch, bfloat16=False),
        "bare nn.LSTM, bfloat16": partial(bare_torch, bfloat16=True),
        "seqgen train": partial(through_seqgen, "torch"),
    },
    "keras": {
        "keras.Model.fit": fit,
        "bare tf.function, float32": partial(bare_keras, policy="float32"),
        "bare tf.function, mixed_bfloat16": partial(bare_keras, policy="mixed_bfloat16"),
        "seqgen train": partial(through_seqgen, "keras"),
    },
}


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backend", choices=RUNS, default="torch")
    parser.add_argument("--setting", choices=SETTINGS, default="a")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    shape = SETTINGS[arguments.setting]
    runs = RUNS[arguments.backend]
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    evaluated, precision = [], ""
    for _ in range(arguments.repeats):
        for name, run in runs.items():
            with multiprocessing.get_context("spawn").Pool(1) as process:
                found = process.apply(run, (shape, arguments.steps))
            if isinstance(found, dict):
                evaluated.append(found["with_evaluation"])
                precision = found["precision"]
                found = found["seconds"]
            seconds[name].append(found)
    seconds["seqgen train, evaluated once"] = evaluated
    report(
        f"training speed {arguments.backend} {arguments.setting}",
        seconds,
        work=arguments.steps * shape["batch_size"] * shape["seq_len"],
        unit="tokens",
        precision=precision,
        **vars(arguments),
    )


if __name__ == "__main__":
    main()
