"""A tune in ABC as a score and as MIDI, by verovio (https://www.verovio.org)."""

from __future__ import annotations

import base64
import importlib.util
import itertools
import json
import re
import subprocess
import sys
from dataclasses import dataclass

from seqgen.core.errors import MissingDependencyError
from seqgen_music.errors import MusicError

_LONGEST = 100_000  # characters of a tune; a page of notes has about a thousand
_SECONDS = 60
_FIELD = re.compile(r"[A-Za-z]:(?!\|)|%")
_REPEAT = re.compile(r'"[^"\n]*"|:\|(?!:)|\|:|::|:\|:')  # or a text, in which such a sign means nothing
_SERIF = "DejaVu Serif"  # where there is no Times, as on most Linux machines


@dataclass(frozen=True)
class Engraved:
    """A tune, engraved and played.

    Attributes:
        svg: the score.
        midi: a MIDI file.
    """

    svg: str
    midi: bytes

    @property
    def png(self) -> bytes:
        """The score as an image on white.

        Raises:
            MissingDependencyError: resvg_py is not installed.
        """
        _need("resvg_py", "a score as PNG")
        import resvg_py

        return bytes(resvg_py.svg_to_bytes(svg_string=self.svg, background="white", serif_family=_SERIF))


def engrave(tune: str, where: str) -> Engraved:
    """A tune in ABC, engraved in a process of its own.

    Args:
        tune: one tune.
        where: how it is called in messages.

    Raises:
        MissingDependencyError: verovio is not installed.
        MusicError: verovio makes nothing of it, or takes too long.
    """
    _need("verovio", "a score")
    if len(tune) > _LONGEST:
        raise MusicError(
            f"{where} has {len(tune):,} characters, more than the {_LONGEST:,} of a tune that is engraved."
        )
    # -P: what is imported is not looked for where the person is, among files that may be anybody's.
    command = [sys.executable, "-P", "-m", "seqgen_music.render.engraver"]
    try:
        ran = subprocess.run(  # noqa: S603  our own module
            command, input=begun(tune), capture_output=True, encoding="utf-8", timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise MusicError(f"{where} took verovio longer than {_SECONDS} seconds; given up.") from error
    done = json.loads(ran.stdout) if ran.returncode == 0 and ran.stdout else {}
    if not done:
        raise MusicError(
            f"{where} is no tune in ABC that verovio can engrave.  seqgen music info says what is wrong with it"
        )
    return Engraved(done["svg"], base64.b64decode(done["midi"]))


def begun(tune: str) -> str:
    """The tune with a sign where each repeat begins that follows another: verovio 6.4 crashes without, and of ``::`` loses it.

    ``|: A :| B :: C :|`` becomes ``|: A :| |: B :| |: C :|``, which means the same.
    """
    lines = tune.split("\n")
    signs = [
        (number, match)
        for number, line in enumerate(lines)
        if not _FIELD.match(line)
        for match in _REPEAT.finditer(line)
        if not match[0].startswith('"')
    ]
    for (number, match), (_, following) in reversed(list(itertools.pairwise(signs))):
        if match[0].startswith(":") and (match[0] != ":|" or following[0] != "|:"):
            lines[number] = lines[number][: match.start()] + ":| |:" + lines[number][match.end() :]
    return "\n".join(lines)


def _need(package: str, what: str) -> None:
    if importlib.util.find_spec(package) is None:
        raise MissingDependencyError(f"For {what}, {package} is needed.  pip install 'seqgen-music[score]'")
