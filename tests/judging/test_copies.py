"""What is copied is found exactly: the same as by trying every span."""

from __future__ import annotations

import random
import time
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqgen.judging.copies import Search

from .conftest import copied

TEXTS = st.lists(st.text("ab☃\U0001f600", max_size=24), max_size=4)


def spans(text, length):
    return [text[i : i + length] for i in range(len(text) - length + 1)]


def longest_by_trying(texts, sources):
    lengths = (
        length
        for text in texts
        for length in range(1, len(text) + 1)
        if any(span in source for span in spans(text, length) for source in sources)
    )
    return max(lengths, default=0)


@given(texts=TEXTS, sources=TEXTS)
def test_the_longest_span_is_as_long_as_trying_all_finds_and_is_in_both(texts, sources):
    longest = copied(texts, sources).longest
    assert len(longest) == longest_by_trying(texts, sources)
    if longest:
        assert any(longest in text for text in texts)
        assert any(longest in source for source in sources)


@given(texts=TEXTS, sources=TEXTS, shingle=st.integers(1, 9))
def test_the_share_of_shingles_is_what_counting_finds(texts, sources, shingle):
    every = [span for text in texts for span in spans(text, shingle)]
    share = sum(any(span in source for source in sources) for span in every) / len(every) if every else None
    assert copied(texts, sources, shingle=shingle).shingles == share


@given(texts=TEXTS, sources=TEXTS)
def test_bytes_are_searched_as_texts_are(texts, sources):
    as_text = copied(texts, sources, shingle=3)
    narrow = [[text.encode("utf-32-le")[::4] for text in each] for each in (texts, sources)]
    as_bytes = copied(*narrow, shingle=3)
    assert (len(as_bytes.longest), as_bytes.shingles) == (len(as_text.longest), as_text.shingles)


@given(text=st.text(min_size=20, max_size=90), before=st.text(max_size=9))
def test_a_text_copied_whole_is_copied_whole(text, before):
    found = copied([text], [before + text])
    assert (found.longest, found.shingles) == (text, 1.0)


@given(texts=TEXTS, sources=TEXTS, shingle=st.integers(1, 9), at_once=st.integers(1, 40), cut=st.integers(1, 9))
def test_what_is_found_does_not_depend_on_the_pieces_that_sources_come_in_and_are_searched_in(
    texts, sources, shingle, at_once, cut
):
    search = Search(texts, shingle=shingle, at_once=at_once)
    for source in sources:
        for first in range(0, len(source), cut):
            search.read(source[first : first + cut])
        search.end()
    assert search.found() == copied(texts, sources, shingle=shingle)


def test_of_a_source_no_more_is_held_than_is_searched_at_once_whether_it_comes_whole_or_not():
    text = "the ice was thin and the sea was blue. "
    long = text * 50_000  # 2 MB, of which each symbol would be 8 bytes
    for pieces in ([long], [text] * 50_000):
        tracemalloc.start()
        search = Search([text], at_once=10_000)
        for piece in pieces:
            search.read(piece)
        assert search.found().longest == text
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 2_000_000


@pytest.mark.parametrize(
    ("texts", "sources", "longest", "shingles"),
    [
        (["the ice was thin"], ["we saw the ice was blue"], "the ice was ", 9 / 13),
        (["abcd"], ["abc", "d"], "abc", 0.0),  # not across two sources
        (["abc", "d"], ["abcd"], "abc", None),  # nor across two texts
        ([b"\x00\xff\x00\xff"], [b"\xff\x00\xff"], b"\xff\x00\xff", 0.0),
        (["lone \ud800 half"], ["a \ud800 h"], " \ud800 h", 1 / 8),
        (["abc"], ["xyz"], "", None),
        ([], ["abc"], "", None),
        (["abcdef"], [], "", 0.0),
    ],
)
def test_some_examples(texts, sources, longest, shingles):
    found = copied(texts, sources, shingle=4)
    assert found.longest == longest
    assert found.shingles == shingles


@pytest.mark.slow
def test_in_a_megabyte_what_100_samples_copied_is_found_within_5_seconds():
    ice = (Path(__file__).parents[2] / "corpora" / "ice.txt").read_text("utf-8")
    shuffled = random.Random(1).choices(ice.split(), k=200_000)
    corpus = (ice + " ".join(shuffled))[:1_000_000]
    samples = [corpus[place : place + 400] for place in range(0, 1_000_000, 10_000)]
    started = time.perf_counter()
    found = copied(samples, [corpus])
    assert time.perf_counter() - started < 5
    assert (len(corpus), len(found.longest), found.shingles) == (1_000_000, 400, 1.0)
