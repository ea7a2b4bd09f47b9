"""What is in a tune in ABC, by its notation alone: nothing is played for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from seqgen_music.abc.lexemes import lex
from seqgen_music.abc.tune import tune_of
from seqgen_music.pitches import CLASSES, name


def about(lines: Iterable[str]) -> dict[str, Any]:
    """Title, key, metre, bars, range, how often each pitch class occurs, and what is wrong with it; JSON-able.

    Bars and notes are those that are written, repeats counted once.

    Args:
        lines: of the tune, as :func:`seqgen_music.abc.book.tunes_of` gives them.
    """
    tune = tune_of(map(lex, lines))
    pitches = [note.midi for note in tune.notes if note.midi is not None]
    classes = Counter(CLASSES[pitch % 12] for pitch in pitches)
    faults = [f"line {line}: {fault}" for line, fault in tune.faults]
    return {
        "title": tune.fields.get("T", "").partition("\n")[0],
        "key": tune.fields.get("K", ""),
        "metre": tune.fields.get("M", "none"),
        "bars": len(tune.bars),
        "wrong_bars": len(tune.wrong_bars),
        "notes": len(pitches),
        "lowest": name(min(pitches)) if pitches else None,
        "highest": name(max(pitches)) if pitches else None,
        "pitch_classes": {each: classes[each] for each in CLASSES if classes[each]},
        **({"faults": faults} if faults else {}),
    }
