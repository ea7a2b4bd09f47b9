"""The command that trains a model again."""

from __future__ import annotations

import json
import shlex

import pytest

import seqgen
from seqgen.core.errors import DamagedModelError, TrainingError
from seqgen.core.options import options_of
from seqgen.core.spec import ModelSpec
from seqgen.corpora import locate
from seqgen.manifest import NGRAMS
from seqgen.model_config import ModelConfig, PartRecord
from seqgen.reproduce import reproduce
from seqgen.training.options import OPTIONS_OF_BEFORE, TrainingOptions
from seqgen.training.reproduction import MACHINE, compare, reproduction

from .conftest import Reporter

DEFAULTS = {option.name: option.default for option in options_of(TrainingOptions)}
PARTS = {"tokenizer": PartRecord("char", "seqgen", "0.1.0")}
CORPUS = {"sources": ["/texts/my novel.txt"]}
MIXED = {"ngram_order": 7}
"""What the results of a run have that ended with n-grams mixed in."""


def how(manifest=None, origins=None, **options):
    config = ModelConfig(ModelSpec(vocab_size=5), PARTS, DEFAULTS | options, origins or {}, has_ends=False)
    return reproduction(config, {"corpus": CORPUS, **(manifest or {})})


def test_it_names_what_is_not_the_default():
    again = how(hidden_size=64, max_steps=10, tie_embeddings=True, learning_rate=0.01, tokenizer="char:lowercase=true")
    assert shlex.split(again.command("novel")) == [
        *("seqgen", "train", "/texts/my novel.txt", "--tokenizer", "char:lowercase=true", "--hidden-size", "64"),
        *("--tie-embeddings", "--max-steps", "10", "--learning-rate", "0.01", "--name", "novel"),
    ]
    assert again.notes == ()


def test_it_leaves_out_what_changes_nothing_of_what_is_learned():
    assert how(device="cuda:1", checkpoint_every=1.0, keep=7, max_steps=3).options == {"max_steps": 3}


def test_it_leaves_out_what_a_training_refuses_since_it_would_change_nothing():
    assert how(unseen="extend", input_encoding="one-hot", embedding_size=64).options == {"input_encoding": "one-hot"}
    assert how(optimizer="sgd", weight_decay=0.3, beta_2=0.9).values.keys() & {"weight_decay", "beta_2"} == set()
    assert how(optimizer="adam", weight_decay=0.3, beta_2=0.9).options == {"optimizer": "adam", "beta_2": 0.9}
    assert how({"parent": "sea:1"}, unseen="extend", embedding_size=32).options == {
        "unseen": "extend",
        "embedding_size": 32,
    }


def test_a_run_that_ended_by_the_clock_is_repeated_by_its_steps():
    again = how({"results": {"steps": 1234, **MIXED}}, max_time=60.0, epochs=50.0)
    assert again.options == {"epochs": 50.0, "max_steps": 1234}
    assert "ended by the clock, after 1,234 steps" in again.notes[0]


@pytest.mark.parametrize(
    ("options", "results", "given", "told"),
    [  # what a default training of a small text chooses, and how it ends
        ({"epochs": 50.0}, {"seconds": 61.0, "steps": 500, "epochs": 50.0}, {"epochs": 50.0}, ""),
        ({"epochs": 50.0}, {"seconds": 41.0, "steps": 500, "epochs": 50.0}, {"epochs": 50.0}, ""),
        ({"epochs": 0.33}, {"seconds": 41.0, "steps": 3, "epochs": 0.3}, {"epochs": 0.33}, ""),
        ({"max_steps": 500}, {"seconds": 41.0, "steps": 500, "epochs": 50.0}, {"max_steps": 500}, ""),
        (
            {"epochs": 50.0},
            {"seconds": 61.0, "steps": 400, "epochs": 40.0},
            {"epochs": 50.0, "max_steps": 400},
            "clock",
        ),
        ({}, {"seconds": 60.0, "steps": 400, "epochs": 40.0}, {"max_steps": 400}, "It ended by the clock, after 400"),
        (
            {"epochs": 50.0, "patience": 3},
            {"seconds": 41.0, "steps": 400, "epochs": 40.0},
            {"epochs": 50.0, "patience": 3, "max_steps": 400},
            "Its patience ended it after 400 steps, and as many are asked for.",
        ),
        ({"patience": 3}, {"seconds": 61.0, "steps": 9, "epochs": 1.0}, {"patience": 3, "max_steps": 9}, "the clock"),
    ],
)
def test_a_run_of_some_time_is_repeated_by_what_ended_it(options, results, given, told):
    again = how({"results": results | MIXED}, max_time=60.0, **options)
    assert again.options == given
    assert [told in note for note in again.notes] == ([True] if told else [])


def test_a_run_that_was_done_before_its_time_comes_out_the_same(start):
    text = start(max_time=600.0, epochs=2.0, ngram_order=0).version.open()
    again = reproduction(text.config, text.manifest)
    assert (again.options.get("max_steps"), again.options.get("max_time"), again.notes) == (None, None, ())
    assert reproduce("sea").run(progress=False)[0].same_weights


def test_a_run_that_was_interrupted_is_repeated_by_the_steps_that_were_done(start, resume):
    saved = start(reporter=Reporter(signal_at=1), max_steps=12, eval_every=4, ngram_order=0).version.open()
    again = reproduction(saved.config, saved.manifest)
    assert again.options["max_steps"] == saved.manifest["results"]["steps"] == 5
    (note,) = again.notes
    assert note == (
        "It was interrupted after 5 steps, and as many are asked for.  A learning rate that was to fall over a larger budget "
        "falls faster over these, so the outcome differs."
    )
    saved = resume().version.open()
    again = reproduction(saved.config, saved.manifest)
    assert (again.options["max_steps"], again.notes) == (12, ())


def test_a_run_of_some_time_that_was_interrupted_did_not_end_by_the_clock():
    again = how({"results": {"steps": 1234, "interrupted": True, **MIXED}}, max_time=60.0)
    assert again.options == {"max_steps": 1234}
    assert [note[:38] for note in again.notes] == ["It was interrupted after 1,234 steps, "]


def test_a_network_that_was_published_alone_is_asked_for_alone():
    """Where n-grams were not worth it, that is as good; where they were left out, they are left out again."""
    assert how({"results": {"steps": 12}}, max_steps=12).options == {"max_steps": 12, "ngram_order": 0}
    assert how({"results": {"steps": 12}}, max_steps=12, ngram_order=5).options["ngram_order"] == 0
    assert how({"results": {"steps": 12, **MIXED}}, max_steps=12).options == {"max_steps": 12}
    assert how({"results": {"steps": 12, **MIXED}}, max_steps=12, ngram_order=5).options["ngram_order"] == 5
    alone = {"max_steps": 12, "validation_fraction": 0.0}  # then there are none in any case
    assert how({"results": {"steps": 12}}, **alone).options == alone


def test_a_run_of_which_only_the_counting_of_n_grams_was_broken_off_was_not_interrupted():
    results = {"steps": 12, "epochs": 1.0, "seconds": 61.0, "interrupted": True}
    again = how({"results": results}, max_steps=12)
    assert (again.options, again.notes) == ({"max_steps": 12, "ngram_order": 0}, ())
    (note,) = how({"results": results}, max_time=60.0).notes
    assert note.startswith("It ended by the clock, after 12 steps")


def test_a_model_of_which_n_grams_were_left_out_comes_out_the_same(start, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("seqgen.training.mixing.count_ngrams", interrupted)
        version = start(max_steps=4, ngram_order=3).version
    assert not (version.folder / NGRAMS).exists()
    outcome, made = reproduce("sea").run(progress=False)
    assert (outcome.same_weights, outcome.difference) == (True, 0)
    assert NGRAMS not in made.saved.manifest["files"]


def test_a_mixture_comes_out_the_same(start):
    start(max_steps=4, ngram_order=3)
    outcome, made = reproduce("sea").run(progress=False)
    assert (outcome.same_weights, outcome.difference) == (True, 0)
    assert NGRAMS in made.saved.manifest["files"]


def test_a_run_that_a_callback_ended_is_repeated_by_its_steps():
    again = how({"results": {"steps": 40, "stopped_by_callback": True, **MIXED}}, epochs=10.0)
    assert again.options == {"epochs": 10.0, "max_steps": 40}
    assert [note[:35] for note in again.notes] == ["A callback ended it after 40 steps,"]


def test_a_run_that_went_back_tells_of_it(start, seqgen_home):
    with pytest.raises(TrainingError):  # see test_session.py
        start(max_steps=50, eval_every=1, learning_rate=3e38, warmup_steps=10**36, lr_schedule="constant")
    saved = seqgen.load("sea:1").saved
    failed, note = reproduction(saved.config, saved.manifest).notes
    assert failed.startswith("It failed after ")
    assert note.startswith("It went back 3 times, with half the learning rate, since its loss was no number any more.")
    assert how({"results": {"setbacks": 1}}).notes[0].startswith("It went back once, with half the learning rate")
    assert how({"results": {"setbacks": 0}}).notes == ()


@pytest.mark.parametrize("steps", [0, 4])
def test_of_a_run_that_ended_before_its_best_step_that_step_is_asked_for(steps):
    again = how({"results": {"steps": steps, "best_step": 10, "seconds": 9.0, **MIXED}}, max_time=9.0)
    assert again.options == {"max_steps": 10}
    (note,) = again.notes
    assert note.startswith("It went back, and ended before it had done as well again: what is published is of step 10,")


def test_it_computes_in_the_precision_that_was_used():
    assert how({"results": {"precision": "bfloat16"}}).options == {"precision": "bfloat16"}
    assert how({"results": {"precision": "bfloat16"}}, precision="float32").options == {"precision": "float32"}


def test_what_changes_nothing_that_is_learned_may_be_changed_on_resuming():
    assert how(origins=dict.fromkeys(MACHINE, "resume")).notes == ()


def test_what_one_run_cannot_repeat_is_told():
    assert "resumed with another epochs, max_steps" in how(origins={"max_steps": "resume", "epochs": "resume"}).notes[0]
    assert "chosen by a sweep" in how({"sweep": {"trials": 3}}).notes[0]


def test_a_corpus_that_comes_with_seqgen_is_named_by_its_name_where_nothing_else_is(tmp_path, monkeypatch):
    path = str(locate("ice"))
    again = how({"corpus": {"sources": [path]}})
    assert (again.sources, shlex.split(again.command("novel"))[2]) == ((path,), "ice")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ice").write_text("my own")
    assert shlex.split(again.command("novel"))[2] == path


def test_a_parent_is_where_it_starts_from():
    assert "--from sea:2" in how({"parent": "sea:2"}).command("novel")


@pytest.mark.parametrize(
    ("weights", "bits", "reproduced"),
    [("same", 2.0, True), ("other", 2.015, True), ("other", 2.03, False), ("other", None, False)],
)
def test_an_outcome_is_held_against_what_was_recorded(weights, bits, reproduced):
    def manifest(digest, bits, torch):
        files = {"model.safetensors": {"sha256": digest}}
        return {"files": files, "results": {"bits_per_character": bits, "steps": 3}, "versions": {"torch": torch}}

    outcome = compare(manifest("same", 2.0, "2.1"), manifest(weights, bits, "2.2"))
    assert outcome.reproduced is reproduced
    assert outcome.same_weights is (weights == "same")
    assert outcome.versions == {"torch": ("2.1", "2.2")}
    assert outcome.figures["steps"] == (3, 3)


def test_options_of_another_seqgen_do_not_matter():
    assert how(max_steps=3, ancient=1).options == {"max_steps": 3}


@pytest.mark.parametrize(("name", "before"), OPTIONS_OF_BEFORE.items())
def test_a_model_of_before_an_option_is_trained_as_it_was(name, before):
    training = {other: value for other, value in DEFAULTS.items() if other != name}
    config = ModelConfig(ModelSpec(vocab_size=5), PARTS, training, {}, has_ends=False)
    again = reproduction(config, {"corpus": CORPUS, "parent": "sea:1"})  # without which no symbol is unseen
    assert again.values.get(name, before) == before
    assert again.options == ({name: before} if name not in MACHINE and before != DEFAULTS[name] else {})


@pytest.mark.parametrize("machine", [[], None, "cuda"])
def test_a_manifest_that_could_not_be_compared_is_refused_before_anything_is_trained(start, machine):
    folder = start(max_steps=1, ngram_order=0).version.folder
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"machine": machine}))
    with pytest.raises(DamagedModelError, match=r"manifest\.json: machine is not what a manifest has there"):
        reproduce("sea")


def test_a_mixture_is_not_the_same_as_its_network_or_as_other_n_grams():
    network = {"model.safetensors": {"sha256": "0"}}
    mixture, other = ({**network, NGRAMS: {"sha256": digest}} for digest in ("1", "2"))
    assert compare({"files": mixture}, {"files": mixture}).same_weights
    assert not compare({"files": mixture}, {"files": network}).same_weights
    assert not compare({"files": network}, {"files": mixture}).same_weights
    assert not compare({"files": mixture}, {"files": other}).same_weights


def test_weights_of_which_no_digest_is_recorded_are_not_the_same():
    now = {"files": {"model.safetensors": {"sha256": "0", "bytes": 1}}}
    assert not compare({"files": {"model.safetensors": {"bytes": 1}}}, now).same_weights
