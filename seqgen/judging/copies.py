"""What of some texts stands, symbol by symbol, in others: exactly, with NumPy alone.

Windows of 1, 2, 4, 8 ... symbols are numbered so that equal windows have equal numbers, each length from pairs of the one
before: the doubling by which Karp, Miller and Rosenberg (1972) find repeated patterns.  A window of the sources gets a
number only where the texts have it too, so that nearly all drop out after a few lengths.  Then the longest that is left is
found by halving.  Nothing is hashed, so nothing has to be verified.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seqgen.core.types import Content

SHINGLE = 20
"""Characters of a shingle: some four words, which in a text of one's own are rarely those of another by chance."""

_NONE = -1  # the number of a window that is not in both, or reaches across the end of a text


@dataclass(frozen=True)
class Copied:
    """What of some texts is in others.

    Attributes:
        longest: the longest span of a text that is in a source; empty where they have no symbol in common.
        shingles: the share of the texts' shingles that are in a source; None where no text is as long as one.
    """

    longest: Content
    shingles: float | None


def copied(texts: Sequence[Content], sources: Sequence[Content], *, shingle: int = SHINGLE) -> Copied:
    """What of the texts is in the sources; no span reaches from one text, or source, into the next.

    Time and memory grow with the sources: about 60 bytes for each symbol.

    Args:
        texts: all str, or all bytes.
        sources: of the same type.
        shingle: how many symbols a shingle has, at least 1.
    """
    symbols = _symbols(texts)
    windows, width = _Windows.numbered(symbols, _symbols(sources)), 1
    copied_shingles = 0
    wider = windows
    while wider.in_common:
        if width <= shingle < 2 * width:
            copied_shingles = windows.of(shingle - width).in_common
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
    total = sum(max(0, len(text) - shingle + 1) for text in texts)
    first = int(np.argmax(windows.of(least - width).texts != _NONE)) if least else 0
    span = symbols[first : first + least]
    return Copied(
        longest=span.astype(np.uint8).tobytes()
        if texts and isinstance(texts[0], bytes)
        else span.astype("<u4").tobytes().decode("utf-32-le", "surrogatepass"),
        shingles=copied_shingles / total if total else None,
    )


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


def _symbols(texts: Sequence[Content]) -> npt.NDArray[np.int64]:
    """The code points (bytes) of all texts, -1 after each."""
    end = np.array([_NONE], np.int64)
    pieces = [end]
    for text in texts:
        if isinstance(text, bytes):
            pieces.append(np.frombuffer(text, np.uint8).astype(np.int64))
        else:
            pieces.append(np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4").astype(np.int64))
        pieces.append(end)
    return np.concatenate(pieces)
