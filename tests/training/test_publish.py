"""A finished run becomes a model folder, or what it has is kept where that cannot be written."""

from __future__ import annotations

import gc
import json
import math
import tempfile
from functools import partial
from pathlib import Path

import pytest

from seqgen import api
from seqgen.core.catalog import load_catalog
from seqgen.core.errors import OutputError
from seqgen.registry import Registry
from seqgen.training.metrics import characters_per_token
from seqgen.training.publish import Facts
from seqgen.training.run import Run

from .conftest import Reporter


def test_where_no_folder_at_all_can_be_written_the_last_checkpoint_is_named_all_the_same(start, monkeypatch):
    def full(*_, **__):
        raise OutputError("The disk is full.")

    def none(*_, **__):
        raise FileNotFoundError(2, "No usable temporary directory found in ['/tmp']")

    save = Run.save

    def only_the_first(run, trainer):
        if run.newest_step() is not None:
            full()
        save(run, trainer)

    monkeypatch.setattr(Run, "save", only_the_first)
    monkeypatch.setattr(Registry, "publish", full)
    monkeypatch.setattr(tempfile, "mkdtemp", none)
    with pytest.raises(OutputError) as error:
        start(max_steps=4, checkpoint_every=1e-6, ngram_order=0)
    assert str(error.value) == (
        "The disk is full.\nThe checkpoint of step 1 is kept.  Once it can be written: seqgen train --resume sea"
    )


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="only Linux says here what a process has mapped")
@pytest.mark.parametrize("ngram_order", [0, 3], ids=["alone", "mixed"])
def test_nothing_holds_the_files_of_a_model_when_its_folder_is_renamed(start, monkeypatch, ngram_order):
    publish, mapped, sampled = Registry.publish, [], []
    samples = partial(api.samples, load_catalog())

    def looked_at(registry, name, folder, **how):
        lines = Path("/proc/self/maps").read_text().splitlines()
        mapped.extend(line for line in lines if str(folder) in line)
        return publish(registry, name, folder, **how)

    def noted(folder, *, seconds):
        written = samples(folder, seconds=seconds)
        sampled.extend(written.texts)
        return written

    monkeypatch.setattr(Registry, "publish", looked_at)
    gc.disable()  # Windows renames no folder in which a file is mapped, and nobody knows when what is left is collected
    try:
        start(max_steps=4, ngram_order=ngram_order, samples=noted)
    finally:
        gc.enable()
    assert (len(sampled), mapped) == (3, [])


PROSE = "the sea is wide and the ice is white " * 60
FIGURES = " ".join(str(number) for number in range(100, 200))
"""Each of these words occurs once: ``word`` spells them."""


def lines_of(version):
    return [json.loads(line) for line in (version.folder / "metrics.jsonl").read_text().splitlines()]


@pytest.fixture
def overfitted(start, corpus):
    """A run on letters in order, of which others come at the end: it becomes worse there the more it learns."""
    corpus.write_text("abcdefgh" * 150 + "hgfedcba" * 16)
    return start(max_steps=60, eval_every=5, learning_rate=0.05, warmup_steps=0, ngram_order=0, hidden_size=16)


def test_losses_are_those_of_the_published_weights_and_the_rest_is_of_the_whole_run(overfitted):
    results = overfitted.version.open().manifest["results"]
    best = min(lines_of(overfitted.version), key=lambda line: line["validation_loss"])
    last = lines_of(overfitted.version)[-1]
    assert best["step"] < last["step"] == results["steps"] == 60
    assert best["train_loss"] != last["train_loss"]
    assert [results[name] for name in ("best_step", "train_loss", "validation_loss", "bits_per_character")] == [
        best[name] for name in ("step", "train_loss", "validation_loss", "bits_per_character")
    ]
    assert results["tokens"] == last["tokens"]


def test_a_run_of_before_that_did_not_keep_the_training_loss_of_its_best_step_has_that_of_its_end(start, monkeypatch):
    results = Facts.results

    def of_before(facts):
        facts.trainer.counters.best_train_loss = None
        return results(facts)

    monkeypatch.setattr(Facts, "results", of_before)
    outcome = start(max_steps=6, eval_every=2, ngram_order=0)
    assert outcome.record["train_loss"] == lines_of(outcome.version)[-1]["train_loss"]


def test_the_pace_is_that_of_the_training_part_and_what_a_token_is_there_is_recorded(start, corpus):
    corpus.write_text(PROSE + FIGURES)
    outcome = start(max_steps=6, eval_every=2, ngram_order=0, tokenizer="word")
    record, saved = outcome.record, outcome.version.open()
    characters = characters_per_token(lines_of(outcome.version), record)
    assert record["training_characters_per_token"] == characters.training > 1.8
    assert characters.validation == pytest.approx(1.0)
    assert record["characters_per_second"] == pytest.approx(record["tokens_per_second"] * characters.training, rel=1e-3)
    assert record["bits_per_character"] == pytest.approx(
        record["validation_loss"] / math.log(2) / characters.validation
    )
    tokens = saved.tokenizer(load_catalog()).encode(PROSE + FIGURES)
    held_out = round(0.1 * len(tokens))
    assert characters.training == saved.tokenizer(load_catalog()).characters(tokens[:-held_out]) / len(
        tokens[:-held_out]
    )


def test_what_n_grams_gain_is_told_in_bits_per_character_of_the_validation_part(start, corpus):
    corpus.write_text(PROSE + FIGURES)
    reporter = Reporter()
    record = start(max_steps=6, eval_every=2, ngram_order=3, tokenizer="word", reporter=reporter).record
    (told,) = [line for line in reporter.told if line.startswith("n-grams")]
    assert told.endswith(f" to {record['bits_per_character']:.3f} bits/character")
