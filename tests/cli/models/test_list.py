"""``seqgen models list``."""

from __future__ import annotations

import json
import re
import shutil


def test_a_list_without_models_says_how_to_get_one(seqgen):
    outcome = seqgen("models", "list")
    assert (outcome.exit_code, outcome.stdout) == (0, "")
    assert outcome.stderr == "No model has been trained yet.  Train one: seqgen train\n"
    assert seqgen("models", "list", "--json").stdout == "[]\n"


def test_the_list_has_a_line_for_each_version(seqgen, novel):
    shutil.copytree(novel, novel.parent / "2")
    header, first, second = (line.split() for line in seqgen("models", "list").stdout.splitlines() if line.strip(" ─"))
    assert header == ["model", "bits/char", "parameters", "backend", "corpus", "created"]
    assert (first[0], second[0]) == ("novel:1", "novel:2")
    assert first[3:5] == ["torch", "6,000"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d", " ".join(first[5:]))


def test_the_list_fits_80_columns(terminal, novel):
    shown = terminal("models", "list").stdout
    assert re.search(r"novel:1 +\d\.\d{3} +[\d,]+ +torch +6,000 +\d{4}-\d\d-\d\d \d\d:\d\d", shown)


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


def test_a_damaged_model_is_listed_as_damaged_and_hides_no_other(seqgen, novel):
    shutil.copytree(novel, novel.parent / "2")
    (novel / "manifest.json").write_text("{")
    outcome = seqgen("models", "list")
    assert outcome.exit_code == 0
    assert re.search(r"novel:1 +damaged", outcome.stdout)
    assert re.search(r"novel:2 +\d", outcome.stdout)
    assert outcome.stderr.startswith("warning: novel:1/manifest.json: not JSON")
    damaged, whole = json.loads(seqgen("models", "list", "--json").stdout)
    assert "not JSON" in damaged["damaged"]
    assert whole["version"] == 2
