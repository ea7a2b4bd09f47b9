"""What is measured of tunes, and the command that shows it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from seqgen.core.errors import CorpusError
from seqgen.core.files import find_sources
from seqgen_music.abc.dataset import AbcDataset
from seqgen_music.abc.measures import measure, read_tunes
from seqgen_music.abc.tune import Bar, Tune, read_tune

SCALE = "X:1\nT:Up\nM:4/4\nL:1/8\nK:C\nCDEF GABc|CDEF GABc|c8|]"
WRONG = "X:2\nT:Wrong\nM:4/4\nL:1/8\nK:C\n^CDEF GABc|C7|c8|]"


def test_bars_and_keys_are_counted():
    quality = measure([read_tune(SCALE), read_tune(WRONG)])
    assert (quality.tunes, quality.bars, quality.notes) == (2, 6, 27)
    assert quality.well_formed_tunes == 0.5
    assert quality.right_bars == pytest.approx(5 / 6)
    assert quality.notes_in_key == pytest.approx(26 / 27)
    assert quality.repeated_bars == pytest.approx(1 / 6)
    assert quality.copied_bars is None


def test_bars_that_do_not_add_up_are_counted_in_work_that_grows_with_the_tune():
    compared, walked = [], []

    class Length(int):
        __hash__ = int.__hash__

        def __eq__(self, other):
            compared.append(other)
            return int(self) == other

    class Wrong(list):
        def __iter__(self):
            walked.append(len(self))
            return super().__iter__()

    class Walked(Tune):
        @property
        def wrong_bars(self):
            return Wrong(super().wrong_bars)

    lengths = range(1, 500)  # of 1000, so that no two make a bar
    tune = Walked(bars=[Bar(1, 1000, "||", "||", Length(length)) for length in lengths])
    assert measure([tune]).right_bars == 1 / 499  # the first, an upbeat
    assert len(compared) < 3 * 499
    assert walked == [498]


def test_a_tune_that_is_in_the_corpus_is_all_copied_also_in_another_key():
    tune = read_tune(SCALE)
    itself = measure([tune], [tune])
    assert (itself.copied_bars, itself.copied_shingles) == (1, 1)
    assert (itself.pitch_class_distance, itself.duration_distance) == (0, 0)
    higher = read_tune("X:1\nM:4/4\nL:1/8\nK:D\nDEFG ABcd|DEFG ABcd|d8|]")
    moved = measure([higher], [tune])
    assert (moved.copied_bars, moved.copied_shingles, moved.pitch_class_distance) == (0, 1, 0)


@pytest.mark.parametrize("transpose", ["all", "tonic", "signature"])
def test_a_tune_is_copied_in_whatever_key_the_dataset_writes_it(tmp_path: Path, transpose: str):
    text = "X:1\nM:4/4\nL:1/8\nK:G\nGABc dBGB|c2ec B2dB|A2GA BGFG|E2D2 G4|]\n"
    (tmp_path / "tune.abc").write_text(text)
    documents = list(AbcDataset(sources=(str(tmp_path / "tune.abc"),), transpose=transpose).documents())
    assert len(documents) == (12 if transpose == "all" else 1)
    for document in documents:
        found = measure([read_tune(document.content)], [read_tune(text)])
        assert (document.id, found.copied_shingles, found.pitch_class_distance) == (document.id, 1, 0)


def test_distances_are_one_where_nothing_is_in_common():
    quality = measure([read_tune("X:1\nM:4/4\nL:1/8\nK:C\nD4D4|]")], [read_tune("X:1\nM:4/4\nL:1/8\nK:C\nC8|]")])
    assert (quality.pitch_class_distance, quality.duration_distance, quality.copied_shingles) == (1, 1, None)


def test_of_a_tune_that_is_too_long_the_beginning_is_measured_and_it_is_not_well_formed(tmp_path: Path):
    scale, comment = SCALE.removesuffix("|]"), f"%{'-' * 999}\n"
    (tmp_path / "long.abc").write_text(f"{scale}|\n{comment * 270}{'c8|' * 9}\n\n{SCALE}\n")
    first, second = read_tunes(find_sources([str(tmp_path)]))
    assert first.faults == [(1, "the tune has more than 262,144 characters, the most that are read")]
    assert len(first.bars) == 3
    assert (second.faults, len(second.bars)) == ([], 3)


def test_a_book_without_a_tune_is_named(tmp_path: Path):
    (tmp_path / "notes.abc").write_text("Nothing here\n")
    with pytest.raises(CorpusError, match=r"There is no tune in .*notes\.abc"):
        read_tunes(find_sources([str(tmp_path / "notes.abc")]))


def test_the_command_shows_a_table_or_json(tmp_path: Path):
    (tmp_path / "new.abc").write_text(f"{SCALE}\n\n{WRONG}\n")
    (tmp_path / "old.abc").write_text(SCALE)
    command = [sys.executable, "-m", "seqgen", "music", "evaluate", "new.abc", "--corpus", "old.abc"]
    shown = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "bars that add up" in shown.stdout
    assert "83.3%" in shown.stdout
    found = json.loads(subprocess.run([*command, "--json"], cwd=tmp_path, capture_output=True, check=True).stdout)
    assert found["tunes"]["copied_bars"] == pytest.approx(4 / 6)
    assert found["corpus"]["right_bars"] == 1
