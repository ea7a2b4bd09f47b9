"""What a training would be: sizes that follow from its shape, and a pace that is measured."""

from __future__ import annotations

import json
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from seqgen import home
from seqgen.core.catalog import load_catalog
from seqgen.core.spec import ModelSpec
from seqgen.core.types import Batch
from seqgen.training.chosen import resolve_options
from seqgen.training.dry_run import activation_bytes, dry_run, logit_bytes, ngram_bytes
from seqgen.training.lr_find import range_test
from seqgen.training.mixing import _mix
from seqgen.training.pace import SECONDS, STEPS
from seqgen.training.preparation import prepare

ICE = Path(__file__).parents[2] / "corpora" / "ice.txt"
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

    def make(corpus=None, **given):
        path = corpus or tmp_path / "sea.txt"
        if corpus is None:
            path.write_text("The sea is wide and the ice is white.  " * 30)
        return prepare(load_catalog(), [str(path)], resolve_options({**TINY, **given}, preset=None, config=None))

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


def test_the_pace_is_that_of_the_training_part_also_in_characters(prepared, tmp_path):
    path = tmp_path / "mixed.txt"
    path.write_text("the sea is wide and the ice is white " * 60 + " ".join(map(str, range(100, 200))))
    found = dry_run(prepared(path, tokenizer="word"))
    characters = found.prepared.characters_per_token
    assert characters.training > 1.8 * characters.validation  # figures are read one by one
    assert found.to_json()["characters_per_second"] == found.pace.tokens_per_second * characters.training
    assert range_test(found.prepared).characters_per_token == characters.training


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


def test_a_range_test_that_begins_again_for_lack_of_memory_begins_from_the_start(prepared):
    ready = prepared(max_steps=2, auto_batch=True)
    step, weights, steps = ready.model.train_step, ready.model.weights(), []

    def train_step(batch, learning_rate):
        if ready.model.micro_batch_size is None and len(steps) == 5:
            raise MemoryError
        if len(steps) == 5:
            assert ready.model.training_state()["step"] == 0
            for name, value in ready.model.weights().items():
                np.testing.assert_array_equal(value, weights[name])
        steps.append(step(batch, learning_rate))
        return steps[-1]

    ready.model.train_step = train_step
    assert len(range_test(ready).points) + 5 == len(steps)


def test_it_leaves_nothing_behind_but_the_tokens(prepared):
    dry_run(prepared())
    assert [path.name for path in home.home().iterdir()] == [home.tokens_folder().name]


def test_activations_are_the_inputs_the_gates_and_the_states():
    ids = np.zeros((2, 3), np.int64)
    spec = ModelSpec(vocab_size=10, architecture="lstm", embedding_size=4, hidden_size=5, num_layers=2)
    hidden = 2 * 3 * (4 + 2 * (4 + 2) * 5)
    assert activation_bytes(spec, Batch(ids, ids), "float32") == 4 * hidden
    assert activation_bytes(spec, Batch(ids, ids), "bfloat16") == 2 * hidden
    assert logit_bytes(spec, Batch(ids, ids)) == 2 * 3 * 2 * 10 * 4
    assert logit_bytes(spec, Batch(ids, ids, last_step_only=True)) == 2 * 2 * 10 * 4


MEASURED = """
import json, sys
from seqgen import api

common = {"progress": False, "backend": "torch", "precision": "float32", "max_steps": 9, "seq_len": 32, "batch_size": 32, "ngram_order": 0}
small = api.dry_run(sys.argv[1], hidden_size=8, **common)
large = api.dry_run(sys.argv[1], hidden_size=64, tokenizer="word:vocab_size=20000,min_count=1", **common)
print(json.dumps({"grown": large.process_memory - small.process_memory, **large.to_json()}))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only there a process is told what it has had at most")
def test_a_large_vocabulary_takes_more_than_all_but_logits_and_less_than_with_all_of_them(run_python, tmp_path):
    words = [f"{number:x}" for number in range(30_000)]
    path = tmp_path / "words.txt"
    path.write_text(" ".join(words * 2))
    found = json.loads(run_python(MEASURED, path).stdout)
    memory = found["memory"]
    assert found["vocab_size"] == 20_000
    assert memory["logits"] > memory["total"] / 2
    assert memory["total"] - memory["logits"] < found["grown"] < memory["total"]


@pytest.mark.parametrize("given", [{}, {"tokenizer": "word:vocab_size=1000"}, {"ngram_order": 9}], ids=str)
def test_ngrams_take_about_what_is_said(prepared, given):
    ready = prepared(**{"corpus": ICE, "seq_len": 64, "batch_size": 16, **given})
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        assert _mix(ready.model, ready.model.weights(), given.get("ngram_order"), ready.training, ready.validation)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert ngram_bytes(ready) == pytest.approx(peak - before, rel=0.3)


def test_where_no_ngrams_are_counted_they_take_nothing(prepared):
    assert ngram_bytes(prepared(ngram_order=0)) == 0
    assert ngram_bytes(prepared(validation_fraction=0)) == 0
    assert ngram_bytes(prepared()) > 0


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
