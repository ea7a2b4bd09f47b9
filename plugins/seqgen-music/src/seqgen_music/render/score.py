"""A tune in ABC as a score and as MIDI, by verovio (https://www.verovio.org)."""

from __future__ import annotations

import base64
import importlib.util
import json
import re
import subprocess
import sys
from dataclasses import dataclass

from seqgen.core.errors import MissingDependencyError
from seqgen_music.abc.lexemes import bar_lines
from seqgen_music.errors import MusicError

_LONGEST = 100_000  # characters of a tune; a page of notes has about a thousand
_SECONDS = 60
_ENDING = re.compile(r"\[[1-9][0-9,-]*(?=[^\s0-9,-])")  # [1"Am", [1d
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
    # At a text right behind an ending verovio 6.4 crashes, and a note is lost.
    readable = _ENDING.sub(r"\g<0> ", begun(tune))
    # -P: what is imported is not looked for where the person is, among files that may be anybody's.
    command = [sys.executable, "-P", "-m", "seqgen_music.render.engraver"]
    try:
        ran = subprocess.run(  # noqa: S603  our own module
            command, input=readable, capture_output=True, encoding="utf-8", timeout=_SECONDS, check=False
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
    """The tune with a sign where each repeat begins that has none and is not the first: verovio 6.4 crashes without, and of
    ``::`` loses it.

    It begins at the latest double bar, or else where the one before ends (ABC standard 2.1, 4.8): ``A :| B || C :|`` becomes
    ``A :| B || |: C :|``, and ``|: A :| B :: C :|`` becomes ``|: A :| |: B :| |: C :|``, which mean the same.
    """
    lines = tune.split("\n")
    edits: list[tuple[int, int, int, str]] = []  # the line, from where to where, and what stands there then
    begin: tuple[int, int, int, str] | None = None  # the sign for a repeat that has none
    opened = False
    for number, line in enumerate(lines):
        for first, last in bar_lines(line):
            sign = line[first:last]
            ends, opens = sign[0] == ":", sign[-1] == ":"
            if ends and begin and not opened:
                edits.append(begin)
            if ends and opens:
                edits.append((number, first, last, ":| |:"))
            if ends or (not opens and sign not in ("|", "[|]", ".|")):
                begin = (number, last, last, " |:")
            opened = opens or (opened and not ends)
    for number, first, last, text in sorted(edits, reverse=True):
        lines[number] = lines[number][:first] + text + lines[number][last:]
    return "\n".join(lines)


def _need(package: str, what: str) -> None:
    if importlib.util.find_spec(package) is None:
        raise MissingDependencyError(f'For {what}, {package} is needed.  pip install "seqgen-music[score]"')
