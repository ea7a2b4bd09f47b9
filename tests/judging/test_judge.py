"""Held-out text in passages that are as samples are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqgen.data.store import Part
from seqgen.judging.judge import contents_of, held_out_passages, last_character
from seqgen.tokenizers.byte import ByteTokenizer
from seqgen.tokenizers.char import CharTokenizer

TOKENIZER = CharTokenizer().fit(["the ice was thin and the sea was blue.", "é\n。字"])


def part(*documents: str, has_ends: bool) -> Part:
    end = [TOKENIZER.end_id] if has_ends else []
    tokens, starts = [], [0]
    for document in documents:
        tokens += [*end, *TOKENIZER.encode(document).tolist()]
        starts.append(len(tokens))
    hashes = np.zeros(len(documents), np.uint64)
    return Part(np.array(tokens + end), np.array(starts), hashes, has_ends)


SEA = "the ice was thin and the sea was blue."


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
    assert held_out_passages(part(*documents, has_ends=has_ends), TOKENIZER, length) == passages


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
    assert held_out_passages(whole, ByteTokenizer(), length) == passages


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
    assert held_out_passages(validation, TOKENIZER, 9, last_character(training, TOKENIZER)) == passages


@pytest.mark.parametrize("cut", [9, 10], ids=["before the end", "after the end"])
def test_nothing_is_before_the_first_passage_where_the_cut_is_between_documents(cut):
    whole = part("the sea.", "ice was thin", has_ends=True)
    training, validation = (replace(whole, tokens=tokens) for tokens in np.split(whole.tokens, [cut]))
    assert held_out_passages(validation, TOKENIZER, 9, last_character(training, TOKENIZER)) == ["ice was "]


def test_where_bytes_are_cut_within_a_character_the_first_passage_begins_with_a_whole_one():
    training, validation = np.split(ByteTokenizer().encode("氷の海を船が行く"), [4])
    training, validation = (
        Part(tokens, np.array([0, tokens.size]), np.zeros(1, np.uint64), has_ends=False)
        for tokens in (training, validation)
    )
    before = last_character(training, ByteTokenizer())
    assert held_out_passages(validation, ByteTokenizer(), 8, before) == ["海を", "船が"]


@given(text=st.text("abc .é\n", max_size=60), length=st.integers(1, 20))
def test_passages_of_a_text_are_pieces_of_it_in_order_and_none_is_too_long(text, length):
    place = 0
    for passage in held_out_passages(part(text, has_ends=False), TOKENIZER, length):
        assert 0 < len(passage) <= length
        place = text.index(passage, place)


@given(
    documents=st.lists(st.text("abc .é", min_size=1, max_size=12), max_size=5),
    has_ends=st.booleans(),
    at_once=st.integers(1, 30),
)
def test_the_documents_of_a_part_are_the_same_whatever_is_decoded_at_a_time(documents, has_ends, at_once):
    read, document = [], ""
    for content, last in contents_of(part(*documents, has_ends=has_ends), TOKENIZER, at_once=at_once):
        document += content
        if last:
            read.append(document)
            document = ""
    whole = documents if has_ends else ["".join(documents)] * bool(documents)
    assert (read, document) == ([TOKENIZER.canonical(each) for each in whole], "")


@given(text=st.text("aл氷\U0001f600", min_size=1, max_size=20), at_once=st.integers(1, 30))
def test_characters_of_several_tokens_are_not_cut(text, at_once):
    tokens = ByteTokenizer().encode(text)
    whole = Part(tokens, np.array([0, tokens.size]), np.zeros(1, np.uint64), has_ends=False)
    assert "".join(content for content, _ in contents_of(whole, ByteTokenizer(), at_once=at_once)) == text


def test_how_much_of_a_part_has_been_read_is_told():
    told = []
    list(contents_of(part(SEA, has_ends=False), TOKENIZER, told.append, at_once=10))
    assert told == [10 / 38, 20 / 38, 30 / 38, 1.0]
