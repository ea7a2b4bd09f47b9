"""``seqgen generate --prefix-lines``: lines that start with given texts."""

from __future__ import annotations

import json

import pytest

import seqgen as seqgen_api

pytestmark = pytest.mark.usefixtures("novel")

STARTS = ("The ice", "and", "", "then the")


@pytest.fixture
def starts(tmp_path):
    path = tmp_path / "starts.txt"
    path.write_bytes("\r\n".join(STARTS).encode("utf-8-sig") + b"\r\n")
    return path


def test_each_line_starts_with_a_line_of_the_file(seqgen, starts):
    outcome = seqgen("generate", "--prefix-lines", starts, "--length", "20c")
    assert outcome.exit_code == 0
    lines = outcome.stdout.removesuffix("\n").split("\n")
    for line, start in zip(lines, STARTS, strict=True):
        assert line.startswith(start)
        assert len(line) <= len(start) + 20


def test_the_same_random_seed_gives_the_same_poem_streamed_whole_alone_and_among_many(seqgen, starts):
    command = ("generate", "--prefix-lines", starts, "--length", 15, "--random-seed", 3)
    streamed = seqgen(*command).stdout
    assert seqgen(*command, "--no-stream").stdout == streamed
    many = [json.loads(line) for line in seqgen(*command, "--num-samples", 70, "--jsonl").stdout.splitlines()]
    first = next(record for record in many if record["sample"] == 0)
    assert f"{first['text']}\n" == streamed
    assert first["prefix_lines"] == list(STARTS)
    assert len({record["text"] for record in many}) == 70


@pytest.mark.parametrize("dataset", ["text", "lines"])
def test_an_empty_line_stands_between_poems_also_where_the_model_writes_lines(seqgen, corpus, starts, dataset):
    shape = ("--hidden-size", 4, "--embedding-size", 2, "--max-steps", 1, "--ngram-order", 0)
    seqgen("train", corpus, "--dataset", dataset, *shape)
    command = ("generate", "--prefix-lines", starts, "--length", 15, "--random-seed", 3)
    poems = json.loads(seqgen(*command, "--num-samples", 3, "--json").stdout)["samples"]
    assert seqgen(*command, "--num-samples", 3).stdout == "\n".join(f"{poem['text']}\n" for poem in poems)


def test_a_prompt_stands_on_a_line_of_its_own(seqgen, starts):
    outcome = seqgen("generate", "--seed", "on the sea", "--prefix-lines", starts, "--length", 9)
    assert outcome.stdout.startswith("on the sea\nThe ice")
    assert outcome.stdout.count("\n") == 1 + len(STARTS)


def test_the_lines_come_from_standard_input_too(seqgen):
    outcome = seqgen("generate", "--prefix-lines", "-", "--length", 9, stdin=b"one\ntwo")
    assert [line[:3] for line in outcome.stdout.splitlines()] == ["one", "two"]


def test_lines_may_end_as_in_any_corpus(seqgen, starts):
    command = ("generate", "--prefix-lines", starts, "--length", 9, "--random-seed", 3)
    ends = seqgen(*command)
    starts.write_bytes("\r".join(STARTS).encode() + b"\r")
    assert seqgen(*command) == ends


def test_unknown_symbols_are_shown_and_told(seqgen, starts):
    starts.write_text("☃ the\nicé", "utf-8")
    outcome = seqgen("generate", "--prefix-lines", starts, "--length", 9)
    assert [line[:3] for line in outcome.stdout.splitlines()] == ["☃ t", "icé"]
    assert outcome.stderr == "warning: novel:1 does not know '☃' (left out), 'é' (read as 'e').\n"


@pytest.mark.parametrize("prompt", ["", "the ice\n"])
def test_unknown_symbols_alone_are_shown_beside_the_probabilities_of_no_token(seqgen, starts, tmp_path, prompt):
    starts.write_text("☃", "utf-8")
    command = ("generate", "--prefix-lines", starts, "--sampler", r"regex:pattern=\n")  # the line ends at once
    command = (*command, "--seed", prompt) if prompt else command
    assert seqgen(*command).stdout == f"{prompt}☃\n"
    assert seqgen(*command, "--show-probabilities").stdout == f"{prompt}☃\n\n\n"
    assert seqgen(*command, "--show-probabilities", "--output", "page.html").exit_code == 0
    assert f'<pre dir="auto" lang="">{prompt}☃</pre>' in (tmp_path / "page.html").read_text("utf-8")


def test_a_file_of_other_lines_is_not_continued(seqgen, refused, starts, tmp_path):
    command = ("generate", "--prefix-lines", starts, "--length", 9, "--num-samples", 3, "--output", "poems.jsonl")
    assert seqgen(*command).exit_code == 0
    before = (tmp_path / "poems.jsonl").read_bytes()
    assert seqgen(*command).exit_code == 0
    starts.write_text("another", "utf-8")
    assert 'its line 1 has prefix_lines ["The ice", "and", "", "then the"]' in refused(*command, exit_code=2)
    assert (tmp_path / "poems.jsonl").read_bytes() == before


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "The lines' file starts.txt cannot be read: No such file or directory."),
        (b"", "The lines' file starts.txt is empty.  Leave --prefix-lines out to start from nothing."),
        (
            b"caf\xe9",
            "starts.txt is not UTF-8 text: byte 3 does not fit.  As latin-1 it would read 'café'.  Save it as UTF-8",
        ),
    ],
    ids=["missing", "empty", "latin-1"],
)
def test_a_file_that_cannot_be_read_is_told(refused, tmp_path, content, sentence):
    if content is not None:
        (tmp_path / "starts.txt").write_bytes(content)
    assert refused("generate", "--prefix-lines", "starts.txt", exit_code=2) == sentence


def test_the_best_of_several_is_chosen_by_what_was_added_to_the_lines(seqgen, starts):
    starts.write_text("xqx\nqqx", "utf-8")  # next to impossible, which a long text would dilute
    shorter = []
    for random_seed in range(4):
        how = {"prefix_lines": ["xqx", "qqx"], "length": 30, "stop": ["s"], "random_seed": random_seed}
        samples = seqgen_api.load("novel").prepare(**how).samples(9, log_probabilities=True)
        best = max(samples, key=lambda sample: sample.log_probability / len(sample.drawn))  # a token is a character
        command = ("generate", "--prefix-lines", starts, "--length", 30, "--stop", "s", "--random-seed", random_seed)
        assert seqgen(*command, "--best-of", 9).stdout == f"{best.text}\n"
        shorter.append(best.tokens < max(sample.tokens for sample in samples))
    assert any(shorter)
