"""The budget that ends first counts, and the learning rate follows it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqgen.training.schedule import FLOOR, Budget, Schedule


def test_the_limit_that_is_nearer_counts():
    budget = Budget(max_steps=100, max_seconds=10)
    assert budget.progress(50, 1) == 0.5
    assert budget.progress(10, 9) == 0.9
    assert budget.progress(200, 0) == 1.0


def test_warm_up_rises_linearly_to_the_full_rate():
    schedule = Schedule("constant", 0.1, warmup_steps=4)
    assert [round(schedule.at(step, 0), 6) for step in range(6)] == [0.02, 0.04, 0.06, 0.08, 0.1, 0.1]


@pytest.mark.parametrize(
    ("name", "rates"), [("cosine", [1.0, 0.55, FLOOR]), ("linear", [1.0, 0.55, FLOOR]), ("constant", [1.0, 1.0, 1.0])]
)
def test_the_rate_falls_with_the_budget(name, rates):
    schedule = Schedule(name, 1.0, warmup_steps=0)
    assert [schedule.at(9, progress) for progress in (0, 0.5, 1)] == pytest.approx(rates)


@given(st.floats(0, 1), st.floats(0, 1), st.sampled_from(["cosine", "linear", "constant"]))
def test_after_warm_up_the_rate_never_rises(a, b, name):
    schedule = Schedule(name, 1.0, warmup_steps=0)
    earlier, later = sorted((a, b))
    assert schedule.at(0, later) <= schedule.at(0, earlier) + 1e-12
