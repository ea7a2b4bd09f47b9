"""The keys of a MIDI file: those that it names, or else the likeliest by its notes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from seqgen_music.abc.keys import MODES, Key

if TYPE_CHECKING:
    from symusic.core import ScoreTick

_PROFILES = {
    "": (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
    "m": (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17),
}
"""How well each pitch class above the tonic fits a major or minor key (Krumhansl and Kessler 1982, Tracing the Dynamic Changes in
Perceived Tonal Organization; Krumhansl 1990, Cognitive Foundations of Musical Pitch, p. 30)."""

_MOST_SIGNS = 7


def named_keys(score: ScoreTick) -> list[Key]:
    """The keys of the file's key signatures, in their order; one that follows itself comes once."""
    found: list[Key] = []
    for each in score.key_signatures:
        if abs(each.key) <= _MOST_SIGNS and each.tonality in (0, 1):  # else it is damaged, and says nothing
            mode = "m" if each.tonality else ""
            key = Key(each.key - MODES[mode], mode)
            if key not in found[-1:]:
                found.append(key)
    return found


def likeliest_key(score: ScoreTick) -> Key | None:
    """The major or minor key whose profile correlates best with how long each pitch class sounds, drums left out.

    As of Krumhansl and Schmuckler (Krumhansl 1990, chapter 4).  None where no key is likelier than another, as without notes.
    """
    durations = np.zeros(12)
    for track in score.tracks:
        if not track.is_drum and len(track.notes):
            notes = track.notes.numpy()
            np.add.at(durations, np.asarray(notes["pitch"], np.int64) % 12, notes["duration"])
    if np.ptp(durations) == 0:
        return None
    fits = {
        _spelled(tonic, mode): np.corrcoef(np.roll(profile, tonic), durations)[0, 1]
        for mode, profile in _PROFILES.items()
        for tonic in range(12)
    }
    return max(fits, key=fits.__getitem__)


def _spelled(pitch_class: int, mode: str) -> Key:
    """The key on a pitch class that has the fewest sharps or flats; of six of either, sharps."""
    sharps = (pitch_class * 7 + MODES[mode]) % 12
    return Key((sharps if sharps <= 6 else sharps - 12) - MODES[mode], mode)
