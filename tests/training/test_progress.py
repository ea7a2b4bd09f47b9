"""Progress says in bits per character how it goes, in whatever place it is shown."""

from __future__ import annotations

import io
import math
import sys
from types import SimpleNamespace

import pytest
from rich.console import Console

from seqgen.training import progress
from seqgen.training.progress import (
    PLAIN_SECONDS,
    NotebookReporter,
    PlainReporter,
    SafeReporter,
    SilentReporter,
    Status,
    TerminalReporter,
    make_reporter,
)
from seqgen.training.trainer import Tick


def status(characters_per_token=1.0, **given):
    values = {
        "progress": 0.25,
        "step": 1200,
        "epoch": 2.5,
        "seconds": 30.0,
        "tokens_per_second": 5000.0,
        "train_loss": math.log(2) * 3,
        "validation_loss": math.log(2) * 4,
        "learning_rate": 0.004,
    }
    return Status(Tick(**{**values, **given}), characters_per_token)


def test_a_loss_is_shown_in_bits_per_character():
    assert status().bits(math.log(2) * 3) == "3.000"
    assert status(characters_per_token=4.0).bits(math.log(2) * 8) == "2.000"  # a token of four characters
    assert status().bits(None) == "-"


def test_the_pace_is_shown_in_characters():
    assert status(characters_per_token=4.0).characters_per_second == 20_000


@pytest.mark.parametrize(
    ("share", "seconds", "left"), [(0.25, 30.0, 90.0), (1.0, 30.0, 0.0), (0.5, 3600.0, 3600.0), (0.001, 30.0, None)]
)
def test_the_time_left_goes_by_the_pace_so_far(share, seconds, left):
    assert status(progress=share, seconds=seconds).seconds_left == left


def test_a_line_says_everything():
    assert status().line() == (
        " 25%  step 1,200  epoch 2.50  train 3.000  validation 4.000 bits/character  5,000 characters/s  "
        "learning rate 4.00e-03  1:30 left"
    )
    begun = status(progress=0.0, train_loss=None, validation_loss=None).line()
    assert "train -  validation - bits/character" in begun
    assert begun.endswith("-:-- left")
    assert status(progress=0.5, seconds=3723.0).line().endswith("1:02:03 left")


def test_plain_lines_come_now_and_then_and_at_the_end(capsys):
    reporter = PlainReporter()
    for seconds in range(25):
        reporter.show(status(seconds=float(seconds), step=seconds))
    reporter.show(status(seconds=25.0, step=25, progress=1.0))
    reporter.close()
    captured = capsys.readouterr()
    assert captured.out == ""
    steps = [line.split("step ")[1].split()[0] for line in captured.err.splitlines()]
    assert steps == ["0", str(int(PLAIN_SECONDS)), str(int(2 * PLAIN_SECONDS)), "25"]
    assert "\x1b" not in captured.err


def test_plain_lines_have_a_sample_each_on_one_line(capsys):
    reporter = PlainReporter()
    reporter.note("corpus   10 tokens")
    reporter.warn("there is no room")
    reporter.show(status(seconds=0.0))
    for seconds in (1.0, 2.0):
        reporter.sample(f"sample at {seconds}\n\nof two lines")
        reporter.show(status(seconds=seconds))
    reporter.show(status(seconds=PLAIN_SECONDS))
    reporter.sample("the last")
    reporter.close()
    lines = capsys.readouterr().err.splitlines()
    assert lines[:2] == ["corpus   10 tokens", "warning: there is no room"]
    assert [line for line in lines if line.startswith("sample")] == [
        "sample: sample at 2.0 ⏎ of two lines",
        "sample: the last",
    ]
    assert len(lines) == 6


def test_silence_lets_warnings_through(capsys):
    reporter = SilentReporter()
    reporter.note("a note")
    reporter.show(status())
    reporter.sample("a sample")
    reporter.warn("there is no room")
    reporter.close()
    assert capsys.readouterr().err == "warning: there is no room\n"


def test_a_terminal_shows_a_bar_the_figures_and_the_latest_sample():
    screen = io.StringIO()
    reporter = TerminalReporter(Console(file=screen, force_terminal=True, width=100, color_system=None))
    reporter.note("corpus   10 [bold] tokens")
    reporter.show(status(progress=0.1))
    reporter.sample("the ice\n\n[red] and the sea")
    reporter.show(status())
    reporter.close()
    shown = screen.getvalue()
    assert "corpus   10 [bold] tokens" in shown
    assert "\x1b[" in shown
    last = shown[shown.rindex("25%") :]
    for words in ("1:30 left", "5,000 characters/s", "step 1,200", "epoch 2.5", "learning rate 4.0e-03"):
        assert words in last
    assert "train 3.000  validation 4.000 bits/character" in last
    assert "the ice ⏎ [red] and the sea" in last


def test_a_terminal_that_was_never_shown_anything_closes():
    screen = io.StringIO()
    TerminalReporter(Console(file=screen, force_terminal=True)).close()
    assert screen.getvalue() == ""


def test_a_notebook_has_one_output_that_is_updated(monkeypatch):
    outputs = []

    class Handle:
        def update(self, content, *, raw):
            outputs.append((content["text/plain"], raw))

    def display(content, *, raw, display_id):
        outputs.append((content["text/plain"], raw))
        return Handle() if display_id else None

    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace())
    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(display=display))
    reporter = NotebookReporter()
    reporter.note("corpus   10 tokens")
    reporter.show(status(progress=0.1))
    reporter.sample("the ice\nand the sea")
    reporter.show(status())
    reporter.close()
    assert all(raw for _, raw in outputs)
    assert outputs[0][0] == "corpus   10 tokens"
    assert outputs[-1][0] == f"corpus   10 tokens\n{status().line()}\nthe ice ⏎ and the sea"


class Broken:
    """A reporter whose reader has left."""

    def __getattribute__(self, name):
        def fail(*arguments):
            raise BrokenPipeError

        return fail


def test_a_reader_who_leaves_does_not_end_the_run():
    reporter = SafeReporter(Broken())
    reporter.note("a note")
    reporter.warn("a warning")
    reporter.show(status())
    reporter.sample("a sample")
    reporter.close()


@pytest.mark.parametrize(
    ("place", "shown", "kind"),
    [
        ({"is_jupyter": False, "is_terminal": True}, True, TerminalReporter),
        ({"is_jupyter": False, "is_terminal": False}, True, PlainReporter),
        ({"is_jupyter": True, "is_terminal": False}, True, NotebookReporter),
        ({"is_jupyter": False, "is_terminal": True}, False, SilentReporter),
    ],
)
def test_the_place_decides_how_progress_is_shown(monkeypatch, place, shown, kind):
    monkeypatch.setattr(progress, "Console", lambda **_: SimpleNamespace(**place))
    assert isinstance(make_reporter(progress=shown).reporter, kind)
