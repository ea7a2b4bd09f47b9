"""What ``seqgen music info`` tells of MIDI."""

from __future__ import annotations

from symusic import Note, Score, Tempo, TimeSignature, Track

from seqgen_music.midi.about import about


def test_length_metres_bars_range_and_pitches_are_told():
    score = Score(480)
    score.tempos.append(Tempo(0, 120))
    score.time_signatures.append(TimeSignature(0, 3, 4))
    score.time_signatures.append(TimeSignature(1440, 6, 8))
    lead, drums = Track("", 73), Track("", 0, is_drum=True)
    for place, pitch in enumerate((60, 64, 60, 58, 62, 58)):
        lead.notes.append(Note(place * 480, 480, pitch, 90))
    drums.notes.append(Note(0, 120, 35, 90))
    score.tracks.append(lead)
    score.tracks.append(drums)
    assert about(score.dumps_midi()) == {
        "seconds": 3.0,
        "beats_per_minute": [120.0],
        "metres": ["3/4", "6/8"],
        "bars": 2.0,
        "notes": 7,
        "lowest": "Bb3",
        "highest": "E4",
        "instruments": [73, "drums"],
        "pitch_classes": {"C": 2, "D": 1, "E": 1, "Bb": 2},
    }


def test_before_the_first_change_metre_and_tempo_are_the_usual():
    score = Score(480)
    score.tempos.append(Tempo(960, 60))
    score.time_signatures.append(TimeSignature(1920, 3, 4))
    track = Track("", 0)
    track.notes.append(Note(0, 1920, 60, 90))
    track.notes.append(Note(1920, 1440, 60, 90))
    score.tracks.append(track)
    told = about(score.dumps_midi())
    assert (told["seconds"], told["beats_per_minute"]) == (6.0, [120.0, 60.0])
    assert (told["metres"], told["bars"]) == (["4/4", "3/4"], 2.0)
