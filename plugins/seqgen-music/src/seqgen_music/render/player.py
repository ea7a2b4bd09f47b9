"""Playing sound, by whatever of the system plays it."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from seqgen_music.errors import MusicError

_PLAYERS = (  # of PipeWire, PulseAudio, ALSA, macOS, SoX, FFmpeg
    ("pw-play",),
    ("paplay",),
    ("aplay", "-q"),
    ("afplay",),
    ("play", "-q"),
    ("ffplay", "-nodisp", "-autoexit", "-loglevel", "error"),
)


def play(wav: bytes) -> None:
    """Play a WAV file to its end.

    Raises:
        MusicError: nothing here plays sound, or there is no device.
    """
    commands = [(found, *rest) for name, *rest in _PLAYERS if (found := shutil.which(name))]
    instead = "seqgen music render FILE --to wav writes it to a file"
    if not commands:
        names = ", ".join(name for name, *_ in _PLAYERS)
        raise MusicError(f"Nothing on this machine plays sound (looked for {names}).  {instead}")
    failed = []
    with tempfile.TemporaryDirectory() as folder:
        sound = Path(folder, "tune.wav")
        sound.write_bytes(wav)
        for command in commands:
            ran = subprocess.run([*command, str(sound)], capture_output=True, text=True, check=False)  # noqa: S603
            if ran.returncode == 0:
                return
            said = (ran.stderr.strip().splitlines() or ["nothing"])[-1]
            failed.append(f"{Path(command[0]).name} said {said[:120]}")
    raise MusicError(f"There is no sound device that can be used: {'; '.join(failed)}.  {instead}")
