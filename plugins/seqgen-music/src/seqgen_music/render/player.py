"""Playing sound, by whatever of the system plays it."""

from __future__ import annotations

import shutil
import subprocess
import sys
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
_INSTEAD = "seqgen music render FILE --to wav writes it to a file"


def play(wav: bytes) -> None:
    """Play a WAV file to its end.

    Raises:
        MusicError: nothing here plays sound, or there is no device.
    """
    if sys.platform == "win32":
        _play_on_windows(wav)
        return
    commands = [(found, *rest) for name, *rest in _PLAYERS if (found := shutil.which(name))]
    if not commands:
        names = ", ".join(name for name, *_ in _PLAYERS)
        raise MusicError(f"Nothing on this machine plays sound (looked for {names}).  {_INSTEAD}")
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
    raise MusicError(f"There is no sound device that can be used: {'; '.join(failed)}.  {_INSTEAD}")


def _play_on_windows(wav: bytes) -> None:
    if sys.platform == "win32":  # for mypy, which elsewhere knows nothing of the module
        import winsound

        try:
            winsound.PlaySound(wav, winsound.SND_MEMORY | winsound.SND_NODEFAULT)
        except RuntimeError as error:
            raise MusicError(f"There is no sound device that can be used.  {_INSTEAD}") from error
