"""DRY, "don't repeat yourself" (Weidmann 2024, https://github.com/oobabooga/text-generation-webui/pull/5677)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, ClassVar

import numpy as np
import numpy.typing as npt
from annotated_doc import Doc
from annotated_types import Ge, Le

from seqgen.core.sampler import Sampler, Stage
from seqgen.core.tokenizer import Tokenizer
from seqgen.core.types import Array, Ids
from seqgen.samplers.arrays import LOWEST, namespace, number

_STEEPEST = 1e30
"""No penalty is larger, so that float32 can hold each."""

_MOST = 2**20
"""Tokens of a window: 12 bytes each and row, all of which are looked at for each token that is drawn."""

_FIRST = 64
"""Tokens that there is room for at first."""


@dataclass(kw_only=True)
class Dry(Sampler):
    """Make a token less likely the longer the run that it would repeat, in the prompt or since.

    Where the last n tokens occurred before, and n is at least ``allowed_length``, the token that followed them loses
    ``multiplier * base ** (n - allowed_length)`` of its logit; the longest such run counts.  Where tokens are words or
    pieces of them, an ``allowed_length`` of 2 is usual; where they are characters, it must be longer than common words.
    """

    stage: ClassVar[Stage] = Stage.PENALTY

    multiplier: Annotated[float, Ge(0), Doc("what the shortest penalised run costs, in nats; 0 changes nothing")] = 0.8
    base: Annotated[float, Ge(1), Doc("by what the cost grows for each further token of the run")] = 1.75
    allowed_length: Annotated[int, Ge(1), Doc("longest run of tokens that may come again at no cost")] = 12
    window: Annotated[int, Ge(1), Le(_MOST), Doc("how many of the last tokens count")] = 1024

    _count: int = field(init=False, repr=False, compare=False)  # tokens of a row so far
    _written: npt.NDArray[np.int32] = field(init=False, repr=False, compare=False)
    """(B, 2 * N) of which the last N tokens, -1 before the first, lie from ``_start`` on; N is at most ``window``."""
    _start: int = field(init=False, repr=False, compare=False)
    _lengths: npt.NDArray[np.int32] = field(init=False, repr=False, compare=False)
    """(B, N) how many tokens just before each of them are the same as the last ones of all, also before the window."""
    _longest: npt.NDArray[np.int32] = field(init=False, repr=False, compare=False)
    """(N,) how many count: no run is longer than what the window has before its end."""

    def begin(self, prompt_ids: Ids, tokenizer: Tokenizer) -> None:
        """Find the runs of the prompts (B, T)."""
        counted = prompt_ids[:, -self.window :]
        rows, self._count = counted.shape
        empty = np.empty((rows, 0), np.int32)
        self._written, self._start, self._lengths = empty, 0, empty
        size = min(max(self._count, _FIRST), self.window)
        self._make_room(size)
        self._written[:, size - self._count : size] = counted
        if counted.strides[0] == 0:  # one prompt for all: a long one is looked at once
            counted = counted[:1]
        for row, ids in enumerate(counted.tolist()):
            self._lengths[row, size - self._count :] = _runs(ids)
        self._lengths[len(counted) :] = self._lengths[:1]

    def adjust(self, logits: Array) -> Array:
        """(B, V) -> (B, V); what was finite stays finite."""
        repeats = self._lengths >= self.allowed_length
        if self.multiplier == 0 or not np.count_nonzero(repeats):
            return logits
        xp = namespace(logits)
        rows, places = np.nonzero(repeats & (self._longest >= self.allowed_length))
        lengths = np.minimum(self._lengths[rows, places], self._longest[places])
        with np.errstate(over="ignore"):
            costs = self.multiplier * np.float64(self.base) ** (lengths - self.allowed_length)
        penalties = np.zeros(logits.shape, np.float32)
        np.maximum.at(
            penalties,
            (rows, self._written[rows, self._start + places]),
            np.minimum(costs, _STEEPEST).astype(np.float32),
        )
        if xp is not np:
            penalties = xp.asarray(penalties, device=logits.device)
        with np.errstate(over="ignore"):
            lowered = logits - penalties
        return xp.maximum(lowered, xp.minimum(logits, number(logits, LOWEST)))

    def accept(self, ids: Ids) -> None:
        """Follow the runs to these ids (B,)."""
        last, size = ids.astype(np.int32)[:, None], self._lengths.shape[1]
        if self._count == size < self.window:
            size = min(2 * size, self.window)
            self._make_room(size)
        self._count += 1
        # What ended before a token ends at it if it is the same again, and then lies before the next, which moves up to
        # its place.
        self._lengths += 1
        self._lengths *= self._written[:, self._start : self._start + size] == last  # (B, N)
        if self._start == size:
            self._written[:, :size], self._start = self._written[:, size:], 0
        self._written[:, self._start + size] = ids
        self._start += 1

    def _make_room(self, size: int) -> None:
        """Let the last ``size`` tokens be remembered, which are no fewer than now."""
        rows, before = self._lengths.shape
        written, lengths = np.full((rows, 2 * size), -1, np.int32), np.zeros((rows, size), np.int32)
        written[:, size - before : size] = self._written[:, self._start : self._start + before]
        lengths[:, size - before :] = self._lengths
        self._written, self._start, self._lengths = written, 0, lengths
        self._longest = np.arange(size, dtype=np.int32)

    def select(self, rows: Ids) -> None:
        """Keep only what is remembered of these rows (B',)."""
        self._written, self._lengths = self._written[rows], self._lengths[rows]


def _runs(ids: list[int]) -> list[int]:
    """For each of the ids, how many just before it are the same as the last ones of all.

    In a time that grows with their number (Gusfield 1997, Algorithms on Strings, Trees, and Sequences, section 1.4), where
    ``accept`` looks at each place for each of them.
    """
    backwards, count = ids[::-1], len(ids)
    lengths = [0] * (count + 1)  # of the run that starts at each place as `backwards` does; place 0 has no part in it
    start = stop = 0  # of the run that was found to reach farthest
    for place in range(1, count):
        length = min(stop - place, lengths[place - start]) if place < stop else 0
        while place + length < count and backwards[length] == backwards[place + length]:
            length += 1
        if place + length > stop:
            start, stop = place, place + length
        lengths[place] = length
    return lengths[:0:-1]
