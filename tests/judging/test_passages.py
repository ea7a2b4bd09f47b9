"""Held-out text in passages that are as samples are."""

from __future__ import annotations

import tracemalloc
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqgen.data.store import Part
from seqgen.judging.passages import Passages, last_character
from seqgen.tokenizers.byte import ByteTokenizer
from seqgen.tokenizers.char import CharTokenizer

from .conftest import TOKENIZER, part

SEA = "the ice was thin and the sea was blue."


def passages_of(*of) -> list[str]:
    """All of them that are not empty."""
    return [passage for passage in Passages(*of) if passage]


@pytest.mark.parametrize(
    ("documents", "has_ends", "length", "passages"),
    [
        ([SEA], False, 12, ["the ice was ", "thin and ", " sea was "]),  # the rest is shorter than a sample
        ([SEA], False, 10, ["the ice ", "thin ", " the sea "]),
        ([SEA], False, 38, [SEA]),
        ([SEA], False, 39, []),
        (["theicewasthin"], False, 6, ["theice", "wasthi"]),  # where there are no words, as it is
        (["the ice", "was", "thin"], True, 10, ["the ice", "was", "thin"]),
        ([SEA, "the sea"], True, 10, ["the ice ", "thin ", " the sea ", "the sea"]),
        ([], False, 10, []),
        # Where lines are long and have no spaces, what stands before the next one is not the rest of a word.
        ([f"{'字' * 70}。\n" * 4], False, 76, [f"{'字' * 70}。\n", f"{'字' * 66}。\n", "字" * 12]),
    ],
)
def test_passages_are_as_samples_are(documents, has_ends, length, passages):
    assert passages_of(part(*documents, has_ends=has_ends), TOKENIZER, length) == passages


@pytest.mark.parametrize(
    ("text", "length", "passages"),
    [
        ("лёд был тонок и море сине", 17, ["лёд был ", "и "]),  # cut within о and after the р
        ("а б в г д", 3, ["а ", "б ", "в ", "г "]),
        ("а б в г д", 4, ["а ", "в", " г "]),  # cut within б
        ("氷の海を船が行く", 7, ["氷の", "を", "が行"]),
    ],
)
def test_passages_of_bytes_begin_and_end_with_whole_characters_and_words(text, length, passages):
    tokens = ByteTokenizer().encode(text)
    whole = Part(tokens, np.array([0, tokens.size]), np.zeros(1, np.uint64), has_ends=False)
    assert passages_of(whole, ByteTokenizer(), length) == passages


@pytest.mark.parametrize(
    ("trained_on", "held_out", "has_ends", "passages"),
    [
        ("the ice was thin an", "d the sea was blue.", False, ["the ", " was "]),
        ("the ice was thin and", " the sea was blue.", False, [" the sea ", "was blue."]),
        ("the ice was thin and ", "the sea was blue.", False, ["the sea "]),
        ("the ice was thin an", "d the sea was blue.", True, ["the ", " was "]),
    ],
)
def test_the_first_passage_of_a_document_that_is_cut_begins_with_a_word_too(trained_on, held_out, has_ends, passages):
    whole = part("a sea.", trained_on + held_out, has_ends=has_ends)
    cut = len(whole.tokens) - len(held_out) - has_ends
    training, validation = (replace(whole, tokens=tokens) for tokens in np.split(whole.tokens, [cut]))
    assert passages_of(validation, TOKENIZER, 9, last_character(training, TOKENIZER)) == passages


@pytest.mark.parametrize("cut", [9, 10], ids=["before the end", "after the end"])
def test_nothing_is_before_the_first_passage_where_the_cut_is_between_documents(cut):
    whole = part("the sea.", "ice was thin", has_ends=True)
    training, validation = (replace(whole, tokens=tokens) for tokens in np.split(whole.tokens, [cut]))
    assert passages_of(validation, TOKENIZER, 9, last_character(training, TOKENIZER)) == ["ice was "]


def test_where_bytes_are_cut_within_a_character_the_first_passage_begins_with_a_whole_one():
    training, validation = np.split(ByteTokenizer().encode("氷の海を船が行く"), [4])
    training, validation = (
        Part(tokens, np.array([0, tokens.size]), np.zeros(1, np.uint64), has_ends=False)
        for tokens in (training, validation)
    )
    before = last_character(training, ByteTokenizer())
    assert passages_of(validation, ByteTokenizer(), 8, before) == ["海を", "船が"]


@given(text=st.text("abc .é\n", max_size=60), length=st.integers(1, 20))
def test_passages_of_a_text_are_pieces_of_it_in_order_and_none_is_too_long(text, length):
    place = 0
    for passage in passages_of(part(text, has_ends=False), TOKENIZER, length):
        assert 0 < len(passage) <= length
        place = text.index(passage, place)


LINES = ["e" * length for length in range(1, 21)]


@pytest.mark.parametrize(
    ("most", "picked"), [(1, [0]), (2, [0, 19]), (3, [0, 10, 19]), (20, [*range(20)]), (99, [*range(20)])]
)
def test_those_that_are_picked_are_from_all_over(most, picked):
    found = Passages(part(*LINES, has_ends=True), TOKENIZER, 30).spread(most)
    assert found == [LINES[place] for place in picked]


@given(count=st.integers(0, 20), most=st.integers(1, 30))
def test_none_is_picked_twice(count, most):
    found = Passages(part(*LINES[:count], has_ends=True), TOKENIZER, 30).spread(most)
    assert len(set(found)) == len(found) == min(count, most)


def test_an_empty_passage_gives_way_to_the_next_that_was_not_picked():
    tokens = np.frombuffer("氷".encode() * 2 + b"a b c d ", np.uint8)  # three bytes each: within a character
    whole = Part(tokens, np.array([0, tokens.size]), np.zeros(1, np.uint64), has_ends=False)
    passages = Passages(whole, ByteTokenizer(), 2)
    assert list(passages) == ["", "", "", "a ", "b ", "c ", "d "]
    assert passages.spread(3) == ["a ", "b ", "d "]
    assert passages.spread(7) == ["a ", "b ", "c ", "d "]


@dataclass(frozen=True, kw_only=True)
class Counting(CharTokenizer):
    """Counts the tokens that it decodes."""

    def decode(self, ids):
        decoded.append(len(ids))
        return super().decode(ids)


decoded: list[int] = []


@pytest.mark.parametrize("has_ends", [False, True])
def test_only_those_that_are_picked_are_decoded(has_ends):
    decoded.clear()
    tokenizer = Counting(symbols=TOKENIZER.symbols)
    passages = Passages(part(*["the ice was thin "] * 1000, has_ends=has_ends), tokenizer, 10)
    assert len(passages) >= 1000
    assert len(passages.spread(5)) == 5
    assert sum(decoded) <= 5 * (10 + 64)  # with what tells how the text before ends


def test_many_documents_take_some_bytes_each():
    lines = part(*["ice"] * 100_000, has_ends=True)
    tracemalloc.start()
    try:
        assert len(Passages(lines, TOKENIZER, 400).spread(100)) == 100
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most < 100 * 100_000
