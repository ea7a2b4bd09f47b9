"""What is in a MIDI file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, TypeVar

from seqgen_music.midi.files import read_score
from seqgen_music.pitches import CLASSES, name

_Change = TypeVar("_Change", bound=tuple[Any, ...])


def about(content: bytes) -> dict[str, Any]:
    """Seconds, tempo, metres, bars, range, instruments, and how often each pitch class occurs; JSON-able.

    Drums count as notes, but have no pitch.

    Raises:
        UnreadableMidiError: it cannot be read.
    """
    score = read_score(content)
    quarter = score.ticks_per_quarter
    pitched = [note.pitch for track in score.tracks if not track.is_drum for note in track.notes]
    metres = [(metre.time, metre.numerator, metre.denominator) for metre in score.time_signatures]
    changes = _from_the_start([metre for metre in metres if metre[1] and metre[2]], (0, 4, 4))
    ends = [start for start, _, _ in changes[1:]] + [score.end()]
    bars = sum(
        max(end - start, 0) * beat / (4 * quarter * count)
        for (start, count, beat), end in zip(changes, ends, strict=True)
    )
    classes = Counter(CLASSES[pitch % 12] for pitch in pitched)
    tempos = _from_the_start([(tempo.time, round(tempo.tempo, 2)) for tempo in score.tempos], (0, 120.0))
    seconds: Any = score.to("second")
    return {
        "seconds": round(float(seconds.end()), 2),
        "beats_per_minute": [tempo for _, tempo in tempos],
        "metres": [f"{count}/{beat}" for _, count, beat in changes],
        "bars": round(bars, 2),
        "notes": sum(len(track.notes) for track in score.tracks),
        "lowest": name(min(pitched)) if pitched else None,
        "highest": name(max(pitched)) if pitched else None,
        "instruments": ["drums" if track.is_drum else int(track.program) for track in score.tracks if len(track.notes)],
        "pitch_classes": {each: classes[each] for each in CLASSES if classes[each]},
    }


def _from_the_start(changes: Sequence[_Change], usual: _Change) -> list[_Change]:
    """The changes, each a time and what there is from then on, and before the first of them what is usual."""
    return [*changes] if changes and changes[0][0] <= 0 else [usual, *changes]
