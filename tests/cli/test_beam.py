"""``seqgen generate --beam``: the likeliest text, and what has no place beside it."""

from __future__ import annotations

import json

import pytest

pytestmark = pytest.mark.usefixtures("novel")


def test_it_shows_one_text_which_is_the_same_each_time(seqgen):
    command = ("generate", "--seed", "the ice", "--beam", 4, "--length", "30c", "--sampler", "no-repeat-ngram:size=5")
    shown = seqgen(*command)
    assert shown.exit_code == 0
    assert shown.stdout.startswith("the ice")
    assert len(shown.stdout) == len("the ice") + 30 + 1
    assert seqgen(*command) == shown
    record = json.loads(seqgen(*command, "--json").stdout)
    assert f"the ice{record['samples'][0]['text']}\n" == shown.stdout
    assert record["random_seed"] is None


def test_a_beam_of_one_is_the_likeliest_token_each_time(seqgen):
    command = ("generate", "--seed", "the ice", "--length", 30)
    assert seqgen(*command, "--beam", 1).stdout == seqgen(*command, "--temperature", 0).stdout


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--num-samples", 2), "--beam and --num-samples do not go together; leave out --num-samples."),
        (("--best-of", 2), "--beam and --best-of do not go together; leave out --best-of."),
        (("--jsonl",), "--beam and --jsonl do not go together; leave out --jsonl."),
        (("--random-seed", 2), "--beam and --random-seed do not go together; leave out --random-seed."),
        (("--prefix-lines", "-"), "--beam and --prefix-lines do not go together; leave out --prefix-lines."),
        (("--show-probabilities",), "--show-probabilities shows one text for people; leave out --beam."),
        (
            ("--temperature", 0.5),
            "beam searches for the likeliest text and draws nothing: leave out Temperature(temperature=0.5)",
        ),
        (("--top-k", 5), "beam searches for the likeliest text and draws nothing: leave out TopK(k=5)"),
    ],
    ids=lambda value: str(value[0]) if isinstance(value, tuple) else "",
)
def test_what_has_no_place_beside_it_is_refused(refused, options, sentence):
    assert refused("generate", "--beam", 3, *options, exit_code=2) == sentence


def test_a_beam_of_nothing_is_refused(refused):
    sentence = refused("generate", "--beam", 0, exit_code=2)
    assert sentence.startswith("Invalid value for '--beam': 0 is not in the range x>=1.")
