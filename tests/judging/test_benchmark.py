"""The benchmark of what presets write: beside them stands held-out text as the corpus has it."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def judging(monkeypatch):
    """The script as a module, which trains nothing and writes no file."""
    monkeypatch.syspath_prepend(FOLDER)
    monkeypatch.delitem(sys.modules, "side_by_side", raising=False)
    spec = importlib.util.spec_from_file_location("benchmark_of_judging", FOLDER / "judging.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    del sys.modules["side_by_side"]  # a name of the scripts, and of nobody else
    monkeypatch.setattr(script, "write_results", lambda *_, **__: None)
    monkeypatch.setattr(sys, "argv", ["judging.py", "--anew"])
    return script


def test_the_held_out_text_is_that_of_the_first_preset_for_the_last_has_it_in_lower_case(judging, monkeypatch, capsys):
    def measure(corpus, preset, *_):
        held_out = {"longest copied span": f"{preset}, held out"}
        return {"bits per character": "1.5", "longest copied span": preset}, held_out

    monkeypatch.setattr(judging, "measure", measure)
    judging.main()
    shown = capsys.readouterr().out
    assert "| | small | default | large | tutorial | held-out text |" in shown
    assert "| longest copied span | small | default | large | tutorial | small, held out |" in shown
