"""``seqgen models reproduce``."""

from __future__ import annotations

import json
import math
import os
import shlex

import pytest

from seqgen.training.session import Session


@pytest.fixture
def trained(seqgen, corpus):
    """A model of a corpus that is still there."""
    tiny = ("--hidden-size", 16, "--embedding-size", 8, "--seq-len", 16, "--batch-size", 4, "--max-steps", 6)
    options = ("--dropout", 0.2, "--random-seed", 5, "--tokenizer", "char:lowercase=true", "--tie-embeddings", "-q")
    tied = (*tiny[:2], "--embedding-size", 16, *tiny[4:])
    assert seqgen("train", corpus, "--backend", "torch", *tied, *options).exit_code == 0
    return corpus


def test_the_command_that_is_printed_makes_the_same_weights(seqgen, trained, seqgen_home, monkeypatch):
    monkeypatch.setattr(
        "seqgen.training.session.SAMPLES_SECONDS", math.inf
    )  # how long they are, the machine may not say
    outcome = seqgen("models", "reproduce", "novel")
    assert (outcome.exit_code, outcome.stderr) == (0, "")
    _, *arguments = shlex.split(outcome.stdout)
    assert arguments[:2] == ["train", str(trained)]
    assert arguments[-2:] == ["--name", "novel-again"]
    assert seqgen(*arguments, "-q").exit_code == 0
    first, second = ((seqgen_home / "models" / name / "1") for name in ("novel", "novel-again"))
    assert (first / "model.safetensors").read_bytes() == (second / "model.safetensors").read_bytes()
    assert (first / "samples.json").read_bytes() == (second / "samples.json").read_bytes()


def test_it_runs_and_compares(seqgen, trained):
    outcome = seqgen("models", "reproduce", "novel@best", "--run", "-q")
    assert outcome.exit_code == 0, outcome
    assert "The weights are the same, bit for bit." in outcome.stdout
    found = json.loads(seqgen("models", "reproduce", "novel", "--run", "-q", "--json", "--name", "third").stdout)
    assert (found["reproduced"], found["same_weights"], found["model"]) == (True, True, "third")
    assert found["figures"]["steps"] == {"recorded": 6, "now": 6}


@pytest.mark.parametrize(
    ("variable", "value"),
    [("GRAD_CLIP", "0.001"), ("MAX_TIME", "0.001s"), ("EVAL_EVERY", "1"), ("PRESET", "tutorial")],
)
def test_what_is_in_the_environment_does_not_matter(seqgen, trained, monkeypatch, variable, value):
    monkeypatch.setenv(f"SEQGEN_{variable}", value)
    assert json.loads(seqgen("models", "reproduce", "novel", "--run", "-q", "--json").stdout)["same_weights"] is True


def test_while_it_runs_the_variables_are_there_for_what_else_the_process_does(seqgen, trained, monkeypatch):
    monkeypatch.setenv("SEQGEN_HIDDEN_SIZE", "8")
    seen, start = [], Session.start

    def beside(session, *arguments, **named):
        seen.append(os.environ.get("SEQGEN_HIDDEN_SIZE"))
        return start(session, *arguments, **named)

    monkeypatch.setattr(Session, "start", beside)
    outcome = seqgen("models", "reproduce", "novel", "--run", "-q", "--json")
    assert (json.loads(outcome.stdout)["same_weights"], seen) == (True, ["8"])


def test_options_of_the_machine_may_stand_in_the_environment(seqgen, trained, monkeypatch):
    monkeypatch.setenv("SEQGEN_DEVICE", "tpu")
    assert 'device "tpu"' in seqgen("models", "reproduce", "novel", "--run", "-q").stderr


def test_an_outcome_that_is_another_is_told(seqgen, trained, seqgen_home):
    path = seqgen_home / "models" / "novel" / "1" / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["results"]["bits_per_character"] /= 2
    manifest["files"]["model.safetensors"]["sha256"] = "0" * 64
    path.write_text(json.dumps(manifest))
    outcome = seqgen("models", "reproduce", "novel", "--run", "-q")
    assert outcome.exit_code == 1
    assert (
        "The weights differ; the bits per character are 100.00% apart, more than another machine explains."
        in outcome.stdout
    )


def test_a_corpus_that_changed_or_is_gone_is_told_before_anything_is_trained(seqgen, refused, trained, seqgen_home):
    moved = trained.rename(trained.with_name("moved.txt"))
    command = ("models", "reproduce", "novel", "--run", "-q")
    outcome = seqgen(*command)
    assert outcome.exit_code == 1
    assert "novel.txt does not exist" in outcome.stderr
    assert "with --corpus FILE" in outcome.stderr
    assert seqgen(*command, "--corpus", moved).exit_code == 0
    moved.write_text(moved.read_text() + "more")
    assert "moved.txt is not what novel:1 was trained on" in seqgen(*command, "--corpus", moved).stderr
    assert [path.name for path in (seqgen_home / "models" / "novel-again").glob("[0-9]*")] == ["1"]


@pytest.mark.parametrize(
    ("source", "told"),
    [
        (
            "http://127.0.0.1:9/novel.txt",
            "what a model folder names is not fetched unasked.  Name it with --corpus URL",
        ),
        (
            "//server/share/novel.txt",
            "was read from //server/share/novel.txt, and what a model folder names is not fetched",
        ),
        ("-", "only that it was read from standard input.  Name it where it is, as it was, with --corpus FILE"),
    ],
)
def test_what_a_folder_names_is_not_fetched_nor_waited_for_unasked(seqgen, trained, seqgen_home, source, told):
    path = seqgen_home / "models" / "novel" / "1" / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["corpus"]["sources"] = [source]
    path.write_text(json.dumps(manifest))
    outcome = seqgen("models", "reproduce", "novel", "--run", "-q")
    assert outcome.exit_code == 1
    assert told in outcome.stderr


def test_a_model_of_more_sources_than_it_names_says_so(seqgen, trained, seqgen_home):
    path = seqgen_home / "models" / "novel" / "1" / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["corpus"]["sources_left_out"] = 500
    path.write_text(json.dumps(manifest))
    assert "Its folder names only 1 of its sources" in seqgen("models", "reproduce", "novel").stderr
    outcome = seqgen("models", "reproduce", "novel", "--run", "-q")
    assert outcome.exit_code == 1
    assert "more sources than the 1 that it names.  Name their folder with --corpus FOLDER" in outcome.stderr
    assert seqgen("models", "reproduce", "novel", "--run", "-q", "--corpus", trained).exit_code == 0


def test_a_command_with_words_of_a_stranger_is_one_line_that_a_shell_reads_as_arguments(seqgen, trained, seqgen_home):
    path = seqgen_home / "models" / "novel" / "1" / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["corpus"]["sources"] = ["x; rm -rf $HOME", "`y`\x1b[2J"]
    path.write_text(json.dumps(manifest))
    printed = seqgen("models", "reproduce", "novel").stdout
    assert printed.count("\n") == 1
    assert "\x1b" not in printed
    assert shlex.split(printed)[2:4] == ["x; rm -rf $HOME", "`y`\\x1b[2J"]
