"""What is measured of MIDI files."""

from __future__ import annotations

import pytest
from symusic import Note, Score, TimeSignature, Track

from seqgen_music.midi.measures import measure, piece_of

SCALE = (60, 62, 64, 65, 67, 69, 71, 72)


def file_of(*pitches, length=240, division=480, metres=(), drums=()):
    """Notes of equal length, one after the other, with drums beside them."""
    score, track, beat = Score(division), Track("", 73), Track("", 0, is_drum=True)
    for time, count, unit in metres:
        score.time_signatures.append(TimeSignature(time, count, unit))
    for place, pitch in enumerate(pitches):
        track.notes.append(Note(place * length, length, pitch, 90))
    for place in drums:
        beat.notes.append(Note(place * length, length, 38, 90))
    score.tracks.append(track)
    score.tracks.append(beat)
    return score.dumps_midi()


def test_bars_and_notes_are_counted_and_bars_that_come_again():
    quality = measure([piece_of(file_of(*SCALE, *SCALE, *reversed(SCALE), drums=[0]))], unreadable=1)
    assert (quality.tunes, quality.bars, quality.notes, quality.well_formed_tunes) == (2, 3, 25, 0.5)
    assert quality.repeated_bars == 0  # the drum is in the first alone
    assert measure([piece_of(file_of(*SCALE, *SCALE, *reversed(SCALE)))]).repeated_bars == pytest.approx(1 / 3)
    assert (quality.right_bars, quality.notes_in_key, quality.copied_bars, quality.pitch_class_distance) == (None,) * 4


def test_bars_are_those_of_the_metres():
    changing = file_of(*[60] * 12, metres=[(0, 3, 4), (1440, 2, 4)])  # six eighths, and then four and two
    assert [len(bar) for bar in piece_of(changing).bars] == [6, 4, 2]
    assert measure([piece_of(file_of(*[60] * 14, metres=[(0, 7, 8)]))]).repeated_bars == 0.5


def test_a_piece_that_is_in_the_corpus_is_all_copied_in_whatever_key_and_resolution():
    piece = piece_of(file_of(*SCALE, *SCALE))
    itself = measure([piece], [piece])
    assert (itself.copied_bars, itself.copied_shingles) == (1, 1)
    assert (itself.pitch_class_distance, itself.duration_distance) == (0, 0)
    higher = measure([piece_of(file_of(*(pitch + 3 for pitch in SCALE * 2), length=48, division=96))], [piece])
    assert (higher.copied_bars, higher.copied_shingles) == (0, 1)
    assert (higher.pitch_class_distance, higher.duration_distance) == (0, 0)


def test_distances_are_one_where_nothing_is_in_common():
    quality = measure([piece_of(file_of(60, 60, 67))], [piece_of(file_of(61, 61, 68, 68, length=480))])
    assert (quality.duration_distance, quality.copied_bars, quality.copied_shingles) == (1, 0, None)
    one_note = measure([piece_of(file_of(60, 64))], [piece_of(file_of(60, 60, 67))])
    assert one_note.pitch_class_distance == pytest.approx(1 / 2)


def test_drums_alone_have_neither_pitches_nor_runs():
    drums = piece_of(file_of(drums=range(16)))
    quality = measure([drums], [drums])
    assert (quality.notes, quality.bars, quality.copied_bars) == (16, 2, 1)
    assert (quality.pitch_class_distance, quality.copied_shingles) == (None, None)
