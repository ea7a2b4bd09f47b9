"""What of some texts stands, symbol by symbol, in others: exactly, with NumPy alone.

Windows of 1, 2, 4, 8 ... symbols are numbered so that equal windows have equal numbers, each length from pairs of the one
before: the doubling by which Karp, Miller and Rosenberg (1972) find repeated patterns.  A window of the sources gets a
number only where the texts have it too, so that nearly all drop out after a few lengths.  Then the longest that is left is
found by halving.  Nothing is hashed, so nothing has to be verified.

Sources may be far larger than texts.  They are gone through in pieces that overlap by the longest text, so that whatever is in
both is whole in one of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from seqgen.core.types import Content

SHINGLE = 20
"""Characters of a shingle: some four words, which in a text of one's own are rarely those of another by chance."""

AT_ONCE = 1 << 20
"""Symbols of the sources that are searched at a time, each of which takes about 60 bytes."""

_NONE = -1  # the number of a window that is not in both, or reaches across the end of a text
_END = np.array([_NONE], np.int64)  # what stands between texts, where their symbols stand in a row


@dataclass(frozen=True)
class Copied:
    """What of some texts is in others.

    Attributes:
        longest: the longest span of a text that is in a source; empty where they have no symbol in common.
        shingles: the share of the texts' shingles that are in a source; None where no text is as long as one.
    """

    longest: Content
    shingles: float | None


@dataclass
class Search:
    """Finds what of some texts is in sources that come piece by piece; no span reaches from one text, or source, into the next.

    Memory grows with the texts, and not with the sources.

    Attributes:
        texts: all str, or all bytes.
        shingle: how many symbols a shingle has, at least 1.
        at_once: how many symbols of the sources are searched at a time; what is found does not depend on it.
    """

    texts: Sequence[Content]
    shingle: int = SHINGLE
    at_once: int = AT_ONCE
    _symbols: npt.NDArray[np.int64] = field(init=False, repr=False)  # (N,) of the texts, as the other arrays
    _copied: npt.NDArray[np.bool_] = field(init=False, repr=False)  # (N,) where a shingle starts that is in a source
    _longest: tuple[int, int] = (
        0,
        0,
    )  # symbols of the longest span, and where it starts, below zero: of equals the first
    _overlap: int = field(init=False)
    _held: list[npt.NDArray[np.int64]] = field(default_factory=list, init=False, repr=False)  # of the sources
    _new: int = field(default=0, init=False)  # how many symbols of these have not been searched

    def __post_init__(self) -> None:
        self._symbols = np.concatenate([_END, *(each for text in self.texts for each in (_codes(text), _END))])
        self._copied = np.zeros(self._symbols.size, np.bool_)
        self._overlap = max(map(len, self.texts), default=0)
        self.at_once = max(self.at_once, self._overlap)  # or most of the time would go into what was searched before

    def read(self, piece: Content) -> None:
        """Search a source, or go on in one."""
        for first in range(0, len(piece), self.at_once):
            self._hold(_codes(piece[first : first + self.at_once]))

    def end(self) -> None:
        """A source ends here; what is read next is another."""
        self._hold(_END)

    def found(self) -> Copied:
        """What is in the sources that were read."""
        self._look()
        length, first = self._longest[0], -self._longest[1]
        span = self._symbols[first : first + length]
        total = sum(max(0, len(text) - self.shingle + 1) for text in self.texts)
        return Copied(
            longest=span.astype(np.uint8).tobytes()
            if self.texts and isinstance(self.texts[0], bytes)
            else span.astype("<u4").tobytes().decode("utf-32-le", "surrogatepass"),
            shingles=int(np.count_nonzero(self._copied)) / total if total else None,
        )

    def _hold(self, symbols: npt.NDArray[np.int64]) -> None:
        self._held.append(symbols)
        self._new += symbols.size
        if self._new >= self.at_once:
            self._look()

    def _look(self) -> None:
        """Search what is held, and hold the end of it, in which a span may begin."""
        if not self._new:
            return
        sources = np.concatenate(self._held)
        windows, width = _Windows.numbered(self._symbols, sources), 1
        wider = windows
        while wider.in_common:
            if width <= self.shingle < 2 * width:
                self._copied |= windows.of(self.shingle - width).texts != _NONE
            wider = windows.of(width)
            if wider.in_common:
                windows, width = wider, 2 * width
        # In common: some window of `width`, none of twice that.  Where a window is in common, so is all that is inside it.
        least, most = (width, 2 * width - 1) if windows.in_common else (0, 0)
        while least < most:
            middle = (least + most + 1) // 2
            if windows.of(middle - width).in_common:
                least = middle
            else:
                most = middle - 1
        if least:
            first = int(np.argmax(windows.of(least - width).texts != _NONE))
            self._longest = max(self._longest, (least, -first))
        self._held, self._new = [sources[max(0, sources.size - self._overlap) :].copy()], 0


@dataclass(frozen=True)
class _Windows:
    """The windows of one length, by where they start; equal windows have equal numbers.

    Attributes:
        texts: (N,) numbers from 0, or -1.
        sources: (M,) likewise.
        count: one more than the largest number.
    """

    texts: npt.NDArray[np.int64]
    sources: npt.NDArray[np.int64]
    count: int

    @classmethod
    def numbered(cls, texts: npt.NDArray[np.int64], sources: npt.NDArray[np.int64]) -> _Windows:
        """Windows numbered by their keys; a key of -1 is no window."""
        known = np.unique(texts[texts != _NONE])
        in_texts, in_sources = _places(known, texts), _places(known, sources)
        seen = np.zeros(known.size + 1, np.bool_)  # the last stands for -1
        seen[in_sources] = True
        seen[_NONE] = False
        in_texts[~seen[in_texts]] = _NONE
        return cls(in_texts, in_sources, known.size)

    @property
    def in_common(self) -> int:
        """How many windows of the texts are in the sources."""
        return int(np.count_nonzero(self.texts != _NONE))

    def of(self, offset: int) -> _Windows:
        """The windows that are longer by ``offset``, at most by their own length: each from two that overlap or touch."""
        if offset == 0:
            return self
        return _Windows.numbered(_pairs(self.texts, offset, self.count), _pairs(self.sources, offset, self.count))


def _places(known: npt.NDArray[np.int64], keys: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """(N,) where each key is among the known ones, which are sorted; -1 where it is not."""
    places = np.full(keys.size, _NONE, np.int64)
    asked = np.flatnonzero(keys != _NONE)
    if known.size and asked.size:
        found = np.minimum(np.searchsorted(known, keys[asked]), known.size - 1)
        places[asked] = np.where(known[found] == keys[asked], found, _NONE)
    return places


def _pairs(numbers: npt.NDArray[np.int64], offset: int, count: int) -> npt.NDArray[np.int64]:
    """(N,) a key of the windows at i and i + offset; -1 where one of them is none."""
    keys = np.full(numbers.size, _NONE, np.int64)
    first, second = numbers[: max(numbers.size - offset, 0)], numbers[offset:]
    both = np.flatnonzero((first != _NONE) & (second != _NONE))
    keys[both] = first[both] * count + second[both]
    return keys


def _codes(text: Content) -> npt.NDArray[np.int64]:
    """(N,) the code points of a text, or its bytes."""
    if isinstance(text, bytes):
        return np.frombuffer(text, np.uint8).astype(np.int64)
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4").astype(np.int64)
