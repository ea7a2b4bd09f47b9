"""The notes of a MIDI file in seconds, as they are drawn and played."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from seqgen_music.midi.files import read_score


@dataclass(frozen=True)
class Notes:
    """N notes, in the order of their beginning.

    Attributes:
        starts, durations: (N,) seconds.
        pitches, velocities: (N,) from 0 to 127.
        instruments: (N,) a number for each track, from 0.
        drums: (N,) whether a pitch is a drum.
    """

    starts: npt.NDArray[np.float64]
    durations: npt.NDArray[np.float64]
    pitches: npt.NDArray[np.int64]
    velocities: npt.NDArray[np.int64]
    instruments: npt.NDArray[np.int64]
    drums: npt.NDArray[np.bool_]

    @property
    def seconds(self) -> float:
        """When the last note ends."""
        return float((self.starts + self.durations).max())


def notes_of(content: bytes) -> Notes:
    """The notes of a MIDI file.

    Raises:
        UnreadableMidiError: it cannot be read.
    """
    score: Any = read_score(content).to("second")
    parts: dict[str, list[Any]] = {name: [] for name in ("time", "duration", "pitch", "velocity", "track", "drum")}
    for number, track in enumerate(track for track in score.tracks if len(track.notes)):
        columns = track.notes.numpy()
        for name in ("time", "duration", "pitch", "velocity"):
            parts[name].append(np.asarray(columns[name], np.float64))
        parts["track"].append(np.full(len(track.notes), number))
        parts["drum"].append(np.full(len(track.notes), track.is_drum))
    joined = {name: np.concatenate(arrays) for name, arrays in parts.items()}
    order = np.argsort(joined["time"], kind="stable")
    return Notes(
        starts=joined["time"][order],
        durations=joined["duration"][order],
        pitches=joined["pitch"][order].astype(np.int64),
        velocities=joined["velocity"][order].astype(np.int64),
        instruments=joined["track"][order].astype(np.int64),
        drums=joined["drum"][order].astype(bool),
    )
