"""What pitches are called."""

from __future__ import annotations

CLASSES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
"""The pitch classes from C up, each by its commonest name."""


def name(pitch: int) -> str:
    """A MIDI number as it is called in scientific notation: 60 is C4."""
    return f"{CLASSES[pitch % 12]}{pitch // 12 - 1}"
