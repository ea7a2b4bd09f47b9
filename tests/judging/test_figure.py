"""The figures of a judgement as bars."""

from __future__ import annotations

import pytest

from seqgen.judging.figure import write_figure
from seqgen.judging.judge import Judgement
from seqgen.judging.measures import Figures

FIGURES = Figures(3, 60, 0.9, None, (0.5, 0.6, 0.7, 0.8), 0.1, 12, 0.2, "the ice")
JUDGEMENT = Judgement(FIGURES, FIGURES, 20, 0, ("ice.txt",), None, ())


@pytest.mark.parametrize("title", ["./a$x_$b", r"\frac$\frac{$", "novel:1"])
def test_a_title_is_no_mathematics(tmp_path, title):
    pytest.importorskip("matplotlib")
    write_figure(JUDGEMENT, tmp_path / "ice.svg", title=title)
    assert title.replace("$", "") in (tmp_path / "ice.svg").read_text("utf-8").replace("$", "")
