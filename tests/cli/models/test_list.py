"""``seqgen models list``."""

from __future__ import annotations

import json
import re
import shutil

import pytest


def test_a_list_without_models_says_how_to_get_one(seqgen):
    outcome = seqgen("models", "list")
    assert (outcome.exit_code, outcome.stdout) == (0, "")
    assert outcome.stderr == "No model has been trained yet.  Train one: seqgen train\n"
    assert seqgen("models", "list", "--json").stdout == "[]\n"


def test_the_list_has_a_line_for_each_version(seqgen, novel):
    shutil.copytree(novel, novel.parent / "2")
    head, rule, first, second = seqgen("models", "list").stdout.splitlines()
    assert head.split() == [
        *(
            "model",
            "aliases",
            "bits/char",
            "corpus",
            "tokenizer",
            "backend",
            "architecture",
            "parameters",
            "size",
            "age",
        )
    ]
    assert set(rule) == {"─"}
    assert re.fullmatch(
        r"novel:1 +@best +\d\.\d{3} +novel\.txt +char +torch +lstm 1x16 +[\d.]+k +\d+kB +(now|\d+ min|\d+ h)", first
    )
    assert re.match(r"novel:2 +@latest +\d\.\d{3} +novel\.txt", second)


def test_what_does_not_fit_80_columns_is_left_out_and_named(terminal, novel):
    shown = terminal("models", "list").stdout
    lines = [re.sub(r"\x1b\[\d+m", "", line) for line in shown.splitlines()]
    assert max(map(len, lines[:3])) <= 80
    assert re.match(r"novel:1 +@latest @best +\d\.\d{3} +novel\.txt", lines[2])
    assert lines[3].startswith("Too wide for this terminal: ")
    assert "\x1b[1mnovel:1" in shown


def test_a_list_is_filtered_sorted_and_cut(seqgen, novel):
    for number in (2, 3):
        shutil.copytree(novel, novel.parent / str(number))
    manifest = json.loads((novel.parent / "2" / "manifest.json").read_text())
    manifest["results"]["bits_per_character"] = 0.5
    (novel.parent / "2" / "manifest.json").write_text(json.dumps(manifest | {"created": "2020-01-01T00:00:00+00:00"}))

    def versions(*options):
        outcome = seqgen("models", "list", "--json", *options)
        assert outcome.exit_code == 0, outcome
        return [each["version"] for each in json.loads(outcome.stdout)]

    assert versions() == [1, 2, 3]
    assert versions("--sort", "bits") == [2, 1, 3]
    assert versions("--sort", "bits", "--limit", 1) == versions("--alias", "best") == [2]
    assert versions("--sort", "age")[-1] == 2
    assert versions("nov*", "--tokenizer", "char", "--backend", "torch", "--architecture", "lstm") == [1, 2, 3]
    assert versions("other") == versions("--corpus", "moby") == []
    assert versions("--corpus", "novel.txt") == versions("--corpus", manifest["corpus"]["fingerprint"]) == [1, 2, 3]
    outcome = seqgen("models", "list", "other")
    assert outcome.stderr == "None of 3 versions matches.  All: seqgen models list\n"


def test_a_loss_of_the_training_text_is_in_json_and_not_among_those_of_held_out_text(seqgen, novel):
    for number in (2, 3):
        shutil.copytree(novel, novel.parent / str(number))
    path = novel.parent / "2" / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["results"] |= {"bits_per_character": 0.5, "validation_loss": None}
    path.write_text(json.dumps(manifest))
    _, _, *lines = seqgen("models", "list", "--sort", "bits").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["novel:1", "novel:3", "novel:2"]
    assert re.match(r"novel:2 +- +novel\.txt", lines[2])
    *_, last = json.loads(seqgen("models", "list", "--sort", "bits", "--json").stdout)
    figures = ("version", "bits_per_character", "held_out_bits_per_character")
    assert [last[name] for name in figures] == [2, 0.5, None]


def test_a_model_that_diverged_does_not_widen_the_column(seqgen, novel):
    path = novel / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["results"]["bits_per_character"] = 3.3767e30
    path.write_text(json.dumps(manifest))
    assert re.search(r" 3\.4e\+30 +novel\.txt", seqgen("models", "list").stdout)


def test_what_a_file_says_cannot_steer_the_terminal(seqgen, novel):
    path = novel / "manifest.json"
    path.write_text(path.read_text().replace("novel.txt", "\\u001b[31mred\\u009b"))
    assert "\\x1b[31mred\\x9b" in seqgen("models", "list").stdout


@pytest.mark.parametrize("written", ["{", None])
def test_what_does_not_say_when_it_was_made_comes_after_all_others(seqgen, novel, written):
    manifest = json.loads((novel / "manifest.json").read_text())
    del manifest["created"]
    for number in (2, 3):
        shutil.copytree(novel, novel.parent / str(number))
    (novel.parent / "2" / "manifest.json").write_text(written or json.dumps(manifest))
    listed = json.loads(seqgen("models", "list", "--sort", "age", "--json").stdout)
    assert [each["version"] for each in listed] == [1, 3, 2]


def test_the_list_as_json(seqgen, novel):
    (model,) = json.loads(seqgen("models", "list", "--json").stdout)
    assert {key: model[key] for key in ("model", "version", "path", "backend", "corpus_characters")} == {
        "model": "novel",
        "version": 1,
        "path": str(novel),
        "backend": "torch",
        "corpus_characters": 6000,
    }
    assert 0 < model["bits_per_character"] < 6


def test_labels_that_cannot_be_read_are_told_beside_json_too(seqgen, novel):
    (novel.parent / "labels.json").write_text("{")
    outcome = seqgen("models", "list", "--json")
    assert json.loads(outcome.stdout)[0]["model"] == "novel"
    assert outcome.stderr.startswith("warning: novel/labels.json: not JSON")


def test_a_damaged_model_is_listed_as_damaged_and_hides_no_other(seqgen, novel):
    shutil.copytree(novel, novel.parent / "2")
    (novel / "manifest.json").write_text("{")
    outcome = seqgen("models", "list")
    assert outcome.exit_code == 0
    assert re.search(r"novel:1 +damaged", outcome.stdout)
    assert re.search(r"novel:2 +@latest @best +\d", outcome.stdout)
    assert outcome.stderr.startswith("warning: novel:1/manifest.json: not JSON")
    damaged, whole = json.loads(seqgen("models", "list", "--json").stdout)
    assert "not JSON" in damaged["damaged"]
    assert whole["version"] == 2
