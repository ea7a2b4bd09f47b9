"""The order in which a tune is played."""

from __future__ import annotations

import time

import pytest

from seqgen_music.abc.playing import in_order
from seqgen_music.abc.tune import Note, Sign, read_tune


def order(music: str) -> str:
    """The letters of the notes, as they are played."""
    notes = [event for event in in_order(read_tune(f"X:1\nK:C\n{music}\n").events) if isinstance(event, Note)]
    return "".join(dict(zip((60, 62, 64, 65, 67, 69, 71), "CDEFGAB", strict=True))[note.pitches[0]] for note in notes)


@pytest.mark.parametrize(
    ("music", "played"),
    [
        ("A | B |]", "AB"),
        ("|: A :| B", "AAB"),
        ("A :| B", "AAB"),
        ("|: A :| |: B :|", "AABB"),
        ("|: A :: B :|", "AABB"),
        ("|: A :|: B :|", "AABB"),
        ("A :| B || C :|", "AABCC"),
        ("A :| B | C :|", "AABCBC"),
        ("A || B :|", "ABB"),
        ("|: A || B :|", "ABAB"),
        ("A | B |: C :|", "ABCC"),
        ("A :| B .| C [|] D :|", "AABCDBCD"),
        ("|:: A ::| B", "AAAB"),
        ("|: A |1 B :|2 C |]", "ABAC"),
        ("|: A |[1 B :|[2 C || D", "ABACD"),
        ("|: A |[1 B :|[2 C :| D", "ABACD"),
        ("|: A [1 B :| [2 C |: D :|", "ABACDD"),
        ("|: A |[1 B :|\n| [2 C :| D", "ABACD"),
        ("A |1 B :|2 C || D |1 E :|2 F |]", "ABACDEDF"),
        ("|: A |[1,3 B :|[2 C :| D", "ABACABD"),
        ("|: A |[1-3 B :|[4 C |]", "ABABABAC"),
        ("|: A |1,2 B :|3 C |]", "ABABAC"),
        ("|: A |[1 B :| C", "ABAC"),
        ("|: A |[1 B | [2 C |]", "ABAC"),
    ],
)
def test_repeats_and_endings_are_played_as_the_standard_says(music, played):
    assert order(music) == played


def test_the_number_of_a_length_begins_no_ending():
    assert order("|: A2 | B2 :| C2") == "ABABC"
    assert order("|/A |0 B :| C") == "ABABC"


def test_metres_and_tempos_come_where_they_stand_and_with_their_repeat():
    tune = read_tune("X:1\nQ:100\nM:2/4\nL:1/4\nK:C\n|: A [Q:1/4=80] B :|\nM:3/4\nC\n")
    quarter = tune.notes[0].ticks
    letters = [event.letter if isinstance(event, Sign) else event.midi for event in in_order(tune.events)]
    assert letters == ["M", "Q", 69, "Q", 71, "Q", 69, "Q", 71, "M", 60]
    assert [event for event in tune.events if isinstance(event, Sign) and event.letter == "Q"] == [
        Sign("Q", "100", quarter),  # though the L: that it depends on comes later
        Sign("Q", "1/4=80", quarter),
    ]


def held(music: str) -> list[tuple[int, str, str]]:
    """The pitches as they are played, each in which metre and tempo."""
    found, holds = [], {"M": "", "Q": ""}
    for event in in_order(read_tune(f"X:1\n{music}").events):
        if isinstance(event, Note):
            found.append((event.pitches[0], holds["M"], holds["Q"]))
        else:
            holds[event.letter] = event.text
    return found


@pytest.mark.parametrize("begin", ["", "|:"])
def test_each_time_begins_in_the_metre_and_tempo_in_which_the_repeat_began(begin):
    assert held(f"M:4/4\nQ:1/4=100\nL:1/4\nK:C\n{begin} A4 | [M:2/4][Q:1/4=60] B2 :| c2 |: d2 :|") == [
        *[(69, "4/4", "1/4=100"), (71, "2/4", "1/4=60")] * 2,
        *[(72, "2/4", "1/4=60"), (74, "2/4", "1/4=60"), (74, "2/4", "1/4=60")],
    ]


def test_what_an_ending_changes_does_not_hold_in_the_next():
    assert held("Q:1/4=100\nL:1/4\nK:C\n|: A |1 [Q:1/4=60] B :|2 c |: d :|") == [
        (pitch, "", tempo)
        for pitch, tempo in zip((69, 71, 69, 72, 74, 74), ("1/4=100", "1/4=60", *["1/4=100"] * 4), strict=True)
    ]


def test_a_repeat_that_began_without_a_tempo_goes_back_to_the_usual_one():
    assert held("L:1/4\nK:C\n|: A [Q:1/4=60] B :|") == [
        (69, "", ""),
        (71, "", "1/4=60"),
        (69, "", "1/4=120"),
        (71, "", "1/4=60"),
    ]


def test_many_repeats_take_no_more_time_than_as_many_bars():
    def seconds(bar: str) -> float:
        events = [Note(1, 60), Sign("|", bar, 1)] * 4000
        begun = time.process_time()
        assert len(list(in_order(events))) >= 4000
        return time.process_time() - begun

    assert min(seconds("::|") for _ in range(3)) < 20 * min(seconds("|") for _ in range(3))
