"""What is measured of tunes, however they are written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass

SHINGLE = 8
"""Notes of a shingle: about a bar of a reel, which two tunes rarely share by chance."""


@dataclass(frozen=True, kw_only=True)
class Quality:
    """What is measured of tunes; shares and distances from 0 to 1, None where there is nothing to measure.

    Attributes:
        tunes, bars, notes: how many.
        well_formed_tunes: share of tunes without a fault; of MIDI, of files that can be read.
        right_bars: share of bars that add up; None of MIDI, whose bars always do.
        notes_in_key: share of notes in the key of their tune; None of MIDI, which seldom says its key.
        repeated_bars: share of bars that are equal to an earlier one of their tune.
        pitch_class_distance: total variation between the histograms of pitch classes, in semitones above the tonic, and those
            of the corpus.
        duration_distance: the same of note lengths.
        copied_bars: share of bars that are in the corpus.
        copied_shingles: share of runs of eight notes, as steps and lengths in whatever key, that are in the corpus.
    """

    tunes: int
    bars: int
    notes: int
    well_formed_tunes: float | None
    right_bars: float | None
    notes_in_key: float | None
    repeated_bars: float | None
    pitch_class_distance: float | None = None
    duration_distance: float | None = None
    copied_bars: float | None = None
    copied_shingles: float | None = None


@dataclass(frozen=True, kw_only=True)
class Material:
    """What tunes are made of, by which they are held against a corpus.

    Attributes:
        bars: each bar, of all tunes.
        shingles: each run of notes, in whatever key.
        pitch_classes: how many notes are how many semitones above the tonic.
        durations: how many notes are how long.
    """

    bars: Sequence[Hashable]
    shingles: Sequence[Hashable]
    pitch_classes: Counter[int]
    durations: Counter[int]


def beside(ours: Material, corpus: Material) -> dict[str, float | None]:
    """The figures of ``Quality`` that a corpus is needed for."""
    known_bars, known_shingles = set(corpus.bars), set(corpus.shingles)
    return {
        "pitch_class_distance": distance(ours.pitch_classes, corpus.pitch_classes),
        "duration_distance": distance(ours.durations, corpus.durations),
        "copied_bars": share(bar in known_bars for bar in ours.bars),
        "copied_shingles": share(shingle in known_shingles for shingle in ours.shingles),
    }


def again(bars: Iterable[Hashable]) -> Iterator[bool]:
    """For each bar of a tune, whether one before it is equal."""
    seen: set[Hashable] = set()
    for bar in bars:
        yield bar in seen
        seen.add(bar)


def distance(one: Counter[int], other: Counter[int]) -> float | None:
    """Total variation: half the sum of the differences of shares."""
    if not one or not other:
        return None
    return sum(abs(one[key] / one.total() - other[key] / other.total()) for key in one.keys() | other.keys()) / 2


def share(answers: Iterable[bool]) -> float | None:
    """How many of so many are true; None of none."""
    found = list(answers)
    return sum(found) / len(found) if found else None
