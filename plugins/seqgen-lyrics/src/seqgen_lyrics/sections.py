"""The lines of a song as people write them down, arranged: headings of one form, and what is to be repeated, repeated."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterable, Iterator

from seqgen_lyrics.structure import of_a_name

NAMES = "verse|strophe|chorus|refrain|hook|bridge|pre-?chorus|post-?chorus|intro|outro|interlude|solo|instrumental|coda|break"
"""Of sections, as a pattern."""

_NUMBER = r"\d{1,2}|[IVX]{1,4}"
_COUNT = r"[x×] ?\d{1,2}|\d{1,2}[x×]"
_TIMES = re.compile(rf" ?[\[(] ?({_COUNT}|\d{{1,2}} [x×]|repeat(?: ?(?:{_COUNT}|\d{{1,2}}))?) ?[\])]$", re.IGNORECASE)
_TIMES_OF_HEADING = re.compile(rf"{_TIMES.pattern}|(?: |(?<=[\])}}]))({_COUNT})$", re.IGNORECASE)
_BRACKETED = re.compile(r"[\[{(] ?([^\[\]{}]{1,122}?) ?[\])}]")
_WITHIN_NAME = re.compile(r"[ _/'–—-]+")  # besides letters and digits, which are all that is kept
_LONGEST_NAME = 41
_BARE = re.compile(rf"(?:{NAMES})(?: (?:{_NUMBER}))?", re.IGNORECASE)
_KNOWN = re.compile(rf"({NAMES})\b(?:\W{{0,3}}({_NUMBER})\b)?", re.IGNORECASE)
_ALONE = re.compile(rf"{_KNOWN.pattern}(?: +[-–—] .*| (?:{NAMES}))?", re.IGNORECASE)
_ABOUT = re.compile(r"\s*(?:title|artist)\s*:", re.IGNORECASE)
_MOST = 400  # lines of a stanza that are held, to be repeated
_REPEATS = 16


def arranged(lines: Iterable[str], *, titles: bool = False) -> Iterator[str]:
    """The stanzas of a song, each a text that ends with a line end, from the second on with a blank line before it.

    Args:
        lines: of the song, without line ends.
        titles: give title and artist, where there are lines such as ``Title: ...``, as the first stanza.
    """
    song = _Song()
    about: list[str] = []
    pieces: list[list[str]] = []
    first = True
    for line in itertools.chain(lines, [""]):
        if not song.begun and (found := _ABOUT.match(line)) is not None:
            about += filter(None, [line[found.end() :].strip()])
            continue
        before = song.begun
        pieces += song.push(line)
        if titles and about and song.begun and not before:
            pieces.insert(0, about)
        for stanza in pieces:
            yield ("" if first else "\n") + "".join(f"{each}\n" for each in stanza)
            first = False
        pieces = []
    for stanza in song.end():
        yield ("" if first else "\n") + "".join(f"{each}\n" for each in stanza)


class _Song:
    """The stanza that is being read, and those that may come back.

    Attributes:
        begun: whether a line of the song has come.
    """

    def __init__(self) -> None:
        self.begun = False
        self._sections: dict[tuple[str, str], list[str]] = {}  # the first of each name and number, and of each name
        self._heading, self._number, self._times = "", "", 1
        self._stanza: list[str] = []

    def push(self, line: str) -> list[list[str]]:
        """Read a line; gives the stanzas that are whole with it."""
        line = " ".join(line.split())  # a pattern would try all the ways to share a run of blanks among its parts
        name, number, times = _heading(line)
        if not name and not any(character.isalnum() for character in line):
            return self.end() if self._stanza else []  # a blank line after a heading is none
        self.begun = True
        if name:
            whole = self.end()
            self._heading, self._number, self._times = name, number, times
            return whole
        words, count = _without_times(line, _TIMES, again=2)
        if words:
            self._stanza += [words] * (count or 1)
        elif self._stanza and count:  # "(x2)" alone: the whole stanza
            self._times = count
        return self.end() if len(self._stanza) >= _MOST else []

    def end(self) -> list[list[str]]:
        """The stanza, as often as it comes; where a heading has no lines, those of the section of that name and number."""
        of_name = self._heading, ""
        numbered = self._heading, self._number
        body = self._stanza or self._sections.get(numbered) or self._sections.get(of_name, [])
        if self._heading and self._stanza:
            self._sections.setdefault(numbered, self._stanza)
            self._sections.setdefault(of_name, self._stanza)
        whole = ([f"[{self._heading}]"] if self._heading else []) + body
        times, self._heading, self._number, self._times, self._stanza = self._times, "", "", 1, []
        return [whole] * times if body else []


def _heading(line: str) -> tuple[str, str, int]:
    """The name of the section that a line begins, its number, and how often it comes; no name where the line is no heading."""
    nothing = "", "", 1
    if _TIMES.fullmatch(line):
        return nothing  # "[x2]"
    rest, times = _without_times(line.rstrip(" :"), _TIMES_OF_HEADING)
    rest = rest.rstrip(" :")
    name, known = rest, _KNOWN.match(rest)
    if _BARE.fullmatch(rest):
        if not times and ":" not in line:
            return nothing  # "Solo" may be sung
    else:
        found = _BRACKETED.fullmatch(rest)
        if found is None:
            return nothing
        before, _, about = found[1].partition(":")
        name, inside = _without_times(before.rstrip(), _TIMES_OF_HEADING)
        # In other brackets there are lines that are sung: "(oh yes)", "(Break my heart again)"; and "(Chorus - softly)", which is not.
        known = _KNOWN.match(name) if line[0] == "[" else _ALONE.fullmatch(name)
        is_name = name[:1].isalpha() and len(name) <= _LONGEST_NAME and of_a_name(_WITHIN_NAME.sub("", name))
        if not is_name or (known is None and (inside or line[0] != "[")):
            return nothing
        times = times or inside or _without_times(about, _TIMES_OF_HEADING)[1]
    if known is None:
        letters = unicodedata.normalize("NFC", _WITHIN_NAME.sub("", name).lower())
        return letters[:20].capitalize(), "", times or 1
    return known[1].lower().replace("-", "").capitalize(), (known[2] or "").lower(), times or 1


def _without_times(text: str, pattern: re.Pattern[str], *, again: int = 1) -> tuple[str, int | None]:
    """A text without the words that tell how often it comes, and how often that is, ``again`` where they give no number."""
    found = pattern.search(text)
    if found is None:
        return text, None
    number = re.search(r"\d+", found[0])
    return text[: found.start()], min(max(int(number[0]), 1), _REPEATS) if number else again
