"""What tokens keep of a MIDI file, and what a state from a stranger may not do."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from symusic import Note, Score, Tempo, TimeSignature, Track

from seqgen.core.errors import DamagedModelError
from seqgen_music.midi.tokenizer import MidiTokenizer

SCHEMES = ("remi", "tsd", "midilike", "structured")


@pytest.fixture
def duet() -> bytes:
    """Two instruments and drums in 3/4, at 90 beats a minute: quarters, a triplet, and a chord."""
    score = Score(480)
    score.time_signatures.append(TimeSignature(0, 3, 4))
    score.tempos.append(Tempo(0, 90))
    flute, bass, drums = Track("", 73), Track("", 32), Track("", 0, is_drum=True)
    for place, pitch in ((0, 72), (480, 74), (960, 76), (1120, 77), (1280, 79)):
        flute.notes.append(Note(place, 160, pitch, 96))
    for pitch in (36, 43):
        bass.notes.append(Note(0, 1440, pitch, 64))
    drums.notes.append(Note(960, 120, 38, 127))
    for track in (flute, bass, drums):
        score.tracks.append(track)
    return bytes(score.dumps_midi())


def heard(content):
    score = Score.from_midi(content)
    beat = score.ticks_per_quarter
    return {
        (-1 if track.is_drum else track.program, note.time / beat, note.pitch)
        for track in score.tracks
        for note in track.notes
    }


@pytest.mark.parametrize("scheme", SCHEMES)
def test_instruments_drums_and_times_are_kept(duet, scheme):
    tokenizer = MidiTokenizer(scheme=scheme)
    back = tokenizer.decode(tokenizer.encode(duet))
    assert heard(back) == heard(duet)
    score = Score.from_midi(back)
    if scheme != "structured":
        assert (score.time_signatures[0].numerator, score.time_signatures[0].denominator) == (3, 4)
        assert score.tempos[0].tempo == pytest.approx(90, abs=0.01)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(("resolution", "kept"), [(1, False), (2, True), (3, False), (5, False)])
def test_a_piece_in_half_notes_is_read_at_any_resolution(scheme, resolution, kept):
    score = Score(480)
    score.time_signatures.append(TimeSignature(0, 2, 2))
    track = Track("", 0)
    for place in range(8):
        track.notes.append(Note(place * 480, 480, 60 + place, 90))
    score.tracks.append(track)
    back = MidiTokenizer(scheme=scheme, resolution=resolution).canonical(score.dumps_midi())
    assert heard(back) == {(0, place, 60 + place) for place in range(8)}
    metres = [(metre.numerator, metre.denominator) for metre in Score.from_midi(back).time_signatures]
    assert ((2, 2) in metres) is (kept and scheme != "structured")


@pytest.mark.parametrize(
    ("scheme", "kept"),
    [
        ("remi", [(0, 12), (30, 1)]),
        ("tsd", [(0, 12), (30, 1)]),
        ("midilike", [(0, 20), (30, 1)]),
        ("structured", [(0, 12), (12, 1)]),
    ],
)
def test_of_long_notes_and_rests_twelve_beats_are_left_where_the_scheme_has_no_more(scheme, kept):
    score = Score(480)
    track = Track("", 0)
    for place, beats in ((0, 20), (30, 1)):
        track.notes.append(Note(place * 480, beats * 480, 60, 90))
    score.tracks.append(track)
    back = Score.from_midi(MidiTokenizer(scheme=scheme).canonical(score.dumps_midi()))
    beat = back.ticks_per_quarter
    assert [(note.time / beat, note.duration / beat) for note in back.tracks[0].notes] == kept


def test_the_words_of_remi_are_these(duet):
    tokenizer = MidiTokenizer()
    assert tokenizer.words(tokenizer.encode(duet))[:9] == [
        "Bar_None", "TimeSig_3/4", "Position_0", "Tempo_90.0",
        "Program_32", "Pitch_36", "Velocity_63", "Duration_3.0.12", "Program_32",
    ]  # fmt: skip


def test_without_programs_all_but_drums_is_one_piano(duet):
    tokenizer = MidiTokenizer(programs=False)
    assert heard(tokenizer.canonical(duet)) == {
        (0, time, pitch) for program, time, pitch in heard(duet) if program >= 0
    }


def test_merged_tokens_are_fewer_and_mean_the_same(duet):
    plain, merged = MidiTokenizer(), MidiTokenizer(merges=8).fit([duet] * 3)
    assert merged.encode(duet).size < plain.encode(duet).size
    assert merged.vocab_size > plain.vocab_size
    assert merged.decode(merged.encode(duet)) == plain.decode(plain.encode(duet))


def test_what_goes_on_from_a_piece_begins_with_it(duet):
    tokenizer = MidiTokenizer()
    ids = tokenizer.encode(duet)
    continued = tokenizer.decode(np.concatenate([ids, tokenizer.encode(duet)]))
    assert heard(tokenizer.decode(ids)) < heard(continued)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_any_tokens_in_any_order_become_a_file_that_can_be_read(scheme):
    tokenizer = MidiTokenizer(scheme=scheme)
    draws = np.random.default_rng(0)
    for length in (1, 2, 3, 50, 50, 50, 50):
        Score.from_midi(tokenizer.decode(draws.integers(0, tokenizer.vocab_size, length)))


@pytest.mark.parametrize("scheme", SCHEMES)
def test_whatever_the_grammar_allows_is_in_order_to_miditok_and_loses_no_note(scheme):
    tokenizer = MidiTokenizer(scheme=scheme, velocities=2, programs=scheme != "midilike")
    grammar, draws = tokenizer.grammar(), np.random.default_rng(1)
    closing = np.array([any(word.startswith(("NoteOff", "DrumOff")) for word in tokenizer.words([token]))
                        for token in range(tokenizer.vocab_size)])  # fmt: skip
    moment, ids = grammar.start, []
    while len(ids) < 60 or not grammar.may_end(moment):
        allowed = grammar.allowed(moment)
        ends = allowed & closing  # else a note on and off model seldom comes to an end by chance
        ids.append(int(draws.choice(np.flatnonzero(ends if ends.any() and draws.random() < 0.6 else allowed))))
        moment = grammar.next(moment, ids[-1])
    assert tokenizer.misplaced(ids) == 0
    begun = [word for word in tokenizer.words(ids) if word.startswith(("Pitch", "NoteOn", "DrumOn"))]
    assert Score.from_midi(tokenizer.decode(ids)).note_num() == len(begun)


def test_a_prompt_that_cannot_be_read_is_told_why():
    assert MidiTokenizer().unreadable(b"MThd") == "it ends in its header, after 4 bytes"
    assert MidiTokenizer().encode(b"MThd").size == 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"scheme": "os.system"}, "scheme"),
        ({"resolution": 10**9}, "resolution"),
        ({"merges": 9, "pairs": [[0, 10**6]]}, "a pair is not of two tokens known before"),
        ({"merges": 1, "pairs": [[0, 1], [1, 2]]}, '"pairs" is no list, or longer than "merges"'),
        ({"merges": 9, "pairs": [[0, 1], [0, 1]]}, "a token is made twice"),
    ],
)
def test_a_state_of_a_stranger_is_checked(change, said):
    with pytest.raises(DamagedModelError, match=said):
        MidiTokenizer.from_state({**MidiTokenizer().state(), **change})


def test_a_state_cannot_claim_tokens_that_double_without_end():
    first = MidiTokenizer().vocab_size - 1
    pairs = [[0, 0], *([first + number] * 2 for number in range(60))]
    with pytest.raises(DamagedModelError, match="a token has more than 1024 words"):
        MidiTokenizer.from_state({**MidiTokenizer().state(), "merges": 100, "pairs": pairs})


def test_generating_needs_no_torch(duet):
    code = (
        "import sys; from seqgen_music.midi.tokenizer import MidiTokenizer; "
        "t = MidiTokenizer(); t.encode(sys.stdin.buffer.read()); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], input=duet, check=False).returncode == 0
