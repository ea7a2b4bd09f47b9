"""Tables of thousands of rows, in the house style: Rich takes a second for two thousand, this a hundredth of it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

_GAP = "   "
_STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "cyan": "36", "": "0"}


@dataclass(frozen=True)
class Column:
    """A column.

    Attributes:
        head: its heading.
        cells: from the top.
        number: whether it stands to the right.
        style: of its cells: bold, dim, red, green or cyan.
        rank: where not all fit, those of the highest rank are left out first.
    """

    head: str
    cells: list[str] = field(default_factory=list)
    number: bool = False
    style: str = ""
    rank: int = 0

    @cached_property
    def width(self) -> int:
        """Columns of a terminal that it takes."""
        return max(map(self._measure, (self.head, *self.cells)))

    def filled(self) -> list[str]:
        """The heading and the cells, all of its width."""
        fill, width = str.rjust if self.number else str.ljust, self.width
        if self._measure is len:
            return [fill(text, width) for text in (self.head, *self.cells)]
        return [fill(text, width - cell_width(text) + len(text)) for text in (self.head, *self.cells)]

    @cached_property
    def _measure(self) -> Callable[[str], int]:
        return len if all(map(str.isascii, self.cells)) else cell_width  # 5 times as fast


def fitting(columns: Sequence[Column], width: int) -> list[Column]:
    """The columns that fit beside one another, in their order; those that hold nothing do not count."""
    kept = [column for column in columns if any(column.cells)]
    while len(kept) > 1 and sum(column.width for column in kept) + len(_GAP) * (len(kept) - 1) > width:
        kept.remove(max(reversed(kept), key=lambda column: column.rank))
    return kept


def lines(columns: Sequence[Column], *, color: bool) -> list[str]:
    """A heading, a rule, and a line for each row.

    Args:
        columns: side by side; all have as many cells.
        color: whether to set styles, as terminals understand them (ECMA-48).
    """
    filled = [
        [head, *(_painted(cell, column.style) for cell in cells)] if color and column.style else [head, *cells]
        for column in columns
        for head, *cells in [column.filled()]
    ]
    head, *rows = (_GAP.join(cells).rstrip() for cells in zip(*filled, strict=True))
    rule = "─" * (sum(column.width for column in columns) + len(_GAP) * (len(columns) - 1))
    return [_painted(head, "bold" if color else ""), rule, *rows]


def colored() -> bool:
    """Whether standard output shows styles: a terminal, unless NO_COLOR is set (https://no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def cell_width(text: str) -> int:
    """How many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def _painted(text: str, style: str) -> str:
    return f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if style and text.strip() else text
