"""``seqgen generate`` where a token is a byte, of which a character has several."""

from __future__ import annotations

import itertools
import json
import re

import pytest

COMMAND = ("generate", "--sampler", "regex:pattern=[é→日]*", "--random-seed", 3)
"""Whole characters, so that what is none was cut."""


@pytest.fixture(autouse=True)
def _trained(seqgen, tmp_path):
    (tmp_path / "signs.txt").write_text("é→日" * 300, "utf-8")
    shape = ("--hidden-size", 8, "--embedding-size", 8, "--seq-len", 16, "--ngram-order", 0)
    assert seqgen("train", "signs.txt", "-q", "--tokenizer", "byte", *shape, "--max-steps", 2).exit_code == 0


def test_a_length_in_tokens_never_ends_a_text_within_a_character(seqgen):
    texts = []
    for length in range(1, 9):
        command = (*COMMAND, "--length", length)
        text = seqgen(*command).stdout
        assert seqgen(*command, "--no-stream").stdout == text
        (sample,) = json.loads(seqgen(*command, "--json").stdout)["samples"]
        assert (f"{sample['text']}\n", sample["tokens"], sample["finish_reason"]) == (text, length, "length")
        texts.append(text.removesuffix("\n"))
    assert set("".join(texts)) <= set("é→日")
    assert all(longer.startswith(shorter) for shorter, longer in itertools.pairwise(texts))
    assert len(set(texts)) < len(texts)  # some length ended within a character


def test_show_probabilities_shows_the_bytes_of_parts_of_characters(seqgen, tmp_path):
    command = (*COMMAND, "--length", 12, "--show-probabilities")
    text, listing = seqgen(*command).stdout.split("\n\n", 1)
    rows = listing.splitlines()
    drawn = [re.match(r"b'\\x(..)' [0-9]", row)[1] for row in rows]
    assert bytes.fromhex("".join(drawn)).decode("utf-8", "ignore") == text
    assert "\ufffd" not in listing
    seqgen(*command, "--output", "page.html")
    page = (tmp_path / "page.html").read_text("utf-8")
    assert re.findall(r"<tr><td>b&#x27;\\x(..)&#x27;</td>", page) == drawn
    assert "\ufffd" not in page
