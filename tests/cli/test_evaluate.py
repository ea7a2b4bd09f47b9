"""``seqgen evaluate``: figures for each file."""

from __future__ import annotations

import json
import math
import re
import shutil

import pytest

from seqgen.cli.evaluate import _score_record
from seqgen.evaluation import Score

pytestmark = pytest.mark.usefixtures("novel")


def figures(outcome) -> list[dict]:
    assert outcome.exit_code == 0, outcome
    record = json.loads(outcome.stdout)
    assert (record["model"], record["version"], record["backend"]) == ("novel", 1, "numpy")
    return record["files"]


def test_a_text_like_the_corpus_takes_fewer_bits_than_noise(seqgen, corpus, tmp_path):
    (tmp_path / "noise.txt").write_text("zqx;vkj" * 100)
    own, noise = figures(seqgen("evaluate", "novel", corpus, "noise.txt", "--json"))
    assert (own["file"], noise["file"]) == (str(corpus), "noise.txt")
    assert own["bits_per_character"] < 5 < noise["bits_per_character"]


def test_the_figures_agree_with_one_another(seqgen, corpus):
    (score,) = figures(seqgen("evaluate", "novel", corpus, "--json"))
    assert score["characters"] == score["tokens"] == 6000 - 1  # the first character is only read
    assert score["tokens_per_character"] == 1
    assert score["bits_per_character"] == pytest.approx(score["loss"] / math.log(2))
    assert score["perplexity"] == pytest.approx(math.exp(score["loss"]))
    assert (score["missing"], score["unknown_share"], score["changed_share"]) == ({}, 0, 0)
    assert (score["ends"], score["bits_per_character_with_ends"]) == (0, score["bits_per_character"])


def test_the_table_shows_the_same_figures(seqgen, corpus):
    (score,) = figures(seqgen("evaluate", "novel", corpus, "--json"))
    outcome = seqgen("evaluate", "novel", "novel.txt")
    assert outcome.stderr == ""
    header, row = (line.split() for line in outcome.stdout.splitlines() if line.strip(" ─"))
    assert header == ["file", "bits/character", "perplexity", "tokens/character", "characters"]
    assert row == [
        "novel.txt",
        f"{score['bits_per_character']:.4f}",
        f"{score['perplexity']:.3f}",
        "1.000",
        "5,999",
    ]


def test_figures_of_a_model_that_diverged_are_not_written_out(seqgen, corpus, monkeypatch):
    monkeypatch.setattr("seqgen.language_model.LanguageModel.score", lambda *_, **__: Score(3e32, 10**30, 100))
    assert re.search(r"novel\.txt +4\.3e\+30 +1\.9e\+130 ", seqgen("evaluate", "novel", "novel.txt").stdout)


def test_torch_finds_what_numpy_finds(seqgen, corpus):
    (numpy,) = figures(seqgen("evaluate", "novel", corpus, "--json"))
    (torch,) = json.loads(seqgen("evaluate", "novel", corpus, "--backend", "torch", "--json").stdout)["files"]
    assert torch["loss"] == pytest.approx(numpy["loss"], rel=1e-5)


def test_a_text_may_come_from_standard_input(seqgen, corpus):
    from_file, from_stdin = (
        figures(seqgen("evaluate", "novel", name, "--json", stdin=corpus.read_bytes()))[0]
        for name in ("novel.txt", "-")
    )
    assert from_stdin == from_file | {"file": "-"}


def test_symbols_that_the_model_does_not_know_are_named(seqgen, tmp_path):
    (tmp_path / "a[b]c.txt").write_text("the ice was é and ☃\n" * 5, "utf-8")
    outcome = seqgen("evaluate", "novel", "a[b]c.txt")
    assert "a[b]c.txt" in outcome.stdout
    assert " ".join(outcome.stderr.split()) == (
        "warning: a[b]c.txt: novel:1 does not know 'é' (read as 'e'), '☃' (left out). They are 10.0% of it, which no figure counts: "
        "do not compare the figures with another model's."
    )
    (score,) = figures(seqgen("evaluate", "novel", "a[b]c.txt", "--json"))
    assert (score["missing"], score["unknown_share"]) == ({"é": "e", "☃": None}, 0.1)


def test_files_may_be_read_in_another_way_than_the_corpus(seqgen, refused, tmp_path):
    (tmp_path / "latin.txt").write_text("the ice was cold in the café\n" * 9, "latin-1")
    sentence = refused("evaluate", "novel", "latin.txt", exit_code=1)
    assert "latin.txt is not UTF-8 text: byte 27 (0xE9) does not fit." in sentence
    assert "--dataset text:encoding=latin-1" in sentence
    (score,) = figures(seqgen("evaluate", "novel", "latin.txt", "--dataset", "text:encoding=latin-1", "--json"))
    assert score["characters"] == 29 * 9 - 1


BITS = """
from dataclasses import dataclass
from typing import ClassVar

from seqgen.core.dataset import Dataset
from seqgen.core.hookspecs import hookimpl
from seqgen.core.types import Document

SEQGEN_CONTRACT = "1.0"


@hookimpl
def register_datasets(register):
    register("bits", "seqgen_bits:Bits", summary="no text")


@dataclass(frozen=True, kw_only=True)
class Bits(Dataset):
    media_type: ClassVar[str] = "application/bits"

    def documents(self):
        yield Document("1", b"101")
"""


def test_files_that_are_read_as_what_the_model_does_not_take_are_refused(refused, corpus, install):
    install("seqgen_bits", BITS)
    assert refused("evaluate", "novel", corpus, "--dataset", "bits", exit_code=2) == (
        "Dataset bits gives application/bits, but novel:1 takes text/plain."
    )


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "text.txt does not exist."),
        (b"", "text.txt is empty."),
        (b"a", "There is nothing to score: the text has 1 token, and 2 are needed."),
        (b"abc\0\0\0\0\1", "text.txt is not text, but binary: byte 3 is NUL.  Name text files only."),
    ],
)
def test_a_file_that_cannot_be_scored_is_a_sentence(refused, tmp_path, content, sentence):
    if content is not None:
        (tmp_path / "text.txt").write_bytes(content)
    assert refused("evaluate", "novel", "text.txt", exit_code=1) == sentence


def test_a_text_of_which_nothing_is_known_is_a_sentence(seqgen, refused, tmp_path, corpus):
    (tmp_path / "names.txt").write_text("ann\nbea\ncal\n" * 30)
    options = ("--dataset", "lines", "--hidden-size", 4, "--embedding-size", 2, "--max-steps", 1, "--ngram-order", 0)
    assert seqgen("train", "names.txt", "--backend", "torch", *options).exit_code == 0
    (tmp_path / "text.txt").write_text("анна\nбеа\n", "utf-8")
    assert refused("evaluate", "names", "text.txt", exit_code=1) == "No symbol of text.txt is known to names:1."


def test_a_perplexity_beyond_all_numbers_is_infinite_and_in_json_nothing():
    score = Score(nats=8000.0, tokens=10, characters=10)
    assert score.perplexity == math.inf
    assert _score_record("text.txt", score)["perplexity"] is None


def test_neither_file_nor_samples_is_wrong_use(refused):
    assert refused("evaluate", "novel", exit_code=2) == (
        "Name texts to predict, or let MODEL write some with --samples N.  See seqgen evaluate --help"
    )


@pytest.mark.parametrize(
    ("columns", "shown"),
    [
        (80, ["file", "bits/character", "perplexity", "tokens/character", "characters"]),
        (72, ["file", "bits/character", "tokens/character", "characters"]),
        (60, ["file", "bits/character", "characters"]),
        (40, ["file", "bits/character"]),
    ],
)
def test_where_a_terminal_is_narrow_the_least_important_columns_go_and_never_the_file(
    terminal, corpus, monkeypatch, tmp_path, columns, shown
):
    (tmp_path / "a-chapter-with-a-long-name.txt").write_text("the ice was cold\n" * 9)
    monkeypatch.setenv("COLUMNS", str(columns))
    page = re.sub(
        r"\x1b\[[0-9;]*m", "", terminal("evaluate", "novel", "novel.txt", "a-chapter-with-a-long-name.txt").stdout
    )
    table, _, left = page.partition("Too wide for this terminal: ")
    header, first, second, *_ = (line for line in table.splitlines() if line.strip(" ─\r"))
    assert header.split() == shown
    assert first.split()[0] == "novel.txt"
    assert second.split()[0].startswith("a-chapter-with-a")
    assert max(map(len, table.splitlines())) <= columns
    assert ("perplexity" in left) == (columns < 80)


@pytest.mark.parametrize("asked", [("other.txt",), ("--samples", 2, "--corpus", "other.txt")], ids=str)
def test_where_the_registry_may_only_be_read_it_says_how_to_keep_the_tokens_elsewhere(
    refused, corpus, novel, tmp_path, closed, asked
):
    (tmp_path / "other.txt").write_text(corpus.read_text()[:2000])
    tokens = novel.parents[2] / "tokens"
    shutil.rmtree(tokens)
    tokens.mkdir()
    closed(tokens)
    assert refused("evaluate", "novel", *asked, exit_code=1) == (
        f"The token store in {tokens} cannot be written: Permission denied.  To keep the tokens of what is evaluated in another "
        f"folder: SEQGEN_HOME=FOLDER seqgen evaluate {novel} ..."
    )


def test_a_figure_that_cannot_be_written_is_no_matter_of_tokens(refused, corpus):
    message = refused("evaluate", "novel", "--samples", 2, "--plot", "nowhere/novel.svg", exit_code=1)
    assert "SEQGEN_HOME" not in message
