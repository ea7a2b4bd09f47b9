"""What is measured of tunes, however they are written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
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


def distance(one: Counter[int], other: Counter[int]) -> float | None:
    """Total variation: half the sum of the differences of shares."""
    if not one or not other:
        return None
    return sum(abs(one[key] / one.total() - other[key] / other.total()) for key in one.keys() | other.keys()) / 2


def share(answers: Iterable[bool]) -> float | None:
    """How many of so many are true; None of none."""
    found = list(answers)
    return sum(found) / len(found) if found else None
