"""Curves of braille characters: each value stands where it belongs, and nothing leaves the frame."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqgen.training.plot import Series, plot, x_axis


def plain(series, **how):
    return [line.plain for line in plot(series, **how)]


def test_a_rising_line_is_a_diagonal_of_dots():
    line = Series([(0, 0), (7, 7)])
    assert plain([line], width=10, height=2, x_range=(0, 7), y_range=(0, 7)) == ["7.00 ┤  ⡠⠊", "0.00 ┤⡠⠊"]


def test_a_mark_stands_at_each_point_and_above_what_came_before():
    shown = plain(
        [Series([(0, 1), (3, 1)]), Series([(2, 1)], mark="●")], width=8, height=1, x_range=(0, 3), y_range=(0, 1)
    )
    assert shown == ["0.00 ┤⠉●"]


def test_what_is_out_of_range_is_left_out():
    line = Series([(0, 9), (1, 9), (2, -9), (9, 0)])
    assert plain([line], width=10, height=2, x_range=(0, 1), y_range=(0, 1)) == ["1.00 ┤", "0.00 ┤"]


def test_a_range_that_goes_up_to_where_a_run_diverged_is_not_written_out():
    shown = plain([Series([(0, 0), (3, 1)])], width=11, height=2, x_range=(0, 3), y_range=(-0.001, 3.3767e30))
    assert [line[:9] for line in shown] == ["3.4e+30 ┤", "   0.00 ┤"]


def test_what_is_no_number_or_far_away_is_left_out_at_once():
    line = Series([(0, 1.0), (1, float("nan")), (2, float("inf")), (3, 1e300)])
    assert plain([line], width=8, height=1, x_range=(0, 3), y_range=(0, 1)) == ["0.00 ┤⠁"]


@given(
    points=st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)), max_size=20).map(sorted),
    width=st.integers(12, 100),
    height=st.integers(1, 9),
)
def test_any_curve_has_the_lines_and_columns_that_it_is_given(points, width, height):
    lines = plain([Series(points)], width=width, height=height, x_range=(-5, 5), y_range=(0.5, 9))
    assert len(lines) == height
    assert max(map(len, lines)) <= width


def test_below_a_plot_stand_the_ticks_each_under_its_place():
    line, below = (each.plain for each in x_axis(20, 5, {0.0: "a", 0.5: "mid", 1.0: "z"}))
    assert line == "    └┬──────┬──────┬"
    assert below == "     a     mid     z"
    assert [line.index("┬", start) for start in (0, 6, 13)] == [
        below.index(label) + len(label) // 2 for label in ("a", "mid", "z")
    ]


@pytest.mark.parametrize("position", [0.0, 0.97, 1.0])
def test_labels_at_the_edges_stay_within_the_width(position):
    below = x_axis(20, 5, {position: "1e-06"})[1].plain
    assert below.strip() == "1e-06"
    assert len(below) <= 20


def test_labels_that_would_overlap_are_left_out():
    assert x_axis(20, 5, {0.5: "first", 0.6: "second"})[1].plain.split() == ["first"]
