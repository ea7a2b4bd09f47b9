"""``seqgen models show``."""

from __future__ import annotations

import json
import re
import shutil


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
