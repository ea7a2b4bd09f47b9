"""``seqgen generate`` under constraints."""

from __future__ import annotations

import json
import re

import pytest

pytestmark = pytest.mark.usefixtures("novel")


def test_the_text_matches_the_pattern_and_ends_with_it(seqgen):
    outcome = seqgen("generate", "--seed", "It was ", "--sampler", r"regex:pattern=[a-z]{2\,5} (ice|sea)\.")
    assert (outcome.exit_code, outcome.stderr) == (0, "")
    assert re.fullmatch(r"It was [a-z]{2,5} (ice|sea)\.\n", outcome.stdout)


def test_the_finish_reason_says_whether_the_match_is_whole(seqgen):
    def reason(length):
        options = ("--sampler", "regex:pattern=the ice", "--length", length, "--json")
        return json.loads(seqgen("generate", *options).stdout)["samples"][0]["finish_reason"]

    assert (reason(20), reason(4)) == ("end", "length")


def test_samples_alone_and_together_are_the_same(seqgen):
    options = ("--sampler", r"regex:pattern=(\w+ ){2\,4}\w\w", "--random-seed", 3, "--length", 60)
    alone, many = seqgen("generate", *options).stdout, seqgen("generate", *options, "--num-samples", 3).stdout
    assert many.startswith(alone)


def test_a_file_is_left_alone_where_not_even_a_first_token_can_be_drawn(seqgen, tmp_path):
    path = tmp_path / "poem.txt"
    path.write_text("my poem")
    contradiction = ("--sampler", "regex:pattern=a+", "--sampler", "regex:pattern=b+")
    outcome = seqgen("generate", "--seed", "the ice", *contradiction, "--output", path)
    assert (outcome.exit_code, path.read_text()) == (1, "my poem")
    assert "leaves no token that may be drawn" in outcome.stderr
    seqgen("generate", "--seed", "the ice", "--length", 3, "--output", path)
    assert re.fullmatch(r"the ice(?s:...)\n", path.read_text())


def test_a_pattern_that_is_none_is_refused_before_anything_is_written(seqgen):
    outcome = seqgen("generate", "--sampler", "regex:pattern=(a")
    assert (outcome.exit_code, outcome.stdout) == (2, "")
    assert "pattern '(a' is no regular expression: missing )" in outcome.stderr


def test_what_the_model_cannot_write_is_told(seqgen):
    outcome = seqgen("generate", "--sampler", "regex:pattern=\u6f22\u5b57")
    assert (outcome.exit_code, outcome.stdout) == (2, "")
    assert "no text of characters that this model can write matches" in outcome.stderr


def test_a_tokenizer_without_a_grammar_allows_anything(seqgen):
    def written(*options):
        return seqgen("generate", "--random-seed", 1, "--length", 40, *options).stdout

    assert written("--sampler", "grammar") == written()
