"""How much of a text its tokenizer changes before it is predicted."""

from __future__ import annotations

import pytest

from seqgen.evaluation import changed_among
from seqgen.tokenizers.byte import ByteTokenizer
from seqgen.tokenizers.char import CharTokenizer
from seqgen.tokenizers.word import WordTokenizer


@pytest.mark.parametrize(
    ("tokenizer", "text", "share"),
    [
        (CharTokenizer(), "The Ice", 0),
        (CharTokenizer(lowercase=True), "The Ice", 2 / 7),
        (CharTokenizer(lowercase=True), "Aa bB", 2 / 5),
        (WordTokenizer(lowercase=True), "The Ice", 2 / 7),
        (CharTokenizer(normalization="NFC"), "cafe\u0301", 2 / 5),  # two characters become one
        (CharTokenizer(normalization="NFD"), "caf\u00e9", 1 / 4),  # and one two
        (ByteTokenizer(), "The Ice", 0),
    ],
)
def test_characters_that_are_no_more_in_what_is_predicted_are_counted(tokenizer, text, share):
    fitted = tokenizer.fit([text])
    assert changed_among(fitted, [text, text], fitted.missing(text)) == pytest.approx(share)


def test_those_that_the_vocabulary_lacks_are_not_among_them():
    tokenizer = CharTokenizer(lowercase=True).fit(["the ice"])
    text = "The Ic\u00e9 X"
    missing = tokenizer.missing(text)
    assert missing == {"\u00e9": "e", "x": None}
    assert changed_among(tokenizer, [text], missing) == 2 / 9


def test_of_other_media_and_of_nothing_the_share_is_0():
    tokenizer = CharTokenizer(lowercase=True).fit(["the ice"])
    assert changed_among(tokenizer, [], {}) == 0
    assert changed_among(tokenizer, [b"THE"], {}) == 0
