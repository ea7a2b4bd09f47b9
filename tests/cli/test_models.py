"""``seqgen models list`` and ``seqgen models show``."""

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


def test_show_says_what_it_is_and_what_it_was_trained_on(seqgen, novel):
    page = seqgen("models", "show").stdout
    assert page.startswith(f"novel:1  {novel}\n")
    assert re.search(r"bits per character +\d\.\d", page)
    assert re.search(r"corpus +/.*novel\.txt", page)
    assert re.search(r"corpus characters +6,000", page)
    assert re.search(r"version of torch +\d", page)
    assert re.search(r"tokenizer +char +seqgen \d", page)
    assert seqgen("models", "show", "novel:1").stdout == page


def test_show_says_where_each_option_came_from(seqgen, corpus, monkeypatch, tmp_path):
    (tmp_path / "train.toml").write_text("batch-size = 4\nseq_len = 16\n")
    monkeypatch.setenv("SEQGEN_LEARNING_RATE", "0.01")
    options = ("--config", "train.toml", "--preset", "small", "--hidden-size", 16, "--max-steps", 1)
    assert seqgen("train", corpus, "--backend", "torch", *options, "-q").exit_code == 0
    page = seqgen("models", "show").stdout
    for option, value, origin in [
        ("hidden_size", "16", "command line"),
        ("learning_rate", "0.01", "environment"),
        ("batch_size", "4", "train.toml"),
        ("seq_len", "16", "train.toml"),
        ("embedding_size", "32", "preset small"),
        ("num_layers", "1", "chosen"),
        ("optimizer", "adamw", "default"),
        ("tie_embeddings", "false", "default"),
    ]:
        assert re.search(rf"^ *{option} +{value} +{origin} *$", page, re.MULTILINE), option
    origins = json.loads(seqgen("models", "show", "--json").stdout)["config"]["origins"]
    assert (origins["hidden_size"], origins["learning_rate"]) == ("command line", "environment")


def test_show_as_json_is_the_manifest_and_the_configuration(seqgen, novel):
    record = json.loads(seqgen("models", "show", "novel@latest", "--json").stdout)
    assert record["path"] == str(novel)
    assert record["manifest"] == json.loads((novel / "manifest.json").read_text())
    assert record["config"] == json.loads((novel / "config.json").read_text())


def test_the_newest_model_is_shown_by_default(seqgen, novel):
    newer = novel.parents[1] / "another" / "1"
    shutil.copytree(novel, newer)
    manifest = json.loads((newer / "manifest.json").read_text()) | {"name": "another", "created": "2999-01-01T00:00:00"}
    (newer / "manifest.json").write_text(json.dumps(manifest))
    assert seqgen("models", "show").stdout.startswith("another:1  ")
