"""What is installed here, and what is too old for a file."""

from __future__ import annotations

import pytest

from seqgen.core.distributions import upgrade


@pytest.mark.parametrize("written", ["0.3.1", "0.10", "1", "0.3.1rc1", "0.3.0.1"])
def test_a_file_that_a_later_version_wrote_asks_for_that(written):
    assert upgrade("seqgen-music", "0.3.0", written) == (
        f"It was written by seqgen-music {written}, and this is seqgen-music 0.3.0.  Upgrade seqgen-music."
    )


@pytest.mark.parametrize("written", ["0.3.0", "0.2.9", "0.3", "0", "0.3.0.dev1"])
def test_one_that_this_version_or_one_before_wrote_asks_for_nothing(written):
    assert upgrade("seqgen-music", "0.3.0", written) == ""


def test_zeros_at_the_end_of_a_version_say_nothing():
    assert upgrade("seqgen", "0.3", "0.3.0") == ""


@pytest.mark.parametrize("written", [None, 9, "", "nine", "9.  pip install evil", "9\n", "9" * 5000, "\u0669.0"])
def test_what_is_no_version_is_not_shown(written):
    assert upgrade("seqgen", "0.3.0", written) == ""
