"""What ``seqgen music info`` tells of MIDI."""

from __future__ import annotations

import pytest
from symusic import KeySignature, Note, Score, Tempo, TimeSignature, Track

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
        "likeliest_key": "Bb",
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


def tune(*pitches, keys=(), drums=False):
    score = Score(480)
    for place, (signs, minor) in enumerate(keys):
        score.key_signatures.append(KeySignature(place * 480, signs, minor))
    track = Track("", 0, drums)
    for place, pitch in enumerate(pitches):
        track.notes.append(Note(place * 480, 480, pitch, 90))
    score.tracks.append(track)
    return score.dumps_midi()


@pytest.mark.parametrize(
    ("keys", "named"),
    [
        ([(2, 0)], ["D"]),
        ([(0, 1), (-6, 0), (-6, 0), (7, 0)], ["Am", "Gb", "C#"]),
        ([(100, 0), (0, 9), (-7, 1)], ["Abm"]),
    ],
)
def test_keys_are_those_that_the_file_names_in_their_order(keys, named):
    told = about(tune(60, 64, 67, 60, keys=keys))
    assert told["keys"] == named
    assert "likeliest_key" not in told


@pytest.mark.parametrize(
    ("pitches", "key"),
    [
        ([62, 64, 66, 67, 69, 71, 73, 74, 69, 66, 62], "D"),
        ([64, 66, 67, 69, 71, 72, 75, 76, 71, 67, 64], "Em"),
        ([61, 63, 65, 66, 68, 70, 72, 73, 68, 65, 61], "Db"),
        ([66, 68, 70, 71, 73, 75, 77, 78, 73, 70, 66], "F#"),
        ([], None),
        (range(60, 72), None),
    ],
)
def test_where_it_names_none_the_likeliest_key_is_told(pitches, key):
    told = about(tune(*pitches) if pitches else tune(60, 64, drums=True))
    assert told["likeliest_key"] == key
    assert "keys" not in told
