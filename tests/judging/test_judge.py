"""The documents of a part, read in pieces."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from seqgen.data.store import Part
from seqgen.judging.judge import contents_of
from seqgen.tokenizers.byte import ByteTokenizer

from .conftest import TOKENIZER, part

SEA = "the ice was thin and the sea was blue."


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
