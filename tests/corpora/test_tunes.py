"""The bundled tunes, by what a book of tunes is; their music is checked by the tests of the plugin seqgen-music."""

from __future__ import annotations

import re

import pytest

from seqgen import corpora


@pytest.fixture(scope="module")
def tunes() -> list[str]:
    text = corpora.locate("tunes").read_text(encoding="utf-8")
    return [tune for tune in text.split("\n\n") if tune.startswith("X:")]


def test_there_are_144_tunes_with_numbers_and_titles_of_their_own(tunes):
    assert [tune.split("\n")[0] for tune in tunes] == [f"X:{number}" for number in range(1, 145)]
    assert len({re.search("T:(.*)", tune)[1] for tune in tunes}) == 144


def test_they_are_in_several_metres_and_modes(tunes):
    assert {re.search("M:(.*)", tune)[1] for tune in tunes} == {"2/4", "3/4", "4/4", "6/8", "9/8"}
    assert {re.sub("^[A-G][b#]?", "", re.search("K:(.*)", tune)[1]) for tune in tunes} == {"", "m", "dor", "mix"}


def test_no_two_begin_alike(tunes):
    beginnings = ["".join(tune.split("K:")[1].split("\n")[1].split())[:40] for tune in tunes]
    assert len(set(beginnings)) == 144
