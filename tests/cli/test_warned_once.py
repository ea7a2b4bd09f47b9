"""What is wrong with a corpus is told once, though a training reads it several times."""

from __future__ import annotations

import warnings

from seqgen.tokenizers.char import CharTokenizer

from .conftest import TINY

QUIET = ("--backend", "torch", *TINY, "-q")


def test_replaced_bytes_and_files_that_are_left_out_are_told_once(seqgen, tmp_path):
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "a.log").write_bytes(b"a boat \xff came in\n" * 300)
    (tmp_path / "logs" / "b.png").write_bytes(b"\x89PNG\0\0")
    for name in ("new", "again"):
        outcome = seqgen("train", "logs", "--dataset", "text:errors=replace", *QUIET, "--name", name)
        assert outcome.exit_code == 0
        told = outcome.stderr.splitlines()
        assert len([line for line in told if "300 characters are read as U+FFFD" in line]) == 1, told
        assert len([line for line in told if "1 of 2 files is no text and is left out" in line]) == 1, told


def test_a_table_that_is_read_as_text_is_told_once_whatever_changes_the_filters_of_warnings(
    seqgen, tmp_path, monkeypatch
):
    (tmp_path / "a.csv").write_text("title\n" + "a boat came in\n" * 100)
    fit = CharTokenizer.fit

    def changing(tokenizer, documents):
        warnings.filterwarnings("default", category=ResourceWarning)
        return fit(tokenizer, documents)

    monkeypatch.setattr(CharTokenizer, "fit", changing)
    outcome = seqgen("train", "a.csv", *QUIET)
    assert len([line for line in outcome.stderr.splitlines() if "a.csv is read as text" in line]) == 1, outcome.stderr
