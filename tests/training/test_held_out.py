"""What is said of the held-out part, where it is not what a reader of the options would think."""

from __future__ import annotations

import re

from .conftest import Reporter


def test_it_is_said_where_much_more_of_a_corpus_is_held_out_than_asked_for(start, tmp_path):
    folder = tmp_path / "parts"
    folder.mkdir()
    for number in range(25):
        (folder / f"{number}.txt").write_text(f"Part {number}: the sea is wide.  ")
    (folder / "whole.txt").write_text("The sea is wide and the ice is white.  " * 60)
    said = []
    for fraction in (0.1, 0.5, 0.9):  # of which the largest holds out the long one
        reporter = Reporter()
        start(sources=[str(folder)], reporter=reporter, max_steps=1, batching="stream", validation_fraction=fraction)
        said += [line for line in reporter.told if "of the corpus is held out" in line]
    assert 1 <= len(said) <= 2
    assert all(
        re.fullmatch(r"warning: [\d.]+% of the corpus is held out, and not \d+%: whole documents are.*", x)
        for x in said
    )


def test_of_very_much_that_is_held_out_a_part_is_measured_on_and_that_is_said(start, monkeypatch):
    whole = Reporter()
    start(reporter=whole, max_steps=2)
    assert not [line for line in whole.told if "losses are measured" in line]
    monkeypatch.setattr("seqgen.training.building.EVALUATED_TARGETS", 60)
    reporter = Reporter()
    outcome = start(reporter=reporter, max_steps=2, ngram_order=2)
    (said,) = (line for line in reporter.told if "losses are measured" in line)
    assert said == "corpus   losses are measured on 60 tokens from all over the 117 held out"
    assert outcome.record["validation_loss"] < 5


def test_so_it_is_of_windows(start, monkeypatch):
    monkeypatch.setattr("seqgen.data.batching.EVALUATED_WINDOWS", 50)
    reporter = Reporter()
    start(reporter=reporter, max_steps=1, batching="windows")
    assert "corpus   losses are measured on 50 tokens from all over the 117 held out" in reporter.told
