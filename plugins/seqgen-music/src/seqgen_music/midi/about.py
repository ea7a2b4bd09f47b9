"""What is in a MIDI file."""

from __future__ import annotations

from collections import Counter
from typing import Any

from seqgen_music.midi.files import read_score
from seqgen_music.midi.keys import likeliest_key, named_keys
from seqgen_music.midi.metres import count_bars, metres_of
from seqgen_music.pitches import CLASSES, name


def about(content: bytes) -> dict[str, Any]:
    """Seconds, tempo, metres, keys, bars, range, instruments, and how often each pitch class occurs; JSON-able.

    Drums count as notes, but have no pitch.  ``keys`` are those that the file names, as ABC spells them; where it names none,
    there is ``likeliest_key``.

    Raises:
        UnreadableMidiError: it cannot be read.
    """
    score = read_score(content)
    pitched = [note.pitch for track in score.tracks if not track.is_drum for note in track.notes]
    classes = Counter(CLASSES[pitch % 12] for pitch in pitched)
    tempos = [round(tempo.tempo, 2) for tempo in score.tempos]
    if not tempos or score.tempos[0].time > 0:
        tempos.insert(0, 120.0)  # as before the first that is named
    likeliest = likeliest_key(score)
    keys = [str(key) for key in named_keys(score)]
    seconds: Any = score.to("second")
    return {
        "seconds": round(float(seconds.end()), 2),
        "beats_per_minute": tempos,
        "metres": [f"{metre.beats}/{metre.unit}" for metre in metres_of(score)],
        **({"keys": keys} if keys else {"likeliest_key": str(likeliest) if likeliest else None}),
        "bars": round(count_bars(score), 2),
        "notes": sum(len(track.notes) for track in score.tracks),
        "lowest": name(min(pitched)) if pitched else None,
        "highest": name(max(pitched)) if pitched else None,
        "instruments": ["drums" if track.is_drum else int(track.program) for track in score.tracks if len(track.notes)],
        "pitch_classes": {each: classes[each] for each in CLASSES if classes[each]},
    }
