"""How a rest of a bar can be filled with the lengths that a vocabulary has."""

from __future__ import annotations

from collections.abc import Iterable

from seqgen_music.abc.metre import multiple

_MOST_STEPS = 1 << 21
"""Times that are looked at with a unit, times the lengths there are.  All that is in tunes takes less than a hundredth;
a vocabulary of a stranger could take hours.
"""


class Filling:
    """Which times can be made up of notes, and with how few tokens.

    Args:
        lengths: the texts of LENGTH tokens; a note without one is a unit long.
    """

    def __init__(self, lengths: Iterable[str]) -> None:
        values = {text: multiple(text) for text in lengths}
        self._units = [("", 1, 1), *((text, m.numerator, m.denominator) for text, m in values.items() if m is not None)]
        self._lengths: dict[int, tuple[tuple[str, int], ...]] = {}
        self._best: dict[int, dict[int, tuple[int, str, int] | None]] = {}
        self._given_up: set[int] = set()  # units with which it takes too long

    def lengths(self, unit: int) -> tuple[tuple[str, int], ...]:
        """The text and the ticks of each length that is a whole number of ticks; the empty text is the unit."""
        if unit not in self._lengths:
            self._lengths[unit] = tuple(
                (text, unit * top // bottom) for text, top, bottom in self._units if unit * top % bottom == 0
            )
        return self._lengths[unit]

    def can(self, unit: int, ticks: int) -> bool:
        """Whether notes can fill exactly so much time."""
        return ticks == 0 or (ticks > 0 and self._way(unit, ticks) is not None)

    def first(self, unit: int, ticks: int) -> tuple[str, int]:
        """The length to begin with, its text and ticks, to fill so much time with the fewest tokens; it can be filled."""
        way = self._way(unit, ticks)
        assert way is not None
        return way[1], way[2]

    def tokens(self, unit: int, ticks: int) -> int:
        """With how few tokens so much time can be filled; as many as ticks where it cannot."""
        way = self._way(unit, ticks)
        return ticks if way is None else way[0]

    def _way(self, unit: int, ticks: int) -> tuple[int, str, int] | None:
        """The fewest tokens, and the first length of such a filling."""
        best = self._best.setdefault(unit, {0: (0, "", 0)})
        if ticks in best or unit in self._given_up:
            return best.get(ticks)
        smallest = min(length for _, length in self.lengths(unit))
        if ticks // smallest > 4096:  # no bar is that long
            return None
        times = self._reachable(unit, ticks, best)
        if times is None:
            self._given_up.add(unit)
            return None
        for time in times:
            ways = (
                (tokens + 1 + bool(text), text, length)
                for text, length in self.lengths(unit)
                if (rest := best.get(time - length)) is not None
                for tokens in (rest[0],)
            )
            best[time] = min(ways, default=None)
        return best[ticks]

    def _reachable(self, unit: int, ticks: int, known: dict[int, tuple[int, str, int] | None]) -> list[int] | None:
        """The times that are left after some notes, from the shortest, but for those known; None where they are too many."""
        found, waiting = {ticks}, [ticks]
        most = _MOST_STEPS // len(self.lengths(unit)) - len(known)
        while waiting:
            if len(found) > most:
                return None
            time = waiting.pop()
            for _, length in self.lengths(unit):
                rest = time - length
                if rest > 0 and rest not in known and rest not in found:
                    found.add(rest)
                    waiting.append(rest)
        return sorted(found)
