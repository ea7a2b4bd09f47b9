"""What is read of a MIDI file, and why one is refused."""

from __future__ import annotations

import contextlib
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqgen.core.errors import MissingDependencyError
from seqgen_music.midi.files import MAX_BYTES, UnreadableMidiError, read_score

END = b"\x00\xff\x2f\x00"
NOTE = b"\x00\x90\x3c\x40\x60\x80\x3c\x40"
TEMPO_0 = b"\x00\xff\x51\x03\x00\x00\x00"


def reason(content):
    with pytest.raises(UnreadableMidiError) as refused:
        read_score(content)
    return str(refused.value)


def test_a_file_is_read(smf):
    score = read_score(smf(NOTE + END))
    assert (score.ticks_per_quarter, score.tracks[0].notes[0].pitch) == (480, 60)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda _: b"", "it is no MIDI file: it does not begin with MThd"),
        (
            lambda _: b"RIFF1234",
            "it is no MIDI file but RIFF, in which MIDI may be wrapped: it does not begin with MThd",
        ),
        (lambda _: b"MThd\0\0", "it ends in its header, after 6 bytes"),
        (
            lambda smf: smf(NOTE + END, NOTE + END)[:-5],
            "it ends in the middle of track 2: 12 bytes are claimed, 7 there",
        ),
        (lambda smf: smf(NOTE + END)[:14], "it has no track"),
        (lambda smf: smf(END), "it has no note"),
        (lambda smf: smf(NOTE + END, kind=2), "it is of format 2, and only 0 and 1 are one piece of music"),
        (
            lambda smf: smf(NOTE + END, division=0),
            "its time is counted in 0 ticks for a quarter note, which say nothing of beats",
        ),
        (
            lambda smf: smf(NOTE + END, division=0xE728),
            "its time is counted in film frames, which say nothing of beats",
        ),
        (
            lambda smf: smf(NOTE + b"\x83\x60" + TEMPO_0[1:] + END),
            "its tempo at beat 1 is 0 microseconds for a quarter note",
        ),
        (lambda smf: smf(b"\x00\x3c\x40" + END), "its events cannot be read (Unexpected running status!"),
        (
            lambda smf: smf(b"\xff\xff\xff\x7f" + NOTE[1:] + END, division=1),
            "it lasts longer than 32,768 quarter notes",
        ),
    ],
)
def test_what_cannot_be_music_is_refused_with_a_reason(smf, make, said):
    assert reason(make(smf)).startswith(said)


def test_where_symusic_is_not_installed_it_is_said_what_to_install(smf, monkeypatch):
    for module in ("symusic", "symusic.core"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingDependencyError, match=r'symusic is needed\.  pip install "seqgen-music\[midi\]"'):
        read_score(smf(NOTE + END))


@pytest.mark.parametrize("filling", [b"\n", bytes(3), bytes(20), b"\x1a" * 40, b"XFIH\0\0\0\xffcut"])
def test_what_stands_behind_the_last_track_is_let_be(smf, filling):
    assert read_score(smf(NOTE + END, NOTE + END) + filling).note_num() == 2
    with pytest.raises(UnreadableMidiError, match="it ends in the middle of what should be track 2"):
        read_score(smf(NOTE + END, b"")[:-8] + filling[:7])


def test_a_hundred_megabytes_of_one_track_are_refused_unread(smf):
    content = smf(bytes(100_000_000))
    begun = time.process_time()
    assert reason(content) == f"it has more than {MAX_BYTES:,} bytes, the most that are read"
    assert time.process_time() - begun < 0.1


def test_a_chord_of_a_million_notes_is_refused(smf):
    chord = b"\x00\x90\x3c\x40" + b"\x00\x3c\x40" * 999_999  # the status byte need not be repeated
    assert "more than 4,194,304 bytes" in reason(smf(chord * 2 + END))
    assert reason(smf(chord + b"\x60\x80\x3c\x40" + b"\x00\x3c\x40" * 390_000 + END)).startswith("it has 390,001 notes")


EVENTS = b"\x00\xff\x58\x04\x06\x03\x18\x08" + NOTE * 2 + END
HEADERS = 22  # bytes of the file's and of the track's, before the events


@given(
    place=st.integers(0, len(EVENTS) - 1) | st.integers(-HEADERS, len(EVENTS) - 1),
    byte=st.integers(0, 255),
    cut=st.sampled_from([0, 0, 0, 0, 1, 2, 9, len(EVENTS), len(EVENTS) + HEADERS]),
)
def test_a_damaged_file_is_read_or_refused(smf, place, byte, cut):
    content = bytearray(smf(EVENTS))
    assert content[HEADERS:] == EVENTS
    content[HEADERS + place] = byte
    with contextlib.suppress(UnreadableMidiError):
        assert read_score(bytes(content[: len(content) - cut])).note_num() > 0
