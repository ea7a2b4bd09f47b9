"""What a vocabulary lacks of a corpus no loss counts, so that it is told where it is much."""

from __future__ import annotations

import dataclasses

import pytest

from seqgen.core.dataset import Dataset
from seqgen.core.types import Document
from seqgen.tokenizers.byte import ByteTokenizer
from seqgen.tokenizers.char import CharTokenizer
from seqgen.tokenizers.word import WordTokenizer
from seqgen.training.unknown_share import unknown_share

from .conftest import Reporter


@dataclasses.dataclass(frozen=True, kw_only=True)
class Documents(Dataset):
    contents: list

    def documents(self):
        return (Document(str(number), content) for number, content in enumerate(self.contents))


@pytest.mark.parametrize(
    ("contents", "share"),
    [(["aaaa", "aabb"], 0.25), (["aaaa"], 0.0), (["bbbb"], 1.0), ([b"bbbb"], 0.0)],
)
def test_it_is_the_share_of_the_characters(contents, share):
    assert unknown_share(CharTokenizer().fit(["a"]), Documents(contents=contents)) == share


@pytest.mark.parametrize(
    ("tokenizer", "share"),
    [
        (CharTokenizer(), 11 / 21),
        (CharTokenizer(lowercase=True), 11 / 21),
        (CharTokenizer(normalization="NFC"), 11 / 21),
        (CharTokenizer(normalization="NFD"), 11 / 21),
        (WordTokenizer(lowercase=True), 11 / 21),
    ],
    ids=str,
)
def test_characters_count_as_they_stand_in_the_text_before_it_is_lower_case_or_a_normal_form(tokenizer, share):
    tokenizer = tokenizer.fit(["the ice cold"])
    assert unknown_share(tokenizer, Documents(contents=["the icé ", "ПРИВЕТ МИРÜ i"])) == pytest.approx(share)


def test_what_lacks_nothing_where_it_stands_does_not_count_though_it_is_unknown_alone():
    tokenizer = CharTokenizer(normalization="NFC").fit(["caf\u00e9"])
    assert unknown_share(tokenizer, Documents(contents=["cafe\u0301", "cafe\u0301x"])) == pytest.approx(1 / 11)


def test_a_tokenizer_that_lacks_nothing_does_not_read_the_corpus_again():
    assert unknown_share(ByteTokenizer(), None) == 0.0


def test_of_a_large_corpus_the_first_characters_are_looked_at(monkeypatch):
    monkeypatch.setattr("seqgen.training.unknown_share.LOOKED_AT", 6)
    assert unknown_share(CharTokenizer().fit(["a"]), Documents(contents=["aaab", "bbaaaaaaaa", None])) == 0.5


def told(reporter):
    return [line for line in reporter.told if "the vocabulary lacks" in line]


def test_a_training_tells_of_it(start):
    reporter = Reporter()
    start(max_steps=2, tokenizer="char:min_count=100", reporter=reporter)
    (line,) = told(reporter)
    assert line.startswith("warning: ")
    assert "of the corpus are symbols that the vocabulary lacks" in line


def test_it_tells_nothing_where_little_is_lacking(start):
    reporter = Reporter()
    start(max_steps=2, reporter=reporter)
    assert not told(reporter)


def test_it_tells_where_a_model_goes_on_with_what_is_nearest(start, tmp_path):
    parent = start(max_steps=2).version.open()
    (tmp_path / "other.txt").write_text("The sea is wide!  ßøł " * 40, "utf-8")
    reporter = Reporter()
    start(max_steps=2, parent=parent, unseen="nearest", sources=[str(tmp_path / "other.txt")], reporter=reporter)
    assert len(told(reporter)) == 1
