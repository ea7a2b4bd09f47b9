"""Which files are measured by which measures."""

from __future__ import annotations

import subprocess
import sys

import pytest
from symusic import Note, Score, Track

from seqgen.core.errors import CorpusError, SeqgenWarning, UsageError
from seqgen_music.evaluation import qualities

SCALE = "X:1\nT:Up\nM:4/4\nL:1/8\nK:C\nCDEF GABc|CDEF GABc|c8|]\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Here are two MIDI files, one that ends too early, and a tune book."""
    monkeypatch.chdir(tmp_path)
    score, track = Score(480), Track("", 0)
    for place in range(16):
        track.notes.append(Note(place * 240, 240, 60 + place % 8, 90))
    score.tracks.append(track)
    for name in ("new.mid", "old.kar"):
        (tmp_path / name).write_bytes(score.dumps_midi())
    (tmp_path / "cut.mid").write_bytes(score.dumps_midi()[:-9])
    (tmp_path / "book.abc").write_text(SCALE)
    return tmp_path


def test_midi_files_are_measured_beside_a_corpus_of_midi(folder):
    found = qualities(["new.mid"], ["old.kar"])
    assert (found["tunes"].bars, found["tunes"].repeated_bars, found["tunes"].copied_shingles) == (2, 0.5, 1)
    assert (found["corpus"].notes, found["corpus"].copied_shingles) == (16, None)


def test_files_that_cannot_be_read_are_tunes_with_a_fault_and_told(folder):
    with pytest.warns(SeqgenWarning, match=r"^1 of 2 files cannot be read, the first: cut\.mid: it ends in the middle"):
        found = qualities(["new.mid", "cut.mid"])
    assert (found["tunes"].tunes, found["tunes"].well_formed_tunes) == (2, 0.5)
    with pytest.raises(CorpusError, match=r"^cut\.mid: it ends in the middle of track 1: .*\.$"):
        qualities(["cut.mid"])


def test_of_a_folder_with_both_the_tunes_in_abc_are_measured(folder):
    with pytest.warns(SeqgenWarning, match=r"^3 MIDI files are left out beside tunes in ABC: .*cut\.mid$"):
        found = qualities(["."])
    assert (found["tunes"].tunes, found["tunes"].right_bars) == (1, 1)


@pytest.mark.parametrize(
    ("tunes", "corpus", "sentence"),
    [
        ("new.mid", "book.abc", r"^new\.mid is MIDI, and book\.abc in ABC: both must be of one kind"),
        ("book.abc", "new.mid", r"^book\.abc is in ABC, and new\.mid MIDI: both must be of one kind"),
    ],
)
def test_a_corpus_of_the_other_kind_is_refused(folder, tunes, corpus, sentence):
    with pytest.raises(UsageError, match=sentence):
        qualities([tunes], [corpus])


def test_the_command_shows_what_there_is_of_midi(folder):
    command = [sys.executable, "-m", "seqgen", "music", "evaluate", "new.mid", "--corpus", "old.kar"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "bars that repeat an earlier one" in shown
    assert "bars that add up" not in shown
