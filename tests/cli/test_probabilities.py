"""``seqgen generate --show-probabilities`` with text that is not of Latin letters: others are in test_generate.py and test_generate_forms.py."""

from __future__ import annotations

import re

import pytest

COMMAND = ("generate", "--random-seed", 3, "--length", 60, "--temperature", 5)
CONTROLS = "\x0b\x0c\x07\x08"


@pytest.fixture(autouse=True)
def _trained(seqgen, tmp_path):
    (tmp_path / "letters.txt").write_text(f"אבa{CONTROLS}" * 300, "utf-8")
    shape = ("--hidden-size", 8, "--embedding-size", 8, "--seq-len", 16, "--ngram-order", 0)
    assert seqgen("train", "letters.txt", "-q", *shape, "--max-steps", 2).exit_code == 0


def test_a_file_gets_every_control_character_that_was_generated(seqgen, tmp_path):
    generated = seqgen(*COMMAND).stdout
    assert set(CONTROLS) < set(generated)
    assert seqgen(*COMMAND, "--show-probabilities").stdout.startswith(f"{generated}\n")
    seqgen(*COMMAND, "--show-probabilities", "--output", "text.txt")
    assert (tmp_path / "text.txt").read_bytes().startswith(f"{generated}\n".encode())


def test_a_letter_written_from_right_to_left_turns_no_order_in_a_list(seqgen, tmp_path):
    _, listing = seqgen(*COMMAND, "--show-probabilities").stdout.rsplit("\n\n", 1)
    isolated = re.findall(r"\u2068'[אב]'\u2069 0\.", listing)
    assert len(isolated) == len(re.findall("[אב]", listing)) > 0
    assert listing.count("\u2068") == listing.count("\u2069") == len(isolated)

    seqgen(*COMMAND, "--show-probabilities", "--output", "page.html")
    page = (tmp_path / "page.html").read_text("utf-8")
    titles = "".join(re.findall('title="(.*?)"', page))
    assert len(re.findall(r"\u2068&#x27;[אב]&#x27;\u2069 0\.", titles)) == titles.count("\u2068") == len(isolated)
    cells = "".join(re.findall("<td>(.*?)</td>", page))
    assert len(re.findall("<bdi>&#x27;[אב]&#x27;</bdi>", cells)) == cells.count("<bdi>") == len(isolated)


@pytest.mark.parametrize("name", ["page.HTML", "page.htm"])
def test_a_page_is_written_whatever_the_case_of_its_suffix_and_how_long_it_is(seqgen, tmp_path, name):
    seqgen(*COMMAND, "--show-probabilities", "--output", name)
    assert (tmp_path / name).read_text("utf-8").startswith("<!DOCTYPE html>")


def test_the_text_of_a_page_has_the_direction_of_its_letters_and_no_language(seqgen, tmp_path):
    seqgen(*COMMAND, "--show-probabilities", "--output", "page.html")
    assert '<pre dir="auto" lang="">' in (tmp_path / "page.html").read_text("utf-8")
