"""Files that are read and passed over, and their variants."""

from __future__ import annotations

import pytest
from symusic import Note, Score, Track

from seqgen.core.errors import CorpusError, SeqgenWarning
from seqgen_music.midi.dataset import MidiDataset, transformed


def piece(*pitches, drums=False):
    score = Score(480)
    track = Track("", 0, drums)
    for place, pitch in enumerate(pitches):
        track.notes.append(Note(place * 480, 480, pitch, 100))
    score.tracks.append(track)
    return bytes(score.dumps_midi())


def pitches(content):
    return [note.pitch for note in Score.from_midi(content).tracks[0].notes]


def test_what_is_no_music_is_told_and_passed_over(tmp_path):
    (tmp_path / "a.mid").write_bytes(piece(60))
    (tmp_path / "b.MID").write_bytes(piece(62))
    (tmp_path / "cut.midi").write_bytes(piece(60)[:-3])
    (tmp_path / "d.kar").write_bytes(piece(64))
    (tmp_path / "e.rmi").write_bytes(b"RIFF")
    (tmp_path / "notes.txt").write_text("not looked at")
    dataset = MidiDataset(sources=(str(tmp_path),))
    with pytest.warns(SeqgenWarning) as warned:
        documents = list(dataset.documents())
    assert [document.id for document in documents] == [str(tmp_path / name) for name in ("a.mid", "b.MID", "d.kar")]
    (said,) = (str(each.message) for each in warned)
    first, cut, riff = said.splitlines()
    assert first == "2 of 5 files were passed over:"
    assert cut.startswith(f"  {tmp_path / 'cut.midi'}: it ends in the middle of track 1: ")
    assert riff.startswith(f"  {tmp_path / 'e.rmi'}: it is no MIDI file but RIFF, in which MIDI may be wrapped")
    assert list(dataset.passed_over()) == [said]


def test_where_all_can_be_read_nothing_was_passed_over(tmp_path):
    (tmp_path / "a.mid").write_bytes(piece(60))
    dataset = MidiDataset(sources=(str(tmp_path),))
    assert len(list(dataset.documents())) == 1
    assert list(dataset.passed_over()) == []


def test_where_nothing_is_music_it_is_an_error(tmp_path):
    for name in "ab":
        (tmp_path / f"{name}.mid").write_bytes(b"MThd")
    with pytest.raises(CorpusError, match=r"a\.mid: it ends in its header, after 4 bytes\.  1 more cannot be used\."):
        list(MidiDataset(sources=(str(tmp_path),)).documents())


def test_a_huge_file_is_not_read_to_its_end(tmp_path):
    path = tmp_path / "huge.mid"
    with path.open("wb") as file:
        file.write(piece(60))
        file.truncate(1 << 40)  # a sparse file: a terabyte that takes no space
    with pytest.raises(CorpusError, match=r"huge\.mid: it has more than 4,194,304 bytes, the most that are read"):
        list(MidiDataset(sources=(str(path),)).documents())


def test_variants_are_other_keys_and_loudness_in_the_group_of_the_file(tmp_path):
    path = tmp_path / "a.mid"
    path.write_bytes(piece(60, 64))
    documents = list(MidiDataset(sources=(str(path),), transpose=1, velocity_steps=1).documents())
    assert len({document.id for document in documents}) == len(documents) == 9
    assert {document.group for document in documents} == {str(path)}
    assert sorted({tuple(pitches(document.content)) for document in documents}) == [(59, 63), (60, 64), (61, 65)]


def test_a_variant_that_leaves_the_keyboard_is_none_and_drums_stay():
    assert transformed(piece(127), semitones=1, louder=0) is None
    assert pitches(transformed(piece(127, drums=True), semitones=1, louder=0)) == [127]
    assert Score.from_midi(transformed(piece(60), semitones=0, louder=99)).tracks[0].notes[0].velocity == 127


def test_files_that_have_not_changed_are_told_without_being_read(tmp_path, monkeypatch):
    monkeypatch.setattr("seqgen.core.files.SETTLED_NS", -(10**12))  # these were written just now
    (tmp_path / "a.mid").write_bytes(piece(60))
    monkeypatch.setattr("seqgen.core.files.Source.blocks", lambda _: pytest.fail("it was read"))
    assert MidiDataset(sources=(str(tmp_path),)).stamp() == MidiDataset(sources=(str(tmp_path),)).stamp() is not None
