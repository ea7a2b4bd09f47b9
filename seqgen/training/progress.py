"""Progress for people, on standard error: a live display, a notebook cell, or now and then a plain line."""

from __future__ import annotations

import contextlib
import re
import sys
import textwrap
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.status import Status as Spinning
from rich.table import Table
from rich.text import Text

from seqgen.consoles import redraws
from seqgen.training.curve import LossCurve
from seqgen.training.status import Status

PLAIN_SECONDS = 10.0
"""Time between lines where there is no terminal."""

CURVE_SECONDS = 1.0
"""Time between drawings of the curve, each of which takes 2 ms of the loop's time."""

TALL = 16
"""Lines of a terminal in which there is room for a curve too."""

WIDEST = 100
"""Columns of the display in a terminal that has more."""

SHORTEST_BAR = 4
"""Columns of the bar, however many figures there are."""

_NO_REASON_TO_STOP = contextlib.suppress(OSError, ValueError)
"""What a stream raises that cannot be written to: a closed file and an encoding that lacks a character are ValueErrors."""


class Reporter:
    """Shows how a run goes; by itself nothing but warnings."""

    def note(self, text: str) -> None:
        """Say something once."""

    def warn(self, text: str) -> None:
        """Say something once that matters also where no progress is shown: here as a line."""
        _write_line(f"warning: {text}")

    def busy(self, text: str) -> None:
        """What is being done before there is a status, often."""

    def show(self, status: Status) -> None:
        """The state of things, a few times a second."""

    def sample(self, text: str) -> None:
        """A piece of what the model writes now."""

    def close(self) -> None:
        """The run has ended."""


@dataclass
class PlainReporter(Reporter):
    """Lines without any control character: for logs and pipes."""

    clock: Callable[[], float] = time.monotonic
    _next: float = 0.0
    _next_busy: float | None = None
    _sample: str = ""

    def note(self, text: str) -> None:
        """The text as a line."""
        _write_line(text)

    def busy(self, text: str) -> None:
        """A line every ``PLAIN_SECONDS``, none of what takes less."""
        now = self.clock()
        if self._next_busy is None or now >= self._next_busy:
            if self._next_busy is not None:
                _write_line(text)
            self._next_busy = now + PLAIN_SECONDS

    def show(self, status: Status) -> None:
        """A line every ``PLAIN_SECONDS``, and the last."""
        if status.tick.seconds >= self._next or status.tick.progress >= 1.0:
            self._next = status.tick.seconds + PLAIN_SECONDS
            self._write_sample()
            _write_line(status.line())

    def sample(self, text: str) -> None:
        """On a line of its own, with the next line of figures."""
        self._sample = _one_line(text)

    def close(self) -> None:
        """The last sample."""
        self._write_sample()

    def _write_sample(self) -> None:
        if self._sample:
            _write_line(f"sample: {self._sample}")
            self._sample = ""


@dataclass
class TerminalReporter(Reporter):
    """The losses as a curve, a bar, the figures and the latest sample, redrawn in place."""

    console: Console
    _curve: LossCurve = field(default_factory=LossCurve, init=False)
    _curve_lines: list[Text] = field(default_factory=list, init=False)
    _next_curve: float = field(default=0.0, init=False)
    _status: Status | None = None
    _sample: str = ""
    _live: Live | None = field(default=None, init=False)
    _busy: Spinning | None = field(default=None, init=False)

    def note(self, text: str) -> None:
        """The text, above the display, in lines that hang below its first word."""
        self._rest()
        wrapped = textwrap.fill(text, self.console.width, subsequent_indent=" " * 9, break_long_words=False)
        self.console.print(Text(wrapped))

    def warn(self, text: str) -> None:
        """The warning, above the display."""
        self._rest()
        self.console.print(Text.assemble(("warning: ", "bold yellow"), text))

    def busy(self, text: str) -> None:
        """A line that is redrawn in place, until something else is shown."""
        if self._busy is None:
            self._busy = self.console.status(Text(text))
            self._busy.start()
        self._busy.update(Text(text))

    def show(self, status: Status) -> None:
        """Redraw."""
        self._rest()
        self._status, tick = status, status.tick
        self._curve.add(tick.step, *status.bits)
        if self._live is None:
            self._live = Live(console=self.console, auto_refresh=False, get_renderable=self._render)
            self._live.start()
        self._live.refresh()

    def sample(self, text: str) -> None:
        """Shown until the next."""
        self._sample = _one_line(text)

    def close(self) -> None:
        """Leave the last display standing."""
        self._rest()
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _rest(self) -> None:
        if self._busy is not None:
            self._busy.stop()
            self._busy = None

    def _render(self) -> Any:
        if self._status is None:
            return Text()
        status, tick = self._status, self._status.tick
        bar = Table.grid(padding=(0, 1), expand=True)
        bar.width = min(self.console.width, WIDEST)
        bar.add_column(ratio=1)  # the progress bar takes what the figures leave
        fields = status.fields(bar.width - SHORTEST_BAR)
        for _ in fields:
            bar.add_column(no_wrap=True)
        bar.add_row(ProgressBar(total=1.0, completed=tick.progress), *fields)
        training, validation = status.losses
        figures = Text.assemble(
            ("train ", "dim"),
            (training, "bold"),
            ("  validation ", "dim"),
            (validation, "bold green"),
            (" bits/character  ", "dim"),
            ("learning rate ", "dim"),
            f"{tick.learning_rate:.1e}",
        )
        rows: list[Any] = [bar, figures]
        if self.console.height >= TALL and not self.console.options.ascii_only:
            if tick.seconds >= self._next_curve or tick.progress >= 1.0:
                self._next_curve = tick.seconds + CURVE_SECONDS
                self._curve_lines = self._curve.lines(bar.width)
            rows = [*self._curve_lines, *rows]
        if self._sample:
            rows.append(Text(self._sample, style="italic cyan", no_wrap=True, overflow="ellipsis"))
        return Group(*rows)


@dataclass
class NotebookReporter(Reporter):
    """One output of a notebook cell, updated in place."""

    _lines: list[str] = field(default_factory=list)
    _status: str = ""
    _sample: str = ""
    _handle: Any = None

    def note(self, text: str) -> None:
        """The text, above the figures."""
        self._lines.append(text)
        self._update()

    def warn(self, text: str) -> None:
        """The warning, above the figures."""
        self.note(f"warning: {text}")

    def busy(self, text: str) -> None:
        """In the place of the figures, when another share is reached."""
        if text != self._status:
            self._status = text
            self._update()

    def show(self, status: Status) -> None:
        """Update the figures."""
        self._status = status.line()
        self._update()

    def sample(self, text: str) -> None:
        """Shown until the next."""
        self._sample = _one_line(text)

    def close(self) -> None:
        """The last sample."""
        self._update()

    def _update(self) -> None:
        from IPython.display import display

        text = "\n".join([*self._lines, self._status, self._sample]).rstrip()
        content = {"text/plain": text}
        if self._handle is None:
            self._handle = display(content, raw=True, display_id=True)  # type: ignore[no-untyped-call]
        else:
            self._handle.update(content, raw=True)


@dataclass
class SafeReporter(Reporter):
    """Another reporter, whose failure to write (a closed pipe or file, a terminal that is gone) cannot end the run."""

    reporter: Reporter

    def note(self, text: str) -> None:
        """As the other."""
        with _NO_REASON_TO_STOP:
            self.reporter.note(text)

    def warn(self, text: str) -> None:
        """As the other."""
        with _NO_REASON_TO_STOP:
            self.reporter.warn(text)

    def busy(self, text: str) -> None:
        """As the other."""
        with _NO_REASON_TO_STOP:
            self.reporter.busy(text)

    def show(self, status: Status) -> None:
        """As the other."""
        with _NO_REASON_TO_STOP:
            self.reporter.show(status)

    def sample(self, text: str) -> None:
        """As the other."""
        with _NO_REASON_TO_STOP:
            self.reporter.sample(text)

    def close(self) -> None:
        """As the other."""
        with _NO_REASON_TO_STOP:
            self.reporter.close()


def make_reporter(*, progress: bool) -> Reporter:
    """The reporter that suits where we are."""
    return SafeReporter(_suitable(progress=progress))


def _suitable(*, progress: bool) -> Reporter:
    if not progress:
        return Reporter()
    console = Console(stderr=True)
    if console.is_jupyter:
        return NotebookReporter()
    return TerminalReporter(console) if redraws(console) else PlainReporter()


def _write_line(text: str) -> None:
    if sys.stderr is None:  # as it is in a program of windows
        return
    encoding = getattr(sys.stderr, "encoding", None) or "utf-8"
    # A log in another encoding gets the line all the same; Python's own standard error writes escapes by itself.
    sys.stderr.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")
    sys.stderr.flush()


def _one_line(text: str) -> str:
    """A text in one line, with what a terminal would obey shown: a corpus may hold anything, and so what is learned from it."""
    line = " ⏎ ".join(line for line in text.splitlines() if line.strip())
    return re.sub(r"[\x00-\x08\x0e-\x1f\x7f-\x9f]", lambda control: f"\\x{ord(control[0]):02x}", line)
