"""The live display: what it shows fits the terminal, however large the figures are."""

from __future__ import annotations

import io
import sys

import pytest
from rich.console import Console

from seqgen.training.metrics import CharactersPerToken
from seqgen.training.progress import (
    NotebookReporter,
    PlainReporter,
    Reporter,
    SafeReporter,
    TerminalReporter,
    make_reporter,
)
from seqgen.training.status import Status
from seqgen.training.trainer import Tick

from .test_status import LONG, SAME


def test_what_is_trained_on_is_told_by_its_own_characters_per_token_and_so_is_what_is_measured_on():
    line = Status(LONG, CharactersPerToken(training=4.0, validation=1.0)).line()
    assert "train 0.361  validation 2.164 bits/character  1,382,712 characters/s" in line
    shown = io.StringIO()
    reporter = TerminalReporter(Console(file=shown, width=100, force_terminal=True, color_system=None))
    reporter.show(Status(LONG, CharactersPerToken(training=4.0, validation=1.0)))
    reporter.close()
    assert "1,382,712 characters/s" in shown.getvalue()
    assert "train 0.361  validation 2.164 bits/character" in shown.getvalue()


@pytest.mark.parametrize("width", [80, 72, 200])
def test_the_display_in_a_terminal_is_a_bar_the_figures_and_a_sample_a_line_each(width):
    shown = io.StringIO()
    reporter = TerminalReporter(Console(file=shown, width=width, force_terminal=True, color_system=None))
    reporter.sample("the ice\n\nwas " * 30)
    reporter.show(Status(LONG, SAME))
    reporter.close()
    display = [line.rstrip() for line in shown.getvalue().split("\x1b")[-2].split("\n") if "left" in line]
    assert len(display) <= 1
    lines = [line for line in shown.getvalue().splitlines() if line.strip(" \r")]
    (bar,) = {line[line.index("━") :] for line in lines if "characters/s" in line}
    assert bar.endswith("50% 1:23:45 left 345,678 characters/s step 123,456 epoch 43.2")
    assert len(bar) <= min(width, 100)
    (sample,) = {line for line in lines if "⏎" in line}
    assert len(sample.rstrip()) <= width
    assert sample.rstrip().endswith("…") == (width < 450)


def shown_of_a_run(**console):
    shown = io.StringIO()
    reporter = TerminalReporter(Console(file=shown, force_terminal=True, color_system=None, **console))
    for step in range(1, 101):
        loss = 1.0 + 3.0 / step
        reporter.show(Status(Tick(step / 100, step, 0.0, step / 4, 1.0, loss, loss if step >= 50 else None, 0.0), SAME))
    reporter.close()
    return shown.getvalue()


def test_in_a_terminal_the_losses_so_far_stand_above_the_bar_as_a_curve():
    display = shown_of_a_run(width=80, height=24)
    last = display[display.rindex("bits/character  ⠒⠒") :].splitlines()
    assert last[0].rstrip() == "bits/character  ⠒⠒ training  ● validation"
    assert [line[:6] for line in (last[1], last[6])] == ["1.84 ┤", "1.49 ┤"]  # in bits, as the figures are
    assert any("⠀" < character <= "⣿" for character in "".join(last[1:7]))
    assert "●" in "".join(last[1:7])
    assert last[7].lstrip().startswith("━")
    assert max(len(line.rstrip()) for line in last) <= 80


def test_where_a_terminal_has_no_room_for_a_curve_there_is_none():
    assert "⠒⠒" not in shown_of_a_run(width=80, height=12)


def test_a_note_in_a_terminal_hangs_below_its_first_word():
    shown = io.StringIO()
    TerminalReporter(Console(file=shown, width=40)).note("corpus   " + "154,800 training tokens, " * 3)
    first, *rest = shown.getvalue().rstrip().splitlines()
    assert first.startswith("corpus   154,800")
    assert rest
    assert all(line.startswith(" " * 9 + line.strip()[0]) for line in rest)
    assert max(map(len, shown.getvalue().splitlines())) <= 40


def test_plain_lines_come_now_and_then_and_with_the_latest_sample(capsys):
    reporter = PlainReporter()
    for seconds in (0.0, 1.0, 11.0, 12.0):
        reporter.show(Status(Tick(0.1, int(seconds), 0.0, seconds, 1.0, None, None, 0.0), SAME))
        reporter.sample(f"written after {seconds:.0f} s")
    reporter.close()
    lines = capsys.readouterr().err.splitlines()
    assert [line.split("  ")[1] if "step" in line else line for line in lines] == [
        "step 0",
        "sample: written after 1 s",
        "step 11",
        "sample: written after 12 s",
    ]


def test_a_terminal_that_is_gone_is_no_reason_to_stop():
    class Gone(io.StringIO):
        def write(self, text):
            raise OSError(5, "Input/output error")

    reporter = SafeReporter(TerminalReporter(Console(file=Gone(), force_terminal=True)))
    reporter.note("hello")
    reporter.warn("careful")
    reporter.show(Status(LONG, SAME))
    reporter.sample("text")
    reporter.close()


@pytest.mark.parametrize("make", [PlainReporter, Reporter])
def test_nor_is_a_log_that_was_closed(monkeypatch, make):
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(sys, "stderr", closed)
    reporter = SafeReporter(make())
    reporter.note("hello")
    reporter.warn("careful")
    reporter.show(Status(LONG, SAME))
    reporter.sample("text")
    reporter.close()


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-16", "utf-8"])
def test_what_the_encoding_of_a_log_lacks_is_written_as_an_escape(monkeypatch, encoding):
    log = io.TextIOWrapper(io.BytesIO(), encoding)
    monkeypatch.setattr(sys, "stderr", log)
    reporter = PlainReporter()
    reporter.sample("the ice\nwas green")
    reporter.close()
    return_sign = "⏎" if encoding.startswith("utf") else r"\u23ce"
    assert log.buffer.getvalue().decode(encoding) == f"sample: the ice {return_sign} was green\n"


def test_what_takes_long_is_said_in_plain_lines_every_ten_seconds(capsys):
    reporter = PlainReporter(clock=iter([0.0, 5.0, 11.0, 12.0]).__next__)
    for share in (0, 40, 90, 99):
        reporter.busy(f"encoding {share} %")
    assert capsys.readouterr().err == "encoding 90 %\n"


def test_what_takes_long_is_shown_in_a_terminal_until_there_are_figures():
    shown = io.StringIO()
    reporter = TerminalReporter(Console(file=shown, width=80, force_terminal=True, color_system=None))
    reporter.busy("encoding 40 %")
    reporter.busy("encoding 90 %")
    reporter.show(Status(LONG, SAME))
    reporter.close()
    nothing, busy, figures = shown.getvalue().split("\x1b[?25l")  # each display hides the cursor when it begins
    assert nothing == ""
    assert "encoding 90 %" in busy
    assert "encoding" not in figures
    assert "characters/s" in figures


@pytest.mark.parametrize("progress", [True, False])
def test_where_there_is_no_standard_error_nothing_is_said(monkeypatch, progress):
    monkeypatch.setattr(sys, "stderr", None)
    reporter = make_reporter(progress=progress)
    reporter.note("a note")
    reporter.warn("a warning")
    reporter.show(Status(LONG, SAME))
    reporter.close()


@pytest.fixture
def notebook(monkeypatch):
    """What the outputs of a notebook's cell are, one after another."""
    shown = []

    class Handle:
        def update(self, content, *, raw):
            shown.append(content["text/plain"])

    def display(content, *, raw, display_id):
        shown.append(content["text/plain"])
        return Handle()

    monkeypatch.setattr("IPython.display.display", display)
    return shown


def test_a_notebook_has_one_output_that_is_updated(notebook):
    reporter = NotebookReporter()
    reporter.note("corpus   ...")
    reporter.show(Status(LONG, SAME))
    reporter.sample("the ice")
    reporter.close()
    assert len(notebook) == 3
    assert notebook[-1] == f"corpus   ...\n{Status(LONG, SAME).line()}\nthe ice"


def test_what_takes_long_is_shown_in_a_notebook_until_there_are_figures(notebook):
    reporter = NotebookReporter()
    for share in (40, 40, 90):
        reporter.busy(f"encoding {share} %")
    reporter.show(Status(LONG, SAME))
    assert notebook == ["encoding 40 %", "encoding 90 %", Status(LONG, SAME).line()]


@pytest.mark.parametrize(
    ("width", "fields"),
    [
        (80, "50% 1:23:45 left 345,678 characters/s step 123,456 epoch 43.2"),
        (64, "50% 1:23:45 left step 123,456 epoch 43.2"),
        (40, "50% 1:23:45 left step 123,456"),
        (24, "50% 1:23:45 left"),
        (12, "50%"),
    ],
)
def test_in_a_narrow_terminal_whole_figures_are_left_out_and_the_pace_first(width, fields):
    shown = io.StringIO()
    reporter = TerminalReporter(Console(file=shown, width=width, force_terminal=True, color_system=None))
    reporter.show(Status(LONG, SAME))
    reporter.close()
    (bar,) = {line[line.index("━") :].rstrip() for line in shown.getvalue().splitlines() if "━" in line}
    assert bar.lstrip("━╸╺ ") == fields
    assert len(bar) <= width


@pytest.mark.parametrize(("term", "kind"), [("dumb", PlainReporter), ("xterm", TerminalReporter)])
def test_a_terminal_that_redraws_nothing_in_place_has_plain_lines(monkeypatch, term, kind):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", term)
    monkeypatch.setattr(sys, "stderr", Terminal())
    reporter = make_reporter(progress=True)
    assert isinstance(reporter, SafeReporter)
    assert isinstance(reporter.reporter, kind)


@pytest.mark.parametrize(("name", "value"), [("FORCE_COLOR", "1"), ("TTY_COMPATIBLE", "1")])
def test_a_log_has_plain_lines_also_where_colours_are_asked_for(monkeypatch, name, value):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert Console(stderr=True).is_terminal  # as rich has it
    assert isinstance(make_reporter(progress=True).reporter, PlainReporter)


def test_a_sample_cannot_steer_the_terminal(capsys):
    reporter = PlainReporter()
    reporter.sample("the\tice\r\n\x1b]0;owned\x07 \x9b31m")
    reporter.close()
    assert capsys.readouterr().err == "sample: the\tice ⏎ \\x1b]0;owned\\x07 \\x9b31m\n"
