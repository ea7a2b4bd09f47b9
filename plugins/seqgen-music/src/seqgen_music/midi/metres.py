"""The metres of a MIDI file, and the bar that each of its notes is in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from symusic.core import ScoreTick

Numbers = npt.NDArray[np.int64]


class Metre(NamedTuple):
    """A metre that holds from a time on.

    Attributes:
        start: in ticks.
        beats, unit: 6 and 8 of 6/8.
    """

    start: int
    beats: int
    unit: int


def metres_of(score: ScoreTick) -> list[Metre]:
    """The metres of a score in their order; 4/4 before the first that it names."""
    named = [Metre(each.time, each.numerator, each.denominator) for each in score.time_signatures]
    metres = [metre for metre in named if metre.beats and metre.unit]
    return metres if metres and metres[0].start <= 0 else [Metre(0, 4, 4), *metres]


def count_bars(score: ScoreTick) -> float:
    """How many bars there are to the end, parts of one included."""
    metres = metres_of(score)
    ends = [metre.start for metre in metres[1:]] + [score.end()]
    return sum(
        max(end - start, 0) * unit / (4 * score.ticks_per_quarter * beats)
        for (start, beats, unit), end in zip(metres, ends, strict=True)
    )


def bars_at(score: ScoreTick, times: Any) -> tuple[Numbers, Numbers, Numbers]:
    """Where times are: (N,) each; the number of the metre in ``metres_of``, that of the bar since it holds, and ticks in that bar.

    Args:
        score: the music.
        times: (N,) in ticks.
    """
    times = np.asarray(times, np.int64)
    starts, beats, units = np.array(metres_of(score), np.int64).T
    metre = np.maximum(np.searchsorted(starts, times, side="right") - 1, 0)
    # A bar has so many ticks divided by its unit, which is multiplied with instead, so that all stays in whole numbers.
    since = (times - starts[metre]) * units[metre]
    bar, within = np.divmod(since, 4 * score.ticks_per_quarter * beats[metre])
    return metre, bar, within // units[metre]
