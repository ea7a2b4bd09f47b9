"""What is wrong with a corpus is told once, though a training reads it several times."""

from __future__ import annotations

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
