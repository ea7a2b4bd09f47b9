import re
import unicodedata
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqgen.core.text import cut_before_space, fuller_form, last_cut, marks, told_apart, word_pattern

pieces = st.lists(st.text(st.sampled_from("ab \n\t\r\x0c\u00a0")))


@given(pieces)
def test_the_pieces_joined_are_the_text(pieces):
    assert "".join(cut_before_space(pieces)) == "".join(pieces)


@given(pieces)
def test_every_cut_is_before_white_space_that_follows_something_else(pieces):
    cut = list(cut_before_space(pieces))
    for left, right in pairwise(cut):
        assert not left[-1].isspace()
        assert right[0] in " \n\t\r"


def test_text_is_given_as_soon_as_a_later_cut_is_known():
    assert list(cut_before_space(["one tw", "o three", " four", "", " ", "five"])) == [
        "one",
        " two",
        " three",
        " four",
        " five",
    ]


def test_a_cut_after_other_white_space_is_none_since_a_token_may_span_it():
    assert list(cut_before_space(["a\x0c", "\n\nb"])) == ["a\x0c\n\nb"]


@given(st.text(st.sampled_from("ab \n\x0c"), max_size=40), st.integers(1, 9))
def test_last_cut_is_the_last_place_in_reach(text, within):
    places = [i for i in range(1, len(text)) if text[i] in " \n" and not text[i - 1].isspace()]
    assert last_cut(text) == max(places, default=-1)
    assert last_cut(text, within=within) == max((i for i in places if i >= len(text) - within), default=-1)


def test_last_cut_is_found_far_from_the_end():
    assert last_cut("a b" + "c" * 100_000) == 1
    assert last_cut("ab" + " " * 100_000) == 2


def test_marks_are_all_combining_marks_of_unicode_and_nothing_else():
    mark = re.compile(f"[{marks()}]")
    found = {code for code in range(0x110000) if mark.match(chr(code))}
    assert found == {code for code in range(0x110000) if unicodedata.category(chr(code)) in ("Mn", "Mc")}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("हिन्दी भाषा है", ["हिन्दी", "भाषा", "है"]),
        ("مَلِكٌ عادلٌ", ["مَلِكٌ", "عادلٌ"]),
        ("l'e\u0301te\u0301, de\u0301ja\u0300", ["l'e\u0301te\u0301", "de\u0301ja\u0300"]),
        ("we don’t 'see'", ["we", "don’t", "see"]),
        ("\u0301a b\u0301c\u0301 \u0301", ["a", "b\u0301c\u0301"]),
        ("a'\u0301b '' c\u0301'd' e’", ["a", "b", "c\u0301'd", "e"]),
        ("a\U000e01efb\U000e01f0 c—d", ["a\U000e01efb", "c", "d"]),
    ],
    ids=[
        "Hindi",
        "vocalised Arabic",
        "NFD",
        "apostrophes",
        "marks of nothing",
        "marks and apostrophes",
        "the last mark",
    ],
)
def test_a_word_is_letters_each_with_its_marks(text, words):
    assert re.findall(word_pattern(r"\w"), text) == words


def missing_in(known):
    return lambda text: set(text).difference(known)


def test_the_form_is_found_in_which_more_of_a_text_is_known():
    assert fuller_form("e\u0301te\u0301", missing_in("été")) == "NFC"
    assert fuller_form("été", missing_in("ete\u0301")) == "NFD"
    assert fuller_form(unicodedata.normalize("NFD", "한국어"), missing_in("한국어 학교")) == "NFC"


def test_no_form_is_found_where_a_text_is_no_better_known_in_one():
    assert fuller_form("été", missing_in("ete")) is None
    assert fuller_form("éèê", missing_in("e")) is None
    assert fuller_form(unicodedata.normalize("NFD", "hi 한국어"), missing_in("hi ")) is None
    assert fuller_form("ice", missing_in("")) is None
    assert fuller_form("e\u0301 x", lambda text: set(unicodedata.normalize("NFC", text)).difference("é ")) is None


def test_two_ways_to_write_the_same_are_told_apart_by_their_code_points():
    assert told_apart("é", "e\u0301") == (r"'\xe9'", r"'e\u0301'")
    assert told_apart("é", "e") == ("'é'", "'e'")
