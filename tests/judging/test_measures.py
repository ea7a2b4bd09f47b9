"""Figures of texts: each by its law, and by an example counted by hand."""

from __future__ import annotations

import itertools
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqgen.judging.measures import (
    distinct_n,
    measure,
    repetition,
    share_in,
    without_cut_word,
    without_rest_of_word,
    words,
    words_of_pieces,
)

from .conftest import copied

WORDS = st.lists(st.sampled_from(["the", "ice", "sea", "wind"]), max_size=12)


def test_words_are_letters_whatever_their_case_and_their_apostrophes():
    assert words("The captain’s log, 12 May: “WE'LL see” — café_x") == [
        *("the", "captain's", "log", "may", "we'll", "see", "café", "x")
    ]


def test_words_have_the_marks_of_their_letters():
    assert words("हिन्दी भाषा") == ["हिन्दी", "भाषा"]
    assert words("مَلِكٌ عادلٌ 3") == ["مَلِكٌ", "عادلٌ"]


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_words_are_the_same_in_any_normal_form(form):
    assert words(unicodedata.normalize(form, "Été, déjà ΐ İstanbul")) == words("Été, déjà ΐ İstanbul")
    assert words(unicodedata.normalize(form, "Été, déjà")) == ["été", "déjà"]


def test_numerals_are_no_letters():
    assert words("½ cup² of tea.¹ Chapter Ⅷ, 10 m², x²y and ②") == ["cup", "of", "tea", "chapter", "m", "x", "y", "and"]
    assert words("三 cups") == ["三", "cups"]  # a letter and a numeral
    assert words("二〇二三年") == ["二〇二三年"]


@given(text=st.text("ab'’ \u0301é²Ⅷ", max_size=40))
def test_a_numeral_ends_a_word_as_a_space_does(text):
    assert words(text) == words(text.replace("²", " ").replace("Ⅷ", " "))


@given(text=st.text("ab'’_1² \u0301é字ि", max_size=40), cuts=st.lists(st.integers(0, 40)))
def test_the_words_of_a_text_are_the_same_whatever_pieces_it_comes_in(text, cuts):
    bounds = [0, *sorted(cuts), len(text)]
    pieces = [text[first:last] for first, last in itertools.pairwise(bounds)]
    assert list(words_of_pieces(pieces)) == words(text)


def test_each_word_counts_as_often_as_it_stands():
    assert share_in(["the", "icce", "the", "sea"], {"the", "sea"}) == 0.75
    assert share_in([], {"the"}) is None


def test_distinct_n_is_different_over_all():
    texts = [["the", "ice", "the", "ice"], ["the", "ice"]]
    assert distinct_n(texts, 1) == 2 / 6
    assert distinct_n(texts, 2) == 2 / 4  # the ice, ice the; none from one text into the next
    assert distinct_n(texts, 5) is None


@given(texts=st.lists(WORDS, max_size=4), n=st.integers(1, 4))
def test_distinct_n_is_above_0_at_most_1_and_falls_when_all_is_said_again(texts, n):
    once, twice = distinct_n(texts, n), distinct_n(texts + texts, n)
    if once is None:
        assert twice is None
    else:
        assert 0 < once <= 1
        assert twice == pytest.approx(once / 2)


@given(texts=st.lists(WORDS, max_size=4), n=st.integers(1, 3))
def test_where_every_n_gram_differs_every_longer_one_does(texts, n):
    if distinct_n(texts, n) == 1:
        assert distinct_n(texts, n + 1) in (1, None)


def test_repetition_is_within_a_text_not_between_texts():
    loop = ["the", "ice", "was"] * 4  # 12 words: 9 spans of 4, of which 3 differ
    assert repetition([loop]) == pytest.approx(6 / 9)
    assert repetition([["a", "b", "c", "d"]] * 5) == 0
    assert repetition([loop, ["a", "b", "c", "d"], ["short"]]) == pytest.approx(6 / 9 / 2)
    assert repetition([["short"]]) is None


@given(texts=st.lists(WORDS, max_size=4), n=st.integers(1, 4))
def test_repetition_is_from_0_to_below_1(texts, n):
    repeated = repetition(texts, n)
    assert repeated is None or 0 <= repeated < 1


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("the ice was th", "the ice was "),
        ("the ice was.", "the ice was."),
        ("we don’", "we "),
        ("ACGTTACG", "ACGTTACG"),
        ("हिन्दी हिन्", "हिन्दी "),
        ("a cafe\u0301", "a "),
        pytest.param(f"a {'b' * 64}", "a ", id="a long word"),
        pytest.param(f"a。{'字' * 65}", f"a。{'字' * 65}", id="no spaces"),
        ("", ""),
        (b"\x41\x42", b"\x41\x42"),
    ],
)
def test_the_word_at_a_cut_is_left_out(text, left):
    assert without_cut_word(text) == left


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("e ice was", "ice was"),
        ("e.\n\n“Ice", "“Ice"),
        pytest.param(f"{'b' * 64} a", "a", id="a long word"),
        pytest.param(f"{'字' * 65}\n字", f"{'字' * 65}\n字", id="no spaces"),
        ("ACGTTACG", "ACGTTACG"),
        ("", ""),
    ],
)
def test_the_rest_of_a_word_at_the_beginning_is_left_out(text, left):
    assert without_rest_of_word(text) == left


def test_all_figures_of_a_text():
    texts = ["The ice, the ixe."]
    copies = copied(texts, ["the ice was blue"])
    found = measure(texts, copies, source_words={"the", "ice"}, listed_words={"the", "ixe"})
    assert (found.texts, found.characters) == (1, 17)
    assert (found.real_words, found.listed_words) == (0.75, 0.75)
    assert found.distinct == (3 / 4, 1.0, 1.0, 1.0)
    assert found.repetition == 0
    assert (found.longest_copied, found.copied_text, found.copied_shingles) == (6, "he ice", None)


def test_binary_media_have_no_words_and_n_grams_of_bytes():
    texts = [bytes([1, 2, 1, 2, 1])]
    found = measure(texts, copied(texts, [bytes([2, 1, 2])]), source_words=set(), listed_words={"the"})
    assert (found.real_words, found.listed_words) == (None, None)
    assert found.distinct == (2 / 5, 2 / 4, 2 / 3, 1.0)
    assert found.copied_text == bytes([2, 1, 2])
