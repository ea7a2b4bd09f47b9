"""Music reduced to what tokens can hold, so that what is written is read back as the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from symusic.core import ScoreTick, TrackTick

DRUMS = -1
"""The program that stands for drums, as in MidiTok."""

_MOST_CHANGES = 4096
"""Of tempo and metre that are kept; MidiTok needs time that grows with their square."""

Columns = dict[str, npt.NDArray[np.int64]]


def reduced(score: ScoreTick, *, programs: bool, metres: frozenset[tuple[int, int]], tempos: bool) -> ScoreTick:
    """The score with one track for each instrument, in their order, and notes that do not overlap at one pitch.

    Args:
        score: is left as it is.
        programs: keep instruments apart; else all but drums becomes one piano.
        metres: (numerator, denominator) of the time signatures that are kept.
        tempos: keep tempo changes.
    """
    from symusic import core

    made = core.ScoreTick(score.ticks_per_quarter)
    for program, notes in sorted(_by_program(score, programs=programs).items()):
        made.tracks.append(_track(program, _apart(notes)))
    last = max((int(track.notes[-1].time) for track in made.tracks), default=0)
    kept = [each for each in score.time_signatures if (each.numerator, each.denominator) in metres]
    made.time_signatures.extend(core.TimeSignatureTickList(_changes(kept, last)))
    if tempos:
        made.tempos.extend(core.TempoTickList(_changes(list(score.tempos), last)))
    return made


def _by_program(score: ScoreTick, *, programs: bool) -> dict[int, Columns]:
    parts: dict[int, list[Columns]] = {}
    for track in score.tracks:
        if len(track.notes) and (programs or not track.is_drum):
            program = DRUMS if track.is_drum else int(track.program) if programs else 0
            columns = {name: np.asarray(column, np.int64) for name, column in track.notes.numpy().items()}
            parts.setdefault(program, []).append(columns)
    return {
        program: {name: np.concatenate([each[name] for each in columns]) for name in columns[0]}
        for program, columns in parts.items()
    }


def _apart(notes: Columns) -> Columns:
    """The notes sorted by time and pitch; of two at once the longer stays, and one ends where the next of its pitch begins."""
    order = np.lexsort((-notes["velocity"], -notes["duration"], notes["time"], notes["pitch"]))
    pitch, time = notes["pitch"][order], notes["time"][order]
    first = np.append(True, (pitch[1:] != pitch[:-1]) | (time[1:] != time[:-1]))  # of its pitch at its time
    order = order[first]
    pitch, time = notes["pitch"][order], notes["time"][order]
    until = np.where(np.append(pitch[1:] == pitch[:-1], False), np.append(time[1:], 0), np.iinfo(np.int64).max)
    kept = {name: column[order] for name, column in notes.items()}
    kept["duration"] = np.clip(kept["duration"], 1, until - time)
    by_time = np.lexsort((kept["pitch"], kept["time"]))
    return {name: column[by_time] for name, column in kept.items()}


def _track(program: int, notes: Columns) -> TrackTick:
    from symusic import Note, core

    track = core.TrackTick("", max(program, 0), program == DRUMS)
    types = {"time": np.int32, "duration": np.int32, "pitch": np.int8, "velocity": np.int8}
    columns: Any = {name: notes[name].astype(dtype) for name, dtype in types.items()}
    made: Any = Note.from_numpy(**columns)
    track.notes = made
    return track


def _changes(events: list[Any], last: int) -> list[Any]:
    """The changes up to a time, the last of those at one time, and not more than can be dealt with."""
    at = {int(event.time): event for event in events if 0 <= event.time <= last}
    return [at[time] for time in sorted(at)[:_MOST_CHANGES]]
