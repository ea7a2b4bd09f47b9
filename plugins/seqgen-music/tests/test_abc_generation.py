"""From tunes to new ones, as a person makes them; judged by music21."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

import seqgen

pytestmark = pytest.mark.slow

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    """200 tunes in one file, by a model that was trained for 60 steps."""
    folder = tmp_path_factory.mktemp("abc")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEQGEN_HOME", str(folder / "home"))
        seqgen.train("tunes", dataset="abc", tokenizer="abc", name="tunes", hidden_size=64, max_steps=60)
        command = [sys.executable, "-m", "seqgen", "generate", "--model", "tunes", "--sampler", "abc-bars"]
        options = ["--num-samples", "200", "--length", "200", "--random-seed", "1", "--output", str(folder / "new.abc")]
        subprocess.run([*command, *options], check=True, capture_output=True)
    return folder / "new.abc"


@pytest.fixture(scope="module")
def judge():
    """What the benchmark judges tunes by."""
    found = importlib.util.spec_from_file_location("abc_validity", BENCHMARKS / "abc_validity.py")
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module.judge


def test_another_program_parses_all_tunes_and_finds_that_all_their_bars_add_up(book, judge):
    tunes = re.split(r"\n(?=X:)", book.read_text("utf-8"))
    assert len(tunes) == 200
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of music21's own
        judged = [judge(tune) for tune in tunes]
    assert None not in judged
    assert [bars for bars, right in judged if bars != right] == []
    assert sum(bars for bars, _ in judged) > 200 * 4


def test_another_program_finds_each_tune_of_the_file(book):
    from music21 import converter

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        opus = converter.parse(book, format="abc", forceSource=True)
    assert opus.getNumbers() == [str(number) for number in range(1, 201)]
