from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from seqgen.core.text import cut_before_space, last_cut

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
