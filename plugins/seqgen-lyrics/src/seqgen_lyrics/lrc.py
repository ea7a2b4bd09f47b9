"""LRC, the format of lyrics with times: ``[00:12.00][01:10.50]And so we sailed``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from seqgen_lyrics.sections import NAMES

_TIME = re.compile(r"\[(\d{1,3}):(\d{1,2}(?:[.:]\d{1,3})?)\]")
_WORD_TIME = re.compile(r"<\d{1,3}:\d{1,2}(?:[.:]\d{1,3})?>")
_TAG = re.compile(rf"\[(?!(?:{NAMES}):)([a-z#]{{1,10}}):(.*)\]", re.IGNORECASE)  # and not [Chorus: All]
_ABOUT = {"ti": "title", "ar": "artist"}


def without_times(lines: Iterable[str]) -> Iterator[str]:
    """The lines in the order of their times, one that has several times at each; title and artist before them.

    What has no time stays behind what it follows; tags other than title and artist are left out.
    """
    about: list[str] = []
    timed: list[tuple[float, int, str]] = []
    last = 0.0
    for number, line in enumerate(lines):
        tag = _TAG.fullmatch(line.strip())
        if tag is not None:
            name, text = tag[1].lower(), tag[2].strip()
            if name in _ABOUT and text:
                about.append(f"{_ABOUT[name]}: {text}")
            continue
        times: list[float] = []
        rest = line.strip()
        while (time := _TIME.match(rest)) is not None:
            times.append(60 * int(time[1]) + float(time[2].replace(":", ".")))
            rest = rest[time.end() :].lstrip()
        timed += [(each, number, _WORD_TIME.sub("", rest).strip()) for each in times or [last]]
        last = times[-1] if times else last
    yield from about
    if about:
        yield ""
    yield from (text for _, _, text in sorted(timed))
