"""What a training would be: sizes that follow from its shape, and a pace that is measured."""

from __future__ import annotations

import numpy as np
import pytest

from seqgen import home, settings
from seqgen.core.catalog import load_catalog
from seqgen.core.spec import ModelSpec
from seqgen.core.types import Batch
from seqgen.training.dry_run import activation_bytes, dry_run
from seqgen.training.lr_find import range_test
from seqgen.training.options import PRESETS, TrainingOptions
from seqgen.training.pace import SECONDS, STEPS
from seqgen.training.preparation import prepare

TINY = {
    "backend": "torch",
    "hidden_size": 8,
    "embedding_size": 4,
    "seq_len": 8,
    "batch_size": 4,
    "precision": "float32",
}


@pytest.fixture
def prepared(seqgen_home, tmp_path):
    """What a training of a tiny model with these options has prepared."""

    def make(**given):
        path = tmp_path / "sea.txt"
        path.write_text("The sea is wide and the ice is white.  " * 30)
        values, origins = settings.resolve(
            TrainingOptions, {**TINY, **given}, config_file=None, presets=PRESETS, preset=None
        )
        return prepare(load_catalog(), [str(path)], values, origins)

    return make


def test_weights_gradients_and_moments_have_the_size_of_the_parameters(prepared):
    cases = ("adamw", 0.0, 2), ("adamw", 0.1, 3), ("rmsprop", 0.0, 1), ("sgd", 0.0, 0)  # the average counts as a moment
    for optimizer, weight_average, moments in cases:
        found = dry_run(prepared(optimizer=optimizer, weight_average=weight_average))
        size = 4 * found.prepared.parameters
        assert (found.memory.weights, found.memory.gradients, found.memory.optimizer) == (size, size, moments * size)


def test_the_pace_is_the_median_of_the_measured_steps(prepared, clock):
    found = dry_run(prepared(max_steps=100), clock=clock(0.125))
    assert (found.pace.steps, found.pace.seconds_per_step) == (STEPS, 0.125)
    assert found.pace.tokens_per_second == 4 * 8 / 0.125
    assert found.seconds_per_epoch == 0.125 * found.prepared.training.steps_per_epoch


def test_slow_steps_are_measured_no_longer_than_a_little(prepared, clock):
    found = dry_run(prepared(), clock=clock(SECONDS))
    assert found.pace.steps == 1


@pytest.mark.parametrize(
    ("budget", "steps"),
    [
        ({"max_steps": 100}, 100),
        ({"max_time": 10}, 40),
        ({"max_steps": 100, "max_time": 10}, 40),
        ({"epochs": 2}, None),
    ],
)
def test_the_budget_that_is_reached_first_says_how_long_it_takes(prepared, clock, budget, steps):
    found = dry_run(prepared(**budget), clock=clock(0.25))
    steps = steps or 2 * found.prepared.training.steps_per_epoch
    expected = found.to_json()["expected"]
    assert expected == {
        "steps": steps,
        "epochs": steps / found.prepared.training.steps_per_epoch,
        "seconds": 0.25 * steps,
    }


def test_where_memory_suffices_for_fewer_sequences_only_these_are_measured_if_that_is_wanted(prepared):
    def out_of_memory_above(rows, **options):
        ready = prepared(max_steps=2, **options)
        step = ready.model.train_step

        def train_step(batch, learning_rate):
            if (ready.model.micro_batch_size or len(batch.inputs)) > rows:
                raise MemoryError
            return step(batch, learning_rate)

        ready.model.train_step = train_step
        return ready

    whole = dry_run(prepared(max_steps=2))
    found = dry_run(out_of_memory_above(1, auto_batch=True))
    assert found.prepared.model.micro_batch_size == 1
    assert 4 * found.memory.activations == whole.memory.activations
    with pytest.raises(MemoryError):
        dry_run(out_of_memory_above(1))
    assert len(range_test(out_of_memory_above(2, auto_batch=True)).points) > 1
    with pytest.raises(MemoryError):
        range_test(out_of_memory_above(2))


def test_it_leaves_nothing_behind_but_the_tokens(prepared):
    dry_run(prepared())
    assert [path.name for path in home.home().iterdir()] == [home.tokens_folder().name]


def test_activations_are_the_inputs_the_gates_the_states_and_the_logits():
    ids = np.zeros((2, 3), np.int64)
    spec = ModelSpec(vocab_size=10, architecture="lstm", embedding_size=4, hidden_size=5, num_layers=2)
    hidden = 2 * 3 * (4 + 2 * (4 + 2) * 5)
    assert activation_bytes(spec, Batch(ids, ids), "float32") == 4 * hidden + 2 * 3 * 2 * 10 * 4
    assert activation_bytes(spec, Batch(ids, ids), "bfloat16") == 2 * hidden + 2 * 3 * 2 * 10 * 4
    assert activation_bytes(spec, Batch(ids, ids, last_step_only=True), "float32") == 4 * hidden + 2 * 2 * 10 * 4


def test_a_run_whose_updates_are_counted_warms_up_for_a_tenth_of_them_at_most_unless_told_otherwise(prepared):
    for given, steps, origin in [
        ({"dropout": 0.1}, 50, "default"),
        ({"max_steps": 2000}, 50, "default"),
        ({"max_steps": 60}, 6, "chosen"),
        ({"epochs": 2, "max_steps": 1000}, 6, "chosen"),  # 33 updates an epoch
        ({"max_steps": 5}, 0, "chosen"),
        ({"max_steps": 60, "warmup_steps": 40}, 40, "command line"),
    ]:
        found = prepared(**given)
        assert (found.schedule.warmup_steps, found.config.origins["warmup_steps"]) == (steps, origin), given
