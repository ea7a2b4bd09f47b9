"""What is said of a name that there is not."""

from __future__ import annotations

import pytest

from seqgen.core.errors import UsageError
from seqgen.core.kinds import KINDS, checked_kind
from seqgen.core.nearest import nearest_in_words

NAMES = ["min-p", "top-p", "top-k", "dry"]


@pytest.mark.parametrize(
    ("name", "asked", "words"),
    [
        ("topk", {}, "  Nearest: top-k, top-p."),
        ("topk", {"most": 1}, "  Nearest: top-k."),
        ("topk", {"likeness": 0.8}, "  Nearest: top-k."),
        ("TOPK", {}, "  Nearest: top-k, top-p."),
        ("greedy", {}, ""),
        ("", {}, ""),
    ],
)
def test_the_nearest_names_are_a_sentence_that_follows_another(name, asked, words):
    assert nearest_in_words(name, NAMES, **asked) == words


def test_a_name_may_be_written_otherwise_than_it_is_looked_for():
    assert nearest_in_words("topk", NAMES, shown={"top-k": "a/top-k, b/top-k"}) == "  Nearest: a/top-k, b/top-k, top-p."


def test_names_that_differ_in_case_alone_are_both_named():
    assert nearest_in_words("ICE", ["Ice", "ice", "tunes"]) == "  Nearest: Ice, ice."


def test_of_names_in_no_order_the_sentence_is_the_same():
    assert nearest_in_words("topk", {*NAMES}) == nearest_in_words("topk", reversed(NAMES)) == "  Nearest: top-k, top-p."


def test_a_kind_is_one_of_those_that_there_are():
    assert [checked_kind(kind) for kind in KINDS] == [*KINDS]
    with pytest.raises(UsageError) as error:
        checked_kind("tokeniser")
    assert str(error.value) == (
        'No kind of part "tokeniser".  Nearest: tokenizer.  There are: tokenizer, dataset, backend, sampler, callback'
    )
