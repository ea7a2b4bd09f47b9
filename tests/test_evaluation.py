"""How many characters tokens stand for, and how much of a text its tokenizer changes before it is predicted."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqgen import evaluation
from seqgen.core.tokenizer import Tokenizer
from seqgen.evaluation import adds_up, changed_among, count_characters, part_of, score_of, unknown_among
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


@pytest.mark.parametrize(
    ("tokenizer", "text", "unknown", "changed"),
    [
        (CharTokenizer(normalization="NFC"), "caf\u00e9", 1 / 4, 0),
        (CharTokenizer(normalization="NFC"), "cafe\u0301", 2 / 5, 0),
        (CharTokenizer(normalization="NFC"), "cafe\u0301 \u00e9 a\u0301", 3 / 10, 2 / 10),  # a with an accent it has
        (CharTokenizer(normalization="NFC", lowercase=True), "CAFE\u0301", 2 / 5, 3 / 5),
        (CharTokenizer(), "cafe\u0301 \u00e9", 2 / 7, 0),  # the accent, and the letter with one
        (CharTokenizer(normalization="NFD"), "caf\u00e8", 1 / 4, 0),
        (WordTokenizer(), "cafe\u0301", 1 / 5, 0),
    ],
)
def test_what_is_unknown_is_so_in_any_form_that_it_is_written_in(tokenizer, text, unknown, changed):
    fitted = tokenizer.fit(["cafe the \u00e1"])
    missing, share = unknown_among(fitted, [text, text])
    assert share == pytest.approx(unknown)
    assert changed_among(fitted, [text, text], missing) == pytest.approx(changed)


@dataclass(frozen=True, kw_only=True)
class Framed(ByteTokenizer):
    """Decodes each document between brackets, with its length."""

    framed = True

    def decode(self, ids):
        text = super().decode(ids)
        return f"[{len(text)} {text}]"

    def characters(self, ids):
        return len(self.decode(ids))

    def pieces(self):
        return None


class Spaced(WordTokenizer):
    """Decodes with a space before each token but the first, whatever stands between documents."""

    characters = Tokenizer.characters

    def decode(self, ids):
        return " ".join(filter(None, map(self._pieces.__getitem__, ids.tolist())))

    def pieces(self):
        return None


TOKENIZERS = [CharTokenizer(), WordTokenizer(), ByteTokenizer(), Framed(), Spaced()]


@pytest.mark.parametrize("tokenizer", TOKENIZERS, ids=lambda tokenizer: type(tokenizer).__name__)
@given(texts=st.lists(st.text("ab é\N{SNOWMAN}", max_size=9), min_size=1, max_size=6), has_ends=st.booleans())
def test_several_documents_have_the_characters_of_each(tokenizer, texts, has_ends):
    fitted = tokenizer.fit(texts)
    part = part_of(fitted, texts, has_ends=has_ends)
    assert count_characters(fitted, part) == sum(len(fitted.decode(fitted.encode(text))) for text in texts if text)


@pytest.mark.parametrize("has_ends", [False, True])
def test_documents_that_are_decoded_each_by_itself_are_so_also_where_they_are_read_in_pieces(monkeypatch, has_ends):
    texts = ["a", "bb", "", "ccc", "d" * 30, "e"]
    part = part_of(Framed(), texts, has_ends=has_ends)
    whole = count_characters(Framed(), part)
    assert whole == sum(len(Framed().decode(Framed().encode(text))) for text in texts if text)
    monkeypatch.setattr(evaluation, "_CHUNK", 25)
    # One of them is in both pieces, so that there are brackets, a space and a length of two digits once more.
    assert count_characters(Framed(), part) == whole + 5


def test_where_characters_add_up_they_are_counted_at_once(monkeypatch):
    asked = []
    monkeypatch.setattr(CharTokenizer, "characters", lambda _, ids: asked.append(len(ids)) or 0)
    tokenizer = CharTokenizer().fit(["ab"])
    count_characters(tokenizer, part_of(tokenizer, ["a", "b", "ab"], has_ends=True))
    assert asked[-1:] == [8]
    assert [adds_up(each) for each in TOKENIZERS] == [True, True, True, False, False]


@pytest.mark.parametrize(
    ("tokenizer", "text", "characters"),
    [
        (CharTokenizer(), "中文", 1),
        (ByteTokenizer(), "中文", 2),  # five of six tokens are scored
        (ByteTokenizer(), "中", 1),
        (ByteTokenizer(), "the 中", 4),
    ],
)
def test_the_first_token_is_not_scored_and_a_character_that_it_begins_counts_once(tokenizer, text, characters):
    fitted = tokenizer.fit([text])
    part = part_of(fitted, [text], has_ends=False)
    score = score_of(1.0, len(part.tokens) - 1, tokenizer=fitted, part=part, contents=lambda: [text])
    assert score.characters == characters


class Summed(ByteTokenizer):
    """Counts characters as NumPy sums them."""

    def characters(self, ids):
        return (ids < 256).sum()


def test_characters_that_are_counted_in_numbers_of_numpy_are_told_in_those_of_python():
    assert type(count_characters(Summed(), part_of(Summed(), ["ab", "c"], has_ends=True))) is int


def test_of_other_media_and_of_nothing_the_share_is_0():
    tokenizer = CharTokenizer(lowercase=True).fit(["the ice"])
    assert changed_among(tokenizer, [], {}) == 0
    assert changed_among(tokenizer, [b"THE"], {}) == 0
