"""A network that ``seqgen train`` mixes with n-grams, which is used as any other model."""

from __future__ import annotations

import json
import random
import shutil

import pytest

from .conftest import CORPORA, MIXED, run_main


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A registry with a mixture, ``mixed``, and the same network alone, ``plain``."""
    folder = tmp_path_factory.mktemp("ngrams")
    corpus = folder / "novel.txt"
    corpus.write_text((CORPORA / "ice.txt").read_text("utf-8")[:20_000], "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEQGEN_HOME", str(folder / "home"))
        for name, options in {"plain": ("--ngram-order", 0), "mixed": ("--ngram-order", 5), "default": ()}.items():
            outcome = run_main("train", corpus, "--backend", "torch", *MIXED, *options, "--name", name)
            assert outcome.exit_code == 0, outcome
            (folder / name).write_text(outcome.stderr)
    return folder


@pytest.fixture
def seqgen(home, tmp_path, monkeypatch):
    monkeypatch.setenv("SEQGEN_HOME", str(home / "home"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    return run_main


def results(seqgen, name):
    return json.loads(seqgen("models", "show", name, "--json").stdout)["manifest"]["results"]


def test_it_predicts_better_than_the_network_whose_loss_is_kept_beside(seqgen, home):
    plain, mixed = results(seqgen, "plain"), results(seqgen, "mixed")
    assert mixed["network_loss"] == pytest.approx(plain["validation_loss"])
    assert mixed["validation_loss"] < plain["validation_loss"] - 0.5
    assert mixed["bits_per_character"] < plain["bits_per_character"]
    bits = f"from {plain['bits_per_character']:.3f} to {mixed['bits_per_character']:.3f} bits/character"
    assert f"n-grams  of up to 5 tokens bring validation {bits}\n" in (home / "mixed").read_text()


def test_it_is_the_default_and_of_seven_tokens(seqgen):
    found = results(seqgen, "default")
    assert found["ngram_order"] == 7
    assert found["validation_loss"] < found["network_loss"] - 0.5


def test_n_grams_that_add_too_little_are_not_kept(seqgen, tmp_path):
    letters = random.Random(0).choices("abcd", k=20_000)  # nothing follows from anything
    (tmp_path / "noise.txt").write_text("".join(letters))
    outcome = seqgen("train", "noise.txt", "--backend", "torch", *MIXED, "--max-steps", 200, "--name", "noise")
    assert outcome.exit_code == 0, outcome
    assert "too little to keep them" in outcome.stderr
    assert "network_loss" not in results(seqgen, "noise")


def test_its_recorded_loss_is_what_the_model_gives_on_the_held_out_part(seqgen, home, tmp_path):
    text = (home / "novel.txt").read_text("utf-8")
    held_out = tmp_path / "held.txt"
    held_out.write_text(text[-len(text) // 10 :], "utf-8")
    (figures,) = json.loads(seqgen("evaluate", "mixed", held_out, "--json").stdout)["files"]
    # The batches differ: there in four streams, here in one.
    assert figures["bits_per_character"] == pytest.approx(results(seqgen, "mixed")["bits_per_character"], abs=0.1)


@pytest.mark.parametrize("backend", ["numpy", "torch", "keras"])
def test_every_backend_writes_the_same_text(seqgen, backend):
    arguments = ("--model", "mixed", "--seed", "the ice", "--length", 60, "--random-seed", 4)
    assert seqgen("generate", *arguments, "--backend", backend).stdout == seqgen("generate", *arguments).stdout


def test_a_text_among_others_is_the_text_alone(seqgen):
    arguments = ("generate", "--model", "mixed", "--length", 40, "--random-seed", 4, "--json")
    alone = json.loads(seqgen(*arguments).stdout)
    among = json.loads(seqgen(*arguments, "--num-samples", 3).stdout)
    assert among["samples"][0]["text"] == alone["samples"][0]["text"]


def test_it_travels_whole_and_verifies(seqgen, home, tmp_path, monkeypatch):
    assert seqgen("models", "export", "mixed", "mixed.zip").exit_code == 0
    assert seqgen("models", "verify", "mixed").exit_code == 0
    monkeypatch.setenv("SEQGEN_HOME", str(tmp_path / "elsewhere"))
    assert seqgen("models", "import", "mixed.zip").exit_code == 0
    there = seqgen("generate", "--length", 40, "--random-seed", 4).stdout
    monkeypatch.setenv("SEQGEN_HOME", str(home / "home"))
    assert there == seqgen("generate", "--model", "mixed", "--length", 40, "--random-seed", 4).stdout


def test_a_form_that_holds_no_n_grams_has_the_network_alone_and_the_command_says_so(seqgen):
    outcome = seqgen("models", "export", "mixed", "mixed.onnx", "--json")
    assert outcome.exit_code == 0, outcome
    assert json.loads(outcome.stdout)["left_out"] == ["n-grams"]
    assert outcome.stderr == (
        "mixed.onnx holds the network of mixed:1 alone, without the n-grams that seqgen mixes it with: it predicts as the "
        "network does.\n"
    )
    whole = seqgen("models", "export", "mixed", "mixed.html", "--json")
    assert (json.loads(whole.stdout)["left_out"], whole.stderr) == ([], "")


def test_another_training_goes_on_from_its_network(seqgen, home):
    options = ("--max-steps", 2, "--ngram-order", 0, "--quiet")
    outcome = seqgen("train", home / "novel.txt", "--from", "mixed", *options, "--name", "further")
    assert outcome.exit_code == 0, outcome
    assert "network_loss" not in results(seqgen, "further")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            ("--validation-fraction", 0),
            "ngram_order weighs n-grams against the network on held-out text: set validation_fraction above 0.",
        ),
        (("--tokenizer", "word", "--ngram-order", 12), "ngram_order is 12, but must be at most"),
        (("--ngram-order", 1), "ngram_order is 1, but must be at least 2, or 0 for no n-grams"),
        (("--ngram-order", 13), "train: ngram_order is 13, but must be a whole number at least 0 and at most 12."),
    ],
)
def test_what_cannot_be_mixed_is_refused_before_anything_is_trained(refused, corpus, options, sentence):
    assert refused("train", corpus, "--ngram-order", 4, *MIXED, *options, exit_code=2).startswith(sentence)


def test_a_file_of_n_grams_that_was_altered_is_refused(seqgen, home, tmp_path):
    shutil.copytree(home / "home" / "models" / "mixed" / "1", tmp_path / "copy")
    path = tmp_path / "copy" / "ngrams.safetensors"
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)
    outcome = seqgen("generate", "--model", "./copy")
    assert outcome.exit_code == 1
    assert "ngrams.safetensors: its bytes are not those that were written" in outcome.stderr
