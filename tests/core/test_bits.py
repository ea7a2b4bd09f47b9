"""How bits per character are written for people."""

from __future__ import annotations

import math

import pytest

from seqgen.core.bits import shown_bits


@pytest.mark.parametrize(
    ("bits", "shown"),
    [
        (1.5494, "1.549"),
        (999_999.0, "999999.000"),
        (3.2e22, "3.2e+22"),
        (math.inf, "inf"),
        (0.0, "0.000"),
        (-0.0, "0.000"),
        (-0.0004, "0.000"),
    ],
)
def test_bits_have_three_digits_behind_the_point_unless_they_are_so_many_that_digits_say_nothing(bits, shown):
    assert shown_bits(bits) == shown


def test_four_digits_can_be_asked_for():
    assert (shown_bits(1.54936, 4), shown_bits(3.2e22, 4)) == ("1.5494", "3.2e+22")
