"""Tiny models that really train, an observer that remembers what the loop told it, and sessions from a corpus to a model."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from seqgen import home
from seqgen.core.catalog import load_catalog
from seqgen.core.spec import ModelSpec, OptimizerSpec
from seqgen.data.batching import make_batching
from seqgen.data.store import Part
from seqgen.training import progress
from seqgen.training.chosen import resolve_options
from seqgen.training.schedule import Budget, Schedule
from seqgen.training.session import Session
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
        optimizer: OptimizerSpec | None = None,
        **given: Any,
    ) -> Trainer:
        spec = ModelSpec(vocab_size=VOCAB_SIZE, embedding_size=4, hidden_size=8, num_layers=2, dropout=dropout)
        how = {"optimizer": optimizer or OptimizerSpec(), "random_seed": random_seed, "precision": "float32"}
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


TINY = {
    "backend": "torch",
    "hidden_size": 8,
    "embedding_size": 4,
    "seq_len": 8,
    "batch_size": 4,
    "precision": "float32",
}


class Reporter(progress.Reporter):
    """Keeps what it is told; and in its n-th sample, which follows the n-th evaluation, sends this process a signal."""

    def __init__(self, signal_at=None):
        self.told = []
        self.samples = 0
        self.signal_at = signal_at

    def note(self, text):
        self.told.append(text)

    def warn(self, text):
        self.told.append(f"warning: {text}")

    def sample(self, text):
        self.samples += 1
        if self.samples == self.signal_at:
            os.kill(os.getpid(), signal.SIGTERM)


@pytest.fixture
def corpus(tmp_path):
    path = tmp_path / "sea.txt"
    path.write_text("The sea is wide and the ice is white.  " * 30)
    return path


@pytest.fixture
def start(seqgen_home, corpus):
    """Train on the corpus; the session's catalog and reporter can be given."""

    def run(
        *,
        catalog=None,
        reporter=None,
        log_to=(),
        callbacks=(),
        sources=None,
        samples=None,
        parent=None,
        mixes=True,
        **given,
    ):
        chosen = resolve_options({**TINY, **given}, preset=None, config=None)
        catalog = catalog or load_catalog()
        session = Session(catalog, reporter or Reporter(), lambda *_: "a sample", log_to, callbacks, samples, mixes)
        return session.start([str(corpus)] if sources is None else sources, chosen, parent=parent)

    return run


@pytest.fixture
def resume(seqgen_home):
    """Go on with the newest run; the session's catalog and reporter can be given."""

    def run(name=None, *, catalog=None, reporter=None, **budget):
        return Session(catalog or load_catalog(), reporter or Reporter(), lambda *_: "a sample").resume(name, budget)

    return run


def unfinished():
    folder = home.training_folder()
    return sorted(str(path.relative_to(folder)) for path in folder.glob("*/*")) if folder.exists() else []
