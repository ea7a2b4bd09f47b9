"""A tune in ABC as a score, by verovio (https://www.verovio.org)."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from dataclasses import dataclass
from fractions import Fraction

from seqgen.core.errors import MissingDependencyError
from seqgen_music.abc.lexemes import bar_lines, is_field
from seqgen_music.abc.metre import multiple
from seqgen_music.errors import MusicError

_LONGEST = 100_000  # characters of a tune; a page of notes has about a thousand
_SECONDS = 60
_ENDING = re.compile(r"\[[1-9][0-9,-]*(?=[^\s0-9,-])")  # [1"Am", [1d
_LENGTH = r"([0-9]+(?:/[0-9]+|/*)|/[0-9]+|/+)"
_CHORD = re.compile(rf'"[^"]*"?|%.*|\[([^][|:"%]*)\]{_LENGTH}')  # or what may look like one
_IN_CHORD = re.compile(rf"![^!]*!|([_^=]*[A-Ga-gxz][,']*){_LENGTH}?")
_SERIF = "DejaVu Serif"  # where there is no Times, as on most Linux machines


@dataclass(frozen=True)
class Engraved:
    """A tune, engraved.

    Attributes:
        svg: the score.
    """

    svg: str

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
    readable = _ENDING.sub(r"\g<0> ", two_signs(within_chords(tune)))
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
    return Engraved(done["svg"])


def two_signs(tune: str) -> str:
    """The tune with two signs where one ends a repeat and begins the next, as ``::``, of which verovio 6.4 draws the end alone."""
    lines = []
    for line in tune.split("\n"):
        for first, last in reversed(bar_lines(line)):
            if line[first] == line[last - 1] == ":":
                line = f"{line[:first]}:| |:{line[last:]}"  # noqa: PLW2901  from behind, so that the places stay right
        lines.append(line)
    return "\n".join(lines)


def within_chords(tune: str) -> str:
    """The tune with the lengths that stand behind chords within them, where verovio 6.4 reads them: ``[G2B2]`` for ``[GB]2``."""

    def note(found: re.Match[str], factor: Fraction) -> str:
        if found[1] is None:  # a decoration
            return found[0]
        length = (multiple(found[2] or "") or 1) * factor
        return f"{found[1]}{length.numerator}" + (f"/{length.denominator}" if length.denominator > 1 else "")

    def chord(found: re.Match[str]) -> str:
        factor = multiple(found[2]) if found[2] else None
        return found[0] if factor is None else f"[{_IN_CHORD.sub(lambda each: note(each, factor), found[1])}]"

    return "\n".join(line if is_field(line) else _CHORD.sub(chord, line) for line in tune.split("\n"))


def _need(package: str, what: str) -> None:
    if importlib.util.find_spec(package) is None:
        raise MissingDependencyError(f'For {what}, {package} is needed.  pip install "seqgen-music[score]"')
