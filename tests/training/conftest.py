"""Tiny models that really train, and an observer that remembers what the loop told it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from seqgen.core.catalog import load_catalog
from seqgen.core.spec import ModelSpec, OptimizerSpec
from seqgen.data.batching import make_batching
from seqgen.data.store import Part
from seqgen.training.schedule import Budget, Schedule
from seqgen.training.trainer import Trainer

VOCAB_SIZE = 8


@dataclass
class Recorder:
    """An observer that keeps everything, and may save at checkpoints and end the run after so many evaluations."""

    ticks: list[Any] = field(default_factory=list)
    lines: list[dict[str, Any]] = field(default_factory=list)
    evaluated_at: list[int] = field(default_factory=list)
    checkpoints: list[int] = field(default_factory=list)
    on_checkpoint: Callable[[Trainer], None] | None = None
    ends_after: int | None = None

    def tick(self, tick: Any) -> None:
        self.ticks.append(tick)

    def metrics(self, metrics: Mapping[str, Any]) -> None:
        self.lines.append(dict(metrics))

    def evaluated(self, trainer: Trainer) -> None:
        self.evaluated_at.append(trainer.counters.step)

    def ends(self) -> bool:
        return len(self.lines) == self.ends_after

    def checkpoint(self, trainer: Trainer) -> None:
        self.checkpoints.append(trainer.counters.step)
        if self.on_checkpoint is not None:
            self.on_checkpoint(trainer)

    @property
    def steps(self) -> list[int]:
        """The steps of the lines of metrics."""
        return [line["step"] for line in self.lines]


@dataclass
class Clock:
    """Seconds that pass only by being asked: the same run takes the same time on any machine."""

    step: float
    now: float = 100.0

    def __call__(self) -> float:
        self.now += self.step
        return self.now


@pytest.fixture(scope="session")
def make_part() -> Callable[..., Part]:
    """Documents that are each a run up or down the scale, with ends; the same seed gives the same."""

    def make(documents: int = 12, *, random_seed: int = 0, down: bool = False) -> Part:
        random = np.random.default_rng(random_seed)
        tokens, starts = [0], []
        for _ in range(documents):
            starts.append(len(tokens) - 1)
            steps = np.arange(random.integers(9, 30))
            tokens += [*(1 + ((-steps if down else steps) + random.integers(7)) % (VOCAB_SIZE - 1)).tolist(), 0]
        starts.append(len(tokens) - 1)
        hashes = np.arange(documents, dtype=np.uint64)
        return Part(np.array(tokens, np.uint8), np.array(starts), hashes, has_ends=True)

    return make


@pytest.fixture
def make_trainer(make_part: Callable[..., Part]) -> Callable[..., Trainer]:
    """A trainer of a tiny model; every argument of Trainer and some of its model and batches can be given."""

    def make(
        *,
        max_steps: int | None = None,
        max_seconds: float | None = None,
        mode: Any = "stream",
        learning_rate: float = 0.01,
        dropout: float = 0.0,
        random_seed: int = 0,
        backend: str = "torch",
        **given: Any,
    ) -> Trainer:
        spec = ModelSpec(vocab_size=VOCAB_SIZE, embedding_size=4, hidden_size=8, num_layers=2, dropout=dropout)
        how = {"optimizer": OptimizerSpec(), "random_seed": random_seed, "precision": "float32"}
        shape = {"seq_len": 8, "batch_size": 4, "random_seed": 0}
        defaults = {
            "training": make_batching(mode, make_part(), **shape),
            "validation": make_batching(mode, make_part(4, random_seed=1), **shape, for_evaluation=True),
            "budget": Budget(max_steps, max_seconds),
            "schedule": Schedule("constant", learning_rate, warmup_steps=0),
            "eval_every": 5,
            "patience": None,
            "checkpoint_every": 1e9,
            "observer": Recorder(),
        }
        if "model" not in given:
            given["model"] = load_catalog().make("backend", backend).build(spec, **how)
        return Trainer(**{**defaults, **given})

    return make


@pytest.fixture
def recorder() -> Recorder:
    """See ``Recorder``."""
    return Recorder()


@pytest.fixture
def clock() -> Callable[[float], Clock]:
    """A clock on which so many seconds pass between one look and the next."""
    return Clock
