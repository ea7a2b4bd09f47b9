"""A training state that was tampered with is refused, or the run goes on from it; never half of one and half of another."""

from __future__ import annotations

import json
import shutil
from random import Random

import numpy as np
import pytest

from seqgen.core.catalog import load_catalog
from seqgen.core.errors import DamagedModelError
from seqgen.core.spec import ModelSpec, OptimizerSpec
from seqgen.data.batching import make_batching
from seqgen.data.store import Part
from seqgen.model_config import ModelConfig
from seqgen.training.run import About, Run
from seqgen.training.schedule import Budget, Schedule
from seqgen.training.trainer import Observer, Trainer

from .conftest import mutations

SPEC = ModelSpec(vocab_size=8, embedding_size=4, hidden_size=4, dropout=0.2)
FILES = ("last.safetensors", "best.safetensors", "training_state.safetensors", "counters.json", "metrics.jsonl")


@pytest.fixture
def trainer():
    """A trainer of a tiny model after four steps."""
    part = Part(np.arange(200, dtype=np.uint8) % 8, np.array([0, 200]), np.zeros(1, np.uint64), has_ends=False)
    shape = {"seq_len": 8, "batch_size": 4, "random_seed": 0}
    trainer = Trainer(
        model=load_catalog().make("backend", "torch").build(SPEC, optimizer=OptimizerSpec(), precision="float32"),
        training=make_batching("stream", part, **shape),
        validation=make_batching("stream", part, **shape, for_evaluation=True),
        budget=Budget(4, None),
        schedule=Schedule("constant", 0.01, warmup_steps=0),
        eval_every=2,
        patience=None,
        checkpoint_every=1e9,
        observer=Observer(),
    )
    trainer.run()
    return trainer


@pytest.fixture
def run(trainer, tmp_path):
    """A run with one checkpoint and two lines of metrics."""
    config = ModelConfig(SPEC, parts={}, training={}, origins={}, has_ends=True)
    run = Run.create(tmp_path, "tiny", config, {"symbols": "abc"}, About(("a.txt",), ""))
    run.save(trainer)
    for step in (2, 4):
        run.append_metrics({"step": step, "loss": 1.5})
    yield run
    run.close()


def path_of(run, name):
    return run.folder / name if name == "metrics.jsonl" else next(run.folder.glob("step-*")) / name


def run_cases(run, trainer, watch, count, start=0):
    whole = {name: path_of(run, name).read_bytes() for name in FILES}
    for seed in range(start, start + count):
        random = Random(seed)
        name = random.choice(FILES)
        path_of(run, name).write_bytes(random.choice(mutations(name))(whole[name], random))
        try:
            with watch(memory=seed % 50 == 0):
                run.restore(trainer)
                run.metrics()
                if seed % 10 == 0:
                    trainer.model.train_step(trainer.training.batch(0, 1), 0.001)  # which carries a state
        except Exception as error:
            error.add_note(f"case {seed}, {name}: {path_of(run, name).read_bytes()[:300]!r}")
            raise
        for each in FILES:
            path_of(run, each).write_bytes(whole[each])
    run.restore(trainer)
    assert trainer.counters.step == 4


def test_a_tampered_training_state_is_refused_or_gone_on_from(run, trainer, watch):
    run_cases(run, trainer, watch, 60)


@pytest.mark.slow
def test_thousands_of_tampered_training_states_are_refused_or_gone_on_from(run, trainer, watch):
    run_cases(run, trainer, watch, 3000, start=1000)
    assert watch.refused > 1000


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("step", -1),
        ("step", 10**400),
        ("epoch", True),
        ("tokens", 1.5),
        ("seconds", "x"),
        ("best_loss", [1]),
        ("step", None),
    ],
    ids=["negative", "huge", "bool", "fraction", "text", "list", "null"],
)
def test_counters_that_no_run_has_counted_are_refused_by_name(run, trainer, name, value):
    path = path_of(run, "counters.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | {name: value}))
    with pytest.raises(DamagedModelError, match=rf"counters.json: {name} is not a number|counters.json: not JSON"):
        run.restore(trainer)


def test_an_older_checkpoint_is_taken_where_the_newest_was_tampered_with(run, trainer):
    newest = next(run.folder.glob("step-*"))
    later = newest.with_name("step-000000009")
    shutil.copytree(newest, later)
    (later / "training_state.safetensors").write_bytes((later / "last.safetensors").read_bytes()[:-1])
    trainer.counters.step = 9
    run.restore(trainer)
    assert trainer.counters.step == 4
