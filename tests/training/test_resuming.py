"""A run that another version of seqgen began goes on, or says with which version, and how to do without it."""

from __future__ import annotations

import json

import pytest

from seqgen import __version__
from seqgen.core.errors import DamagedModelError
from seqgen.core.options import options_of
from seqgen.core.spec import ModelSpec
from seqgen.model_config import ModelConfig, PartRecord
from seqgen.training.options import SETTLED, TrainingOptions
from seqgen.training.resuming import OPTIONS_OF_BEFORE, read_about, read_settings
from seqgen.training.run import About, Run

DEFAULTS = {option.name: option.default for option in options_of(TrainingOptions)}
VALUES = DEFAULTS | {
    "backend": "numpy",
    "batching": "stream",
    "seq_len": 8,
    "batch_size": 4,
    "learning_rate": 0.01,
    "hidden_size": 8,
    "embedding_size": 4,
    "num_layers": 1,
    "dropout": 0.0,
    "output_bias": "frequencies",
    "epochs": 1.0,
}

ABOUT = About(("a.txt",), "5eed", "wave:1", "c0de", ("csv",))

FIRST = {
    *("backend", "tokenizer", "dataset"),
    *("architecture", "embedding_size", "hidden_size", "num_layers", "dropout", "tie_embeddings", "input_encoding"),
    *("seq_len", "batch_size", "batching", "validation_fraction"),
    *("epochs", "max_steps", "max_time"),
    *("optimizer", "learning_rate", "lr_schedule", "warmup_steps", "grad_clip", "weight_decay"),
    *("eval_every", "patience", "checkpoint_every"),
    *("device", "precision", "random_seed", "deterministic"),
}
"""Options that every run has; this set only ever shrinks."""


@pytest.fixture
def begun(tmp_path):
    """A run that was begun by a version of seqgen, with changes to its options; ``...`` leaves one out."""
    runs = []

    def begin(version=__version__, **changes):
        training = {name: value for name, value in {**VALUES, **changes}.items() if value is not ...}
        record = PartRecord("char", "seqgen", version)
        parts = dict.fromkeys(("tokenizer", "dataset", "backend"), record)
        config = ModelConfig(
            ModelSpec(vocab_size=5), parts, training, dict.fromkeys(training, "default"), has_ends=True
        )
        runs.append(Run.create(tmp_path, "sea", config, {}, ABOUT))
        return runs[-1]

    yield begin
    for run in runs:
        run.close()


def test_every_option_is_one_of_the_first_or_says_what_was_done_before_there_was_it():
    """Who adds an option adds it to ``OPTIONS_OF_BEFORE`` too, or an upgrade keeps unfinished runs from going on."""
    assert FIRST | OPTIONS_OF_BEFORE.keys() == DEFAULTS.keys()
    assert not FIRST & OPTIONS_OF_BEFORE.keys()


@pytest.mark.parametrize(("name", "before"), OPTIONS_OF_BEFORE.items())
def test_a_run_of_before_an_option_goes_on_as_it_was(begun, name, before):
    config = read_settings(begun(**{name: ...}), {})
    assert config.training == {**VALUES, name: before}
    assert config.origins[name] == "resume"


def test_what_is_given_now_comes_over_what_was_done_before(begun):
    assert read_settings(begun(ngram_order=...), {"ngram_order": 3}).training["ngram_order"] == 3


@pytest.mark.parametrize("name", sorted(FIRST))
def test_an_option_of_the_first_that_is_missing_is_named(begun, name):
    run = begun(**{name: ...})
    with pytest.raises(DamagedModelError) as error:
        read_settings(run, {})
    assert str(error.value) == (
        f"{run.folder}/config.json: training.{name} is missing; the run cannot go on.  "
        f"To do without the run, remove {run.folder}"
    )


@pytest.mark.parametrize("version", ["0.0.1", "999.0"])
def test_a_run_with_options_of_another_version_says_which_began_it_and_how_to_do_without(begun, version):
    run = begun(version, momentum=0.9)
    with pytest.raises(DamagedModelError) as error:
        read_settings(run, {})
    assert str(error.value) == (
        f"{run.folder}/config.json: training.momentum is unknown to this seqgen; the run cannot go on.  "
        f"The run was begun with seqgen {version}, and this is seqgen {__version__}: "
        f"go on with that one; where it does not either, remove {run.folder}"
    )


def test_so_does_one_of_another_format(begun):
    run = begun("999.0")
    path = run.folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format_version": 2}))
    with pytest.raises(DamagedModelError) as error:
        read_settings(run, {})
    assert "format version 2 is not 1" in str(error.value)
    assert str(error.value).endswith(f": go on with that one; where it does not either, remove {run.folder}")


@pytest.mark.parametrize(
    "parts", [None, [], {"tokenizer": 3}, {"tokenizer": {"distribution": "seqgen", "version": ""}}]
)
def test_a_configuration_that_names_no_version_is_no_hindrance_to_saying_so(begun, parts):
    run = begun()
    path = run.folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"parts": parts}))
    with pytest.raises(DamagedModelError) as error:
        read_settings(run, {})
    assert str(error.value).endswith(f"  To do without the run, remove {run.folder}")


def test_what_the_run_is_of_may_be_another_versions_too(begun):
    run = begun("999.0")
    path = run.folder / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"surprise": 1}))
    with pytest.raises(DamagedModelError) as error:
        read_about(run)
    assert str(error.value).startswith(f"{run.folder}/run.json: surprise is not what a run writes there")
    assert str(error.value).endswith(f": go on with that one; where it does not either, remove {run.folder}")


def test_what_the_run_is_of_is_read_back_as_it_was(begun):
    assert read_about(begun()) == ABOUT


@pytest.mark.parametrize("name", ["sources", "fingerprint", "parent", "parent_sha256", "log_to"])
def test_what_lacks_of_it_is_named(begun, name):
    run = begun()
    path = run.folder / "run.json"
    about = json.loads(path.read_text())
    del about[name]
    path.write_text(json.dumps(about))
    with pytest.raises(
        DamagedModelError, match=rf"run\.json: {name} is not what a run writes there; it cannot go on\."
    ):
        read_about(run)


def test_options_that_have_a_value_in_every_run_are_options():
    assert {*SETTLED} <= DEFAULTS.keys()
