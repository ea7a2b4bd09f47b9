"""On which consoles bars can be redrawn in place."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from seqgen.consoles import redraws


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture(autouse=True)
def no_wishes(monkeypatch):
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(("term", "redrawn"), [("xterm", True), ("dumb", False)])
def test_a_terminal_is_redrawn_unless_it_is_dumb(monkeypatch, term, redrawn):
    monkeypatch.setenv("TERM", term)
    assert redraws(Console(file=Terminal())) is redrawn


@pytest.mark.parametrize("wish", ["FORCE_COLOR", "TTY_COMPATIBLE"])
def test_a_log_is_not_redrawn_whatever_is_wished_of_colours(monkeypatch, wish):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv(wish, "1")
    assert Console(file=io.StringIO()).is_terminal
    assert not redraws(Console(file=io.StringIO()))
