"""The lines of a song as people write them down, arranged: headings of one form, and what is to be repeated, repeated."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator

_NAMES = "verse|strophe|chorus|refrain|hook|bridge|pre-?chorus|post-?chorus|intro|outro|interlude|solo|instrumental|coda|break"
_BRACKETED = re.compile(
    r"\s*[\[{(]\s*([A-Za-z][A-Za-z0-9 _/'-]{0,40})(?::[^\]})]{0,80})?\s*[\]})]\s*(?:\(?[x×]\s*(\d{1,2})\)?)?\s*:?\s*"
)
_BARE = re.compile(
    rf"\s*({_NAMES})(?:\s+(?:\d{{1,2}}|[IVX]{{1,4}}))?\s*(?:\(?[x×]\s*(\d{{1,2}})\)?)?\s*:\s*", re.IGNORECASE
)
_KNOWN = re.compile(rf"({_NAMES})\b", re.IGNORECASE)
_TIMES = re.compile(
    r"\s*[\[(]\s*(?:[x×]\s*(\d{1,2})|(\d{1,2})\s*[x×]|repeat(?:\s*[x×]?\s*(\d{1,2}))?)\s*[\])]\s*$", re.IGNORECASE
)
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
        self._sections: dict[str, list[str]] = {}  # the first of each name
        self._heading, self._times = "", 1
        self._stanza: list[str] = []

    def push(self, line: str) -> list[list[str]]:
        """Read a line; gives the stanzas that are whole with it."""
        line = " ".join(line.split())  # a pattern would try all the ways to share a run of blanks among its parts
        name, repeats = _heading(line)
        if not name and not any(character.isalnum() for character in line):
            return self.end() if self._stanza else []  # a blank line after a heading is none
        self.begun = True
        if name:
            whole = self.end()
            self._heading, self._times = name, repeats
            return whole
        words, count = _repeated(line)
        if words:
            self._stanza += [words] * count
        elif self._stanza:  # "(x2)" alone: the whole stanza
            self._times = count
        return self.end() if len(self._stanza) >= _MOST else []

    def end(self) -> list[list[str]]:
        """The stanza, as often as it comes; where a heading has no lines, those of the section of that name."""
        body = self._stanza or self._sections.get(self._heading, [])
        if self._heading and self._stanza:
            self._sections.setdefault(self._heading, self._stanza)
        whole = ([f"[{self._heading}]"] if self._heading else []) + body
        times, self._heading, self._times, self._stanza = self._times, "", 1, []
        return [whole] * times if body else []


def _heading(line: str) -> tuple[str, int]:
    """The name of the section that a line begins, and how often it comes; no name where the line is none."""
    found = _BARE.fullmatch(line)
    if found is None:
        found = _BRACKETED.fullmatch(line)
        if found is not None and line.strip()[0] != "[" and not _KNOWN.match(found[1]):
            return "", 1  # "(oh yes)" is sung
    if found is None:
        return "", 1
    name = found[1].strip()
    known = _KNOWN.match(name)
    inner = re.search(r"[x×]\s*(\d{1,2})\s*$", name)
    if known is None and (inner is not None or _TIMES.fullmatch(line)):
        return "", 1  # "[x2]"
    name = known[1].lower().replace("-", "") if known else re.sub(r"[^a-z0-9]+", "", name.lower())[:20]
    times = found[2] or (inner[1] if inner else None)
    return name.capitalize(), _times(times)


def _repeated(line: str) -> tuple[str, int]:
    """The words of a line, and how often they come."""
    found = _TIMES.search(line)
    if found is None:
        return line, 1
    return line[: found.start()], _times(found[1] or found[2] or found[3] or "2")


def _times(text: str | None) -> int:
    return min(max(int(text), 1), _REPEATS) if text else 1
