"""Curves in a terminal, of braille characters: 2 x 4 dots in each (Unicode 2800 to 28FF)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.text import Text

from seqgen.core.bits import shown_bits

_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""The bit of each dot of a character, by row and column."""


@dataclass(frozen=True)
class Series:
    """A curve.

    Attributes:
        points: (x, y), x rising.
        style: of rich.
        mark: the character at each point; empty: the points are joined by a line of dots.
    """

    points: Sequence[tuple[float, float]]
    style: str = ""
    mark: str = ""


def plot(
    series: Sequence[Series], *, width: int, height: int, x_range: tuple[float, float], y_range: tuple[float, float]
) -> list[Text]:
    """Curves over one another, the later above, in ``height`` lines of at most ``width`` columns with the range of y.

    What is out of range, or no finite number, is left out.
    """
    labels = {0: shown_bits(y_range[1], 2), height - 1: shown_bits(y_range[0], 2)}
    margin = max(map(len, labels.values()))
    columns = width - margin - 2
    dots: dict[tuple[int, int], int] = {}
    cells: dict[tuple[int, int], tuple[str, str]] = {}
    for each in series:
        places = [
            (_place(x, x_range, 2 * columns), 4 * height - 1 - _place(y, y_range, 4 * height))
            for x, y in each.points
            if math.isfinite(x) and math.isfinite(y)
        ]
        if not each.mark:
            places = _joined(places)
        for x, y in places:
            if not (0 <= x < 2 * columns and 0 <= y < 4 * height):
                continue
            cell = (y // 4, x // 2)
            dots[cell] = dots.get(cell, 0) | _DOTS[y % 4][x % 2]
            cells[cell] = (each.mark or chr(0x2800 + dots[cell]), each.style)
    lines = []
    for row in range(height):
        line = Text(labels.get(row, "").rjust(margin) + (" ┤" if row in labels else " │"), style="dim")
        row_cells = [cells.get((row, column), (" ", "")) for column in range(columns)]
        for style, run in itertools.groupby(row_cells, key=lambda cell: cell[1]):
            line.append("".join(character for character, _ in run), style=f"not dim {style}")
        line.rstrip()
        lines.append(line)
    return lines


def x_axis(width: int, margin: int, ticks: Mapping[float, str]) -> list[Text]:
    """The line below a plot, and what stands below that.

    Args:
        width: of the plot.
        margin: columns before its first dot.
        ticks: what stands where, 0 left to 1 right; of labels that would overlap the first stays.
    """
    columns = width - margin
    line, below = ["─"] * columns, [" "] * (width + 1)
    for position, label in ticks.items():
        column = min(columns - 1, int(position * columns))
        line[column] = "┬"
        start = min(max(0, margin + column - len(label) // 2), width - len(label))
        if not "".join(below[max(0, start - 1) : start + len(label) + 1]).strip():
            below[start : start + len(label)] = label
    return [Text(" " * (margin - 1) + "└" + "".join(line), style="dim"), Text("".join(below).rstrip(), style="dim")]


def _place(value: float, within: tuple[float, float], places: int) -> int:
    """The dot of a value, from 0; outside 0 to places - 1 where it is out of range, but never far."""
    low, high = within
    place = (value - low) / max(high - low, 1e-12) * (places - 1)
    return round(min(max(place, -places), 2.0 * places))


def _joined(places: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The places and those between each and the next."""
    found = list(places[:1])
    for (x, y), (next_x, next_y) in itertools.pairwise(places):
        steps = max(abs(next_x - x), abs(next_y - y))
        found += [
            (x + round((next_x - x) * step / steps), y + round((next_y - y) * step / steps))
            for step in range(1, steps + 1)
        ]
    return found
