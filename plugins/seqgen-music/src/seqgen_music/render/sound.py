"""MIDI as sound: by FluidSynth where it and a soundfont are installed, else by a synthesiser of a few lines."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tempfile
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from seqgen_music.errors import MusicError
from seqgen_music.render.notes import Notes, notes_of

RATE = 22_050
"""Samples a second of our own synthesiser: up to 11 kHz, above which its tones have nothing."""

MAX_SECONDS = 30 * 60
"""Of sound; what is longer would take gigabytes."""

_FONTS = ("/usr/share/sounds/sf2", "/usr/share/sounds/sf3", "/usr/share/soundfonts", "/usr/local/share/soundfonts")
_HARMONICS = (1.0, 0.45, 0.22, 0.12, 0.06)  # of a plucked string, about
_ATTACK, _RELEASE = 0.006, 0.06  # seconds
_RING = 4.0  # seconds after which a plucked tone is not heard any more

Samples = npt.NDArray[np.float32]


def synthesise(content: bytes) -> bytes:
    """A MIDI file as a WAV file.

    Raises:
        UnreadableMidiError: it cannot be read.
        MusicError: it is too long, the soundfont that is named is none, or FluidSynth fails.
    """
    notes = notes_of(content)
    if notes.seconds > MAX_SECONDS:
        raise MusicError(
            f"The music lasts {notes.seconds:,.0f} seconds, more than the {MAX_SECONDS:,} that are made sound."
        )
    program, font = shutil.which("fluidsynth"), soundfont()
    return _fluidsynth(program, font, content) if program and font else _wav(pluck(notes))


def soundfont() -> Path | None:
    """The soundfont that ``SEQGEN_SOUNDFONT`` names, or the first of those that Linux distributions install.

    Raises:
        MusicError: what is named is no soundfont.
    """
    if named := os.environ.get("SEQGEN_SOUNDFONT"):
        return _checked(Path(named))
    found = (path for folder in map(Path, _FONTS) if folder.is_dir() for path in sorted(folder.glob("*.sf[23]")))
    return next(found, None)


def _checked(font: Path) -> Path:
    """The soundfont, which FluidSynth would do without: it ends well, and has written silence."""
    instead = "Name a soundfont (.sf2 or .sf3), or unset SEQGEN_SOUNDFONT"
    if not font.is_file():
        raise MusicError(f"SEQGEN_SOUNDFONT is {font}, where there is no file.  {instead}")
    try:
        with font.open("rb") as file:
            begin = file.read(12)
    except OSError as error:
        raise MusicError(f"SEQGEN_SOUNDFONT is {font}, which cannot be read: {error.strerror}.  {instead}") from error
    if (begin[:4], begin[8:]) != (b"RIFF", b"sfbk"):
        raise MusicError(
            f"SEQGEN_SOUNDFONT is {font}, which is no soundfont: it does not begin with RIFF and sfbk.  {instead}"
        )
    return font


def pluck(notes: Notes) -> Samples:
    """The notes (N) as samples (T,) from -1 to 1, each a plucked string, drums as noise."""
    mixed = np.zeros(int((notes.seconds + _RELEASE) * RATE) + 1, np.float32)
    for start, sound in _sounds(notes):
        part = mixed[start : start + len(sound)]
        part += sound[: len(part)]
    peak = float(np.abs(mixed).max())
    if peak:
        mixed *= np.float32(0.9 / peak)
    return mixed


def _sounds(notes: Notes) -> Iterator[tuple[int, Samples]]:
    """The first sample and the samples of each note."""
    noise = np.random.Generator(np.random.Philox(0)).uniform(-1, 1, RATE).astype(np.float32)
    columns = (notes.starts, notes.durations, notes.pitches, notes.velocities, notes.drums)
    for start, duration, pitch, velocity, drum in zip(*(column.tolist() for column in columns), strict=True):
        loudness = (velocity / 127) ** 1.5
        yield int(start * RATE), np.float32(loudness) * (_drum(pitch, noise) if drum else _string(pitch, duration))


def _string(pitch: int, duration: float) -> Samples:
    seconds = min(duration, _RING) + _RELEASE
    time = np.arange(int(seconds * RATE), dtype=np.float32) / np.float32(RATE)
    frequency = 440.0 * 2 ** ((pitch - 69) / 12)
    envelope = (
        np.minimum(time / _ATTACK, 1) * np.minimum((seconds - time) / _RELEASE, 1) * np.exp(-time * (0.8 + pitch / 60))
    )
    phase = np.float32(2 * np.pi * frequency) * time
    audible = [(n, share) for n, share in enumerate(_HARMONICS, 1) if n * frequency < RATE / 2]
    # The higher a harmonic, the sooner it fades.
    tone = sum((share * np.sin(n * phase) * np.exp(-time * (n - 1)) for n, share in audible), np.zeros_like(time))
    sound: Samples = (tone * envelope).astype(np.float32)
    return sound


def _drum(pitch: int, noise: Samples) -> Samples:
    length = 0.25 if pitch < 42 else 0.12  # drums below, cymbals above, in General MIDI
    time = np.arange(int(length * RATE), dtype=np.float32) / np.float32(RATE)
    body = np.sin(2 * np.pi * 60 * time * np.exp(-6 * time)) if pitch < 38 else noise[: len(time)] * np.float32(0.5)
    return (body * np.exp(-time * 12 / length / 3)).astype(np.float32)


def _wav(samples: Samples) -> bytes:
    """Samples (T,) from -1 to 1 as a WAV file, 16 bits."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(RATE)
        writer.writeframes((samples * 32767).astype("<i2").tobytes())
    return file.getvalue()


def _fluidsynth(program: str, font: Path, content: bytes) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        tune, sound = Path(folder, "tune.mid"), Path(folder, "tune.wav")
        tune.write_bytes(content)
        command = [program, "-n", "-i", "-q", "-g", "0.6", "-F", str(sound), str(font), str(tune)]
        try:
            ran = subprocess.run(command, capture_output=True, text=True, timeout=MAX_SECONDS, check=False)  # noqa: S603
        except subprocess.TimeoutExpired as error:
            raise MusicError("FluidSynth took too long; given up.") from error
        if ran.returncode or not sound.is_file():
            said = (ran.stderr.strip().splitlines() or ["nothing"])[-1]
            raise MusicError(f"FluidSynth failed with the soundfont {font}: it said {said[:200]}.")
        return sound.read_bytes()
