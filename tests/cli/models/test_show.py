"""``seqgen models show``."""

from __future__ import annotations

import json
import re
import shutil

import pytest

from seqgen import api
from seqgen.core.catalog import load_catalog


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
    assert [line["step"] for line in record["metrics"]][-1] == 40
    assert len(record["samples"]["samples"]) == 3
    assert record["labels"] == {"aliases": ["latest", "best"], "tags": [], "note": ""}
    assert record["config"] == json.loads((novel / "config.json").read_text())


def test_the_newest_model_is_shown_by_default(seqgen, novel):
    newer = novel.parents[1] / "another" / "1"
    shutil.copytree(novel, newer)
    manifest = json.loads((newer / "manifest.json").read_text()) | {"name": "another", "created": "2999-01-01T00:00:00"}
    (newer / "manifest.json").write_text(json.dumps(manifest))
    assert seqgen("models", "show").stdout.startswith("another:1  ")


def test_show_draws_how_it_learned_and_prints_what_it_wrote(seqgen, novel):
    seqgen("models", "alias", "novel", "prod")
    seqgen("models", "note", "novel", "for the reading")
    page = seqgen("models", "show", "novel").stdout
    assert "bits/character  ⠒⠒ training  ● validation" in page
    assert "40 steps" in page
    assert re.search(r"aliases +@latest, @best, @prod", page)
    assert re.search(r"note +for the reading", page)
    samples = json.loads((novel / "samples.json").read_text())["samples"]
    assert len(samples) == 3
    for sample in samples:
        assert sample["text"] in page


def test_samples_are_as_short_as_the_time_for_them(novel):
    kept = json.loads((novel / "samples.json").read_text())["samples"]
    hurried = api.samples(load_catalog(), novel, seconds=1e-9)
    assert hurried.length == "1c"
    assert list(hurried.texts) == [sample["text"][:1] for sample in kept]


def test_samples_can_be_drawn_again(seqgen, novel):
    samples = json.loads((novel / "samples.json").read_text())
    options = ("--random-seed", samples["random_seed"], "--length", samples["length"], "--num-samples", 3, "--json")
    again = json.loads(seqgen("generate", "--model", "novel", *options).stdout)["samples"]
    assert [each["text"] for each in again] == [each["text"] for each in samples["samples"]]


def test_a_sample_with_brackets_and_colons_is_shown_as_it_is(seqgen, novel):
    samples = json.loads((novel / "samples.json").read_text())
    samples["samples"][0]["text"] = text = "[chorus] oh [/b] :smile: [red]"
    (novel / "samples.json").write_text(json.dumps(samples))
    manifest = json.loads((novel / "manifest.json").read_text())
    manifest["files"]["samples.json"]["bytes"] = (novel / "samples.json").stat().st_size
    (novel / "manifest.json").write_text(json.dumps(manifest))
    page = seqgen("models", "show")
    assert (page.exit_code, page.stderr) == (0, "")
    assert f"\n{text}\n" in page.stdout


def test_what_a_stranger_wrote_cannot_steer_the_terminal(seqgen, novel):
    samples = json.loads((novel / "samples.json").read_text())
    samples["samples"][0]["text"] = "a\x1b[2Jb\u202ec\u2028d"
    samples |= {"length": "9\x1b[3J", "samplers": ["top-k\x9b1m"]}
    (novel / "samples.json").write_text(json.dumps(samples))
    manifest = json.loads((novel / "manifest.json").read_text())
    manifest["files"]["samples.json"]["bytes"] = (novel / "samples.json").stat().st_size
    (novel / "manifest.json").write_text(json.dumps(manifest | {"parent": "\x1b[31mx"}))
    page = seqgen("models", "show").stdout
    assert "\x1b" not in page
    assert "a\\x1b[2Jb\\u202ec\\u2028d" in page
    assert "--length 9\\x1b[3J; top-k\\x9b1m)" in page


@pytest.mark.parametrize(("name", "start"), [("curve.svg", b"<?xml"), ("curve.png", b"\x89PNG")])
def test_the_curve_can_be_written_as_a_figure(seqgen, novel, tmp_path, name, start):
    assert seqgen("models", "show", "novel", "--plot", name).exit_code == 0
    content = (tmp_path / name).read_bytes()
    assert content.startswith(start)
    assert len(content) > 5000


def test_a_figure_that_cannot_be_written_is_refused(refused, novel):
    assert "its suffix must be one of" in refused("models", "show", "novel", "--plot", "curve.xyz", exit_code=2)
    assert "no/where.svg cannot be written" in refused("models", "show", "novel", "--plot", "no/where.svg", exit_code=1)


def test_a_parent_that_was_renamed_is_found_by_what_it_is(seqgen, novel, corpus):
    tiny = ("--max-steps", 2, "--seq-len", 16, "--batch-size", 4, "-q")
    assert seqgen("train", corpus, "--from", "novel", "--name", "child", "--backend", "torch", *tiny).exit_code == 0
    assert re.search(r"parent +novel:1 *\n", seqgen("models", "show", "child").stdout)
    seqgen("models", "rename", "novel", "winter")
    assert re.search(r"parent +novel:1, which is winter:1 now", seqgen("models", "show", "child").stdout)
    seqgen("models", "rm", "winter:1")
    assert re.search(r"parent +novel:1, which is not here", seqgen("models", "show", "child").stdout)


def test_a_search_that_a_stranger_describes_otherwise_is_shown_as_it_is(seqgen, novel):
    manifest = json.loads((novel / "manifest.json").read_text())
    (novel / "manifest.json").write_text(json.dumps(manifest | {"sweep": {"trial": 3, "search": 5}}))
    assert "trial 3, the best of None: 5" in seqgen("models", "show").stdout
