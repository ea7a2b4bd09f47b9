"""What the training loop adds to the same model stepped in a bare loop.

    python benchmarks/training_loop.py --backend torch --steps 60 --repeats 7

The bare loop makes the same batches beforehand and calls ``train_step`` on each, with a fixed learning rate; the loop of
seqgen makes the batches, follows the schedule, reads the losses for the display and writes nothing to the disk.
"""

from __future__ import annotations

import argparse

import numpy as np
from side_by_side import interleave, report

from seqgen.core.catalog import load_catalog
from seqgen.core.spec import ModelSpec, OptimizerSpec
from seqgen.data.batching import make_batching
from seqgen.data.store import Part
from seqgen.training.schedule import Budget, Schedule
from seqgen.training.trainer import Observer, Trainer


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backend", default="torch")
    parser.add_argument("--hidden-size", type=int, default=256)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--seq-len", type=int, default=64)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--repeats", type=int, default=7)
    arguments = parser.parse_args()

    vocab_size = 65
    tokens = np.random.default_rng(0).integers(0, vocab_size, 1_000_000).astype(np.uint8)
    part = Part(tokens, np.array([0, tokens.size]), np.zeros(1, np.uint64), has_ends=False)
    shape = {"seq_len": arguments.seq_len, "batch_size": arguments.batch_size, "random_seed": 0}
    batching = make_batching("stream", part, **shape)
    backend = load_catalog().make("backend", arguments.backend)
    spec = ModelSpec(vocab_size=vocab_size, hidden_size=arguments.hidden_size)
    # Two equal models, so that neither loop finds the other's memory warm.
    bare, ours = (backend.build(spec, optimizer=OptimizerSpec(), random_seed=0) for _ in range(2))
    batches = [batching.batch(0, step) for step in range(arguments.steps)]

    def bare_loop() -> None:
        losses = [bare.train_step(batch, 1e-3) for batch in batches]
        float(losses[-1])

    def seqgen_loop() -> None:
        trainer = Trainer(
            model=ours,
            training=batching,
            validation=None,
            budget=Budget(max_steps=arguments.steps, max_seconds=None),
            schedule=Schedule("cosine", 1e-3, 10),
            eval_every=arguments.steps + 1,
            patience=None,
            checkpoint_every=1e9,
            observer=Observer(),
        )
        trainer.run()

    seconds = interleave({"bare loop": bare_loop, "seqgen's loop": seqgen_loop}, repeats=arguments.repeats)
    work = arguments.steps * arguments.batch_size * arguments.seq_len
    report(f"training loop {arguments.backend}", seconds, work=work, unit="tokens", **vars(arguments))


if __name__ == "__main__":
    main()
