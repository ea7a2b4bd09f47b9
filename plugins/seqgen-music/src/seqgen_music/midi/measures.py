"""How good MIDI files are: what repeats in them, and how they are like, and copied from, a corpus."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from seqgen_music.midi.files import read_score
from seqgen_music.midi.keys import likeliest_key
from seqgen_music.midi.metres import bars_at
from seqgen_music.midi.score import DRUMS
from seqgen_music.quality import SHINGLE, Material, Quality, again, beside, share

GRID = 12
"""Steps in a quarter note to which times are rounded: sixteenths and triplets; more would tell apart what sounds alike."""


class Note(NamedTuple):
    """A note; its time and its length in steps of the grid, the length 1 at least."""

    time: int
    pitch: int
    length: int


@dataclass(frozen=True)
class Piece:
    """A MIDI file as it is measured.

    Attributes:
        parts: the notes of each instrument in their order, drums among them.
        bars: those in which notes begin, in their order: the instrument, place in the bar, pitch and length of each note.
        tonic: of the likeliest key, in semitones above C.
    """

    parts: dict[int, list[Note]]
    bars: list[frozenset[tuple[int, int, int, int]]]
    tonic: int

    @property
    def pitched(self) -> Iterator[list[Note]]:
        """The parts but for the drums."""
        return (notes for program, notes in self.parts.items() if program != DRUMS)


def piece_of(content: bytes) -> Piece:
    """A file as it is measured.

    Raises:
        UnreadableMidiError: it cannot be read.
    """
    score = read_score(content)
    parts: defaultdict[int, list[Note]] = defaultdict(list)
    bars: defaultdict[tuple[int, int], set[tuple[int, int, int, int]]] = defaultdict(set)
    for track in score.tracks:
        if not len(track.notes):
            continue
        program = DRUMS if track.is_drum else int(track.program)
        notes = {name: np.asarray(column, np.int64) for name, column in track.notes.numpy().items()}
        metre, bar, place = bars_at(score, notes["time"])
        steps = [np.rint(each * GRID / score.ticks_per_quarter) for each in (notes["time"], notes["duration"], place)]
        columns = [metre, bar, steps[0], notes["pitch"], np.maximum(steps[1], 1), steps[2]]
        for metre_number, bar_number, time, pitch, length, at in np.stack(columns, axis=1).astype(int).tolist():
            parts[program].append(Note(time, pitch, length))
            bars[metre_number, bar_number].add((program, at, pitch, length))
    key = likeliest_key(score)
    return Piece(
        {program: sorted(notes) for program, notes in parts.items()},
        [frozenset(bars[place]) for place in sorted(bars)],
        key.pitch_class if key else 0,
    )


def measure(pieces: Sequence[Piece], corpus: Sequence[Piece] = (), *, unreadable: int = 0) -> Quality:
    """The quality of pieces, and beside a corpus where there is one.

    Pitch classes, lengths and runs of notes are those of instruments with pitches; bars have drums too.

    Args:
        pieces: to be measured.
        corpus: beside which they are.
        unreadable: how many files more there are, that cannot be read.
    """
    ours = _material(pieces)
    files = len(pieces) + unreadable
    return Quality(
        tunes=files,
        bars=len(ours.bars),
        notes=sum(len(notes) for piece in pieces for notes in piece.parts.values()),
        well_formed_tunes=share(number < len(pieces) for number in range(files)),
        right_bars=None,
        notes_in_key=None,
        repeated_bars=share(each for piece in pieces for each in again(piece.bars)),
        **(beside(ours, _material(corpus)) if corpus else {}),
    )


def _material(pieces: Sequence[Piece]) -> Material:
    pitched = [(piece, note) for piece in pieces for notes in piece.pitched for note in notes]
    return Material(
        bars=[bar for piece in pieces for bar in piece.bars],
        shingles=[shingle for piece in pieces for shingle in _shingles(piece)],
        pitch_classes=Counter((note.pitch - piece.tonic) % 12 for piece, note in pitched),
        durations=Counter(note.length for _, note in pitched),
    )


def _shingles(piece: Piece) -> Iterator[Hashable]:
    """Runs of notes of an instrument: how much later and higher than the first of them each is, and its length."""
    for notes in piece.pitched:
        for start in range(len(notes) - SHINGLE + 1):
            first = notes[start]
            run = notes[start : start + SHINGLE]
            yield tuple((note.time - first.time, note.pitch - first.pitch, note.length) for note in run)
