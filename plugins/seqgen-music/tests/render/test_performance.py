"""What is heard of a tune in ABC is what its notation says; a reader that is not ours reads the MIDI."""

from __future__ import annotations

import contextlib
import warnings
from collections import defaultdict
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from music21.midi import MidiFile

from seqgen.core.errors import SeqgenWarning
from seqgen_music.abc.book import tunes_of
from seqgen_music.abc.metre import WHOLE
from seqgen_music.abc.tune import read_tune
from seqgen_music.errors import MusicError
from seqgen_music.render.performance import perform

BOOK = Path(__file__).parents[4] / "corpora" / "tunes.abc"

SEMITONES = dict(zip("CDEFGAB", (60, 62, 64, 65, 67, 69, 71), strict=True))
SIGNS = {"^": 1, "_": -1, "=": 0}
KEYS = {"G": {"F": 1}, "Cm": {"B": -1, "E": -1, "A": -1}, "Cdor": {"B": -1, "E": -1}}
LENGTHS = {"": Fraction(1), "2": Fraction(2), "/": Fraction(1, 2), "3/2": Fraction(3, 2)}
FORMS = {  # of a chord, the same without accidentals, and a length: how many lengths it sounds, and how many pass in all
    "{0}{2}": (1, 1),
    '"Am"{0}{2}>z{2}': (Fraction(3, 2), 2),
    "{0}{2}-{1}{2}": (2, 2),
    "(3{0}{2}z{2}z{2}": (Fraction(2, 3), 2),
}

PIECES = [
    *"AGf[](){}-|:>/2zZ",
    "^c",
    "(3",
    "[1",
    "|2",
    ":|",
    "|:",
    "::|",
    "[M:3/8]",
    "\nQ:90\n",
    "[K:C]",
    "c,,,,,,,,,,",
    "Z9999",
    "/9999",
]

Heard = list[tuple[Fraction, Fraction, int]]  # onsets and lengths in quarter notes, and pitches


def events(content: bytes) -> list[tuple[Fraction, object]]:
    """What a MIDI file of one track says, with when, in quarter notes."""
    file = MidiFile()
    file.readstr(content)
    assert len(file.tracks) == 1
    now, found = 0, []
    for event in file.tracks[0].events:
        if event.isDeltaTime():
            now += event.time
        else:
            found.append((Fraction(now, file.ticksPerQuarterNote), event))
    return found


def notes(content: bytes) -> Heard:
    sounding, found = defaultdict(list), []
    for now, event in events(content):
        if event.isNoteOn():
            sounding[event.pitch].append(now)
        elif event.isNoteOff():
            begun = sounding[event.pitch].pop(0)
            found.append((begun, now - begun, event.pitch))
    assert not any(sounding.values())
    return sorted(found)


def heard(tune: str) -> Heard:
    return notes(perform(f"X:1\n{tune}".split("\n"), "a.abc:1"))


def pitches(tune: str) -> list[int]:
    return [pitch for _, _, pitch in heard(tune)]


def lengths(tune: str) -> list[float]:
    return [length for _, length, _ in heard(tune)]


def tempos(tune: str) -> list[tuple[float, int]]:
    """When, and how many quarter notes a minute."""
    found = events(perform(f"X:1\n{tune}".split("\n"), "a.abc:1"))
    return [(now, round(60e6 / int.from_bytes(event.data))) for now, event in found if event.type.name == "SET_TEMPO"]


def test_accidentals_hold_to_the_end_of_their_bar():
    assert pitches("M:4/4\nL:1/8\nK:G\n^c2 c2 c2 d2 | _B2 B2 B4 | c4 B4 |]") == [73, 73, 73, 74, 70, 70, 70, 72, 71]
    assert pitches("L:1/8\nK:C\n{^f}g f F ^f-|f f|]") == [78, 79, 78, 65, 78, 77]


def test_a_key_holds_from_where_it_stands():
    assert pitches("L:1/8\nK:G\nc4 f4 | c8 ||\nK:D\nc4 f4 |]") == [72, 78, 72, 73, 78]
    assert pitches("L:1/8\nK:D\nc4 ||\nK:G\nc4 | [K:F] B4 [K:C] B4 | [K:Am] f4 |]") == [73, 72, 70, 71, 77]


@pytest.mark.parametrize(
    ("key", "altered"),
    [("D =c", [66, 60]), ("D exp _b", [65, 60, 70]), ("Hp", [66, 61]), ("D dor ^f", [66, 60]), ("none", [65, 60])],
)
def test_a_key_may_have_accidentals_of_its_own(key, altered):
    assert pitches(f"L:1/8\nK:{key}\nFCB|")[: len(altered)] == altered


@pytest.mark.parametrize(
    "field", ["clef=alto", " clef=alto", "bass", "alto4 middle=C", " perc stafflines=1", "clef=none", "Treble"]
)
def test_a_clef_leaves_the_key_and_the_accidentals_of_the_bar_as_they_are(field):
    assert pitches(f"L:1/4\nK:D\nf c =f [K:{field}] f c|c|\nK:{field}\nf|]") == [78, 73, 77, 77, 73, 73, 78]
    assert pitches(f"L:1/4\nK:D\nK:{field}\nf c|]") == [78, 73]


def test_a_key_may_stand_before_the_clef_that_is_none_and_alone_that_is_no_key():
    assert pitches("L:1/4\nK:D none\nf c|[K:none] f c|]") == [78, 73, 77, 72]


@pytest.mark.parametrize(
    ("field", "higher"),
    [
        ("clef=treble-8", -12),
        ("treble+8", 12),
        ("bass4-8 middle=d", -12),
        ("octave=-1", -12),
        ("octave=+2", 24),
        ("transpose=-2", -2),
        ("clef=treble-8 octave=1 transpose=3", 3),
        ("clef=bass middle=d", 0),
        ("octave=", 0),
    ],
)
def test_notes_sound_as_much_higher_as_clef_octave_and_transposition_say(field, higher):
    expected = [pitch + higher for pitch in (79, 78, 65, 69, 72)]
    assert pitches(f"L:1/4\nK:G {field}\n{{g}}f- | f [=FA]|[K:C] c|]") == expected
    assert pitches(f"L:1/4\nK:G\n[K:{field}]{{g}}f- | f [=FA]|[K:C] c|]") == expected


def test_clef_octave_and_transposition_hold_each_until_it_is_said_anew():
    music = "c|[K:octave=-1] c|[K:D bass] c|[K:octave=0] c|[K:transpose=0]c|]"
    assert pitches(f"L:1/4\nK:C treble-8 transpose=2\n{music}") == [62, 50, 63, 75, 73]


def test_a_number_behind_y_is_its_width_and_no_length_and_no_ending():
    assert lengths("L:1/4\nK:C\nA y20 B|y5 c y|]") == [1, 1, 1]
    assert lengths("L:1/4\nK:C\nA2y20B|]") == [2, 1]


@pytest.mark.parametrize(
    ("music", "sounds"),
    [
        ("A B|[c d|e f|g a|]", [69, 71, 76, 77, 79, 81]),
        ("A B|{c d|e f|g a|]", [69, 71, 76, 77, 79, 81]),
        ("A B|[{c d|[eg] f|{g}a|]", [69, 71, 76, 79, 77, 79, 81]),
        ('A|["1st" c|e f|[0 g|a|]', [69, 76, 77, 81]),
    ],
)
def test_a_bracket_that_is_not_closed_ends_with_its_bar(music, sounds):
    with pytest.warns(SeqgenWarning, match='line 4 of the tune: "[{[]" is not closed'):
        assert pitches(f"L:1/4\nK:C\n{music}") == sounds


@pytest.mark.parametrize(
    ("music", "said"),
    [
        ("A4 & C4|\nA4|]", 'line 4 of the tune: "&" means nothing here.  What is heard may not be what is meant; '),
        ("A4|\n(3AB|A4|]", "line 5 of the tune: a tuplet lacks 1 of its notes.  "),
        ("V:1\nA4|\nV:2\nA4|]", r"line 6 of the tune: it has voices \(V:\); a tune is one voice.  "),
    ],
)
def test_a_warning_says_where_the_notation_is_wrong_of_what_is_heard(music, said):
    with pytest.warns(SeqgenWarning, match=rf"^a\.abc:1, {said}"):
        pitches(f"L:1/4\nK:C\n{music}")


def test_bars_that_do_not_add_up_are_heard_as_they_are_without_a_word():
    assert pitches("M:4/4\nL:1/4\nK:C\nABcd|ABc|ABcd|]") == [69, 71, 72, 74, 69, 71, 72, 69, 71, 72, 74]


def test_a_length_behind_a_chord_is_that_of_all_its_notes():
    tune = "L:1/8\nK:C\n[GB]2 [G2B2]2 [GBd]4 | G8 |]"
    assert lengths(tune) == [1, 1, 2, 2, 2, 2, 2, 4]
    assert [onset for onset, _, _ in heard(tune)] == [0, 0, 1, 1, 3, 3, 3, 5]


def test_tuplets_of_any_notes_last_as_long_as_they_should():
    third = Fraction(1, 3)
    assert lengths("L:1/4\nK:C\n(3GAB c2|") == [2 * third] * 3 + [2]
    assert lengths("L:1/8\nK:C\n(3A2B c2|") == [2 * third, third, 2 * third]
    assert lengths("L:1/8\nK:C\n(3:2:2G4B2 A2|") == [4 * third, 2 * third, 1]
    assert lengths("L:1/8\nK:C\n(5ABcde (7ABcdefg|") == [Fraction(1, 5)] * 5 + [Fraction(1, 7)] * 7


@pytest.mark.parametrize(
    ("tune", "found"),
    [
        ("M:6/8\nQ:3/8=120\nL:1/8\nK:C\nA3|", [(0, 180)]),
        ("Q:90\nL:1/4\nK:C\nA|", [(0, 90)]),
        ("Q:1/4=90\nK:C\nA|", [(0, 90)]),
        ("L:1/4\nK:C\nA|", [(0, 120)]),
        ("L:1/4\nQ:1/4=60\nK:C\nAB|\nQ:1/2=50\nA[Q:1/4=1]B|", [(0, 60), (2, 100), (3, 4)]),
    ],
)
def test_a_tempo_may_be_of_any_note_and_change(tune, found):
    assert tempos(tune) == found


def test_metres_are_those_of_the_tune_where_midi_has_them():
    content = perform(["X:1", "M:C|", "L:1/4", "K:C", "A4|", "M:3+2/8", "A|[M:4/3]A|[M:none]A"], "a.abc:1")
    found = [(now, *event.data[:2]) for now, event in events(content) if event.type.name == "TIME_SIGNATURE"]
    assert found == [(0, 2, 1), (4, 5, 3)]  # the second number is a power of two


def test_repeats_are_played_and_each_ending_in_its_turn():
    assert pitches("L:1/4\nK:C\n|: A |1 B :|2 c |]") == [69, 71, 69, 72]


def test_tied_notes_sound_once_also_into_an_ending_and_in_part_of_a_chord():
    assert heard("L:1/4\nK:C\nA- | A2 A|]") == [(0, 3, 69), (3, 1, 69)]
    assert heard("L:1/4\nK:C\n|: A- |1 A B :|2 A c |]") == [(0, 2, 69), (2, 1, 71), (3, 2, 69), (5, 1, 72)]
    assert heard("L:1/4\nK:C\n[C-E][CE]|]") == [(0, 1, 64), (0, 2, 60), (1, 1, 64)]
    assert heard("L:1/4\nK:C\nA-B A-z A|]") == [(0, 1, 69), (1, 1, 71), (2, 1, 69), (4, 1, 69)]


def test_grace_notes_take_their_time_of_the_note_behind_them_and_at_most_half_of_it():
    sixteenth = Fraction(1, 16)
    assert lengths("L:1/4\nK:C\n{gf}A|]") == [2 * sixteenth, 2 * sixteenth, 12 * sixteenth]
    assert heard("L:1/16\nK:C\nA{gf}A|]") == [
        (0, 4 * sixteenth, 69),
        (4 * sixteenth, sixteenth, 79),
        (5 * sixteenth, sixteenth, 77),
        (6 * sixteenth, 2 * sixteenth, 69),
    ]
    assert pitches("L:1/4\nK:C\nA-{g}A|]") == [69, 79, 69]  # struck again
    assert pitches("L:1/4\nK:C\nA{g}z|]") == [69]


@pytest.mark.parametrize(
    ("music", "said"),
    [
        ("c,,,,,,,,,,|", r"^a\.abc:1 has no note to be played\."),
        ("z4|", r"^a\.abc:1 has no note to be played\.  seqgen music info says what is wrong with it$"),
        (
            "A9999|" * 70,
            r"^a\.abc:1 has, with its repeats, more than the 100,000 notes or 32,768 quarter notes of time ",
        ),
        ("|:" + "ABcd" * 3000 + "|[1-9 A|]", "with its repeats, more than the 100,000 notes"),
    ],
)
def test_of_what_cannot_be_played_it_is_said_why(music, said):
    with pytest.raises(MusicError, match=said):
        perform(["X:1", "L:1/16", "K:C", music], "a.abc:1")


def test_the_tunes_of_a_book_sound_as_they_are_read():
    """Played once: repeats are left out, and of endings all are played."""
    tunes = [lines for _, lines in tunes_of(BOOK.read_text().splitlines())]
    assert len(tunes) > 100
    for lines in tunes:
        once = [line if line[1:2] == ":" and line[0] != "|" else _without_repeats(line) for line in lines]
        expected, now = [], Fraction()
        for note in read_tune("\n".join(once)).notes:
            length = Fraction(note.ticks * 4, WHOLE)
            expected += [(now, length, note.midi)] if note.midi is not None else []
            now += length
        assert notes(perform(once, "")) == expected


def _without_repeats(line: str) -> str:
    return line.replace("[1", "").replace("[2", "").replace("|:", "|").replace(":|", "|").replace("::", "|")


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
def test_whatever_is_written_is_played_or_refused_in_a_sentence(music):
    with contextlib.suppress(MusicError), warnings.catch_warnings():
        warnings.simplefilter("ignore", SeqgenWarning)
        notes(perform(["X:1", "L:1/8", "K:D", *music.split("\n")], "a.abc:1"))


CHORDS = st.lists(
    st.tuples(st.sampled_from(["", "", "", *SIGNS]), st.sampled_from("CDEFGAB")),
    min_size=1,
    max_size=3,
    unique_by=lambda note: note[1],
)
MOMENTS = st.tuples(CHORDS, st.sampled_from([*LENGTHS]), st.sampled_from([*FORMS]))
BARS = st.lists(MOMENTS, min_size=1, max_size=5)
PARTS = st.tuples(st.sampled_from([*KEYS]), st.booleans(), st.lists(BARS, min_size=1, max_size=3))


def written(key: str, repeated: bool, bars: list) -> str:
    """A part in ABC."""

    def moment(notes: list[tuple[str, str]], length: str, form: str) -> str:
        chord, plain = "".join(map("".join, notes)), "".join(letter for _, letter in notes)
        return form.format(*(f"[{each}]" if len(notes) > 1 else each for each in (chord, plain)), length)

    music = "|".join("".join(moment(*each) for each in bar) for bar in bars)
    return f"K:{key}\n|:{music}:|\n" if repeated else f"K:{key}\n{music}||\n"


def meant(key: str, bars: list, now: Fraction) -> tuple[Heard, Fraction]:
    """What is to be heard of a part from a time on, and when it ends."""
    sounds = set()
    for bar in bars:
        altered = dict(KEYS[key])
        for notes, length, form in bar:
            altered |= {letter: SIGNS[sign] for sign, letter in notes if sign}
            unit = LENGTHS[length] / 2  # of quarter notes: L: is 1/8
            sounding, all_together = (share * unit for share in FORMS[form])
            sounds |= {(now, sounding, SEMITONES[letter] + altered.get(letter, 0)) for _, letter in notes}
            now += all_together
    return sorted(sounds), now


@settings(max_examples=40, deadline=None)
@given(st.lists(PARTS, min_size=1, max_size=3))
def test_pitches_onsets_and_lengths_are_those_that_are_written(parts):
    expected, now = [], Fraction()
    for key, repeated, bars in parts:
        for _ in range(1 + repeated):
            sounds, now = meant(key, bars, now)
            expected += sounds
    assert heard("L:1/8\n" + "".join(written(*part) for part in parts)) == expected
