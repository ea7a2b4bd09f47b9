from __future__ import annotations

from pathlib import Path

import pytest

from seqgen.core.errors import OptionError
from seqgen.generation.several import several


@pytest.mark.parametrize(
    ("given", "values"),
    [("the", ("the",)), ("", ("",)), (["a", "b"], ("a", "b")), ((), ()), (None, ())],
    ids=repr,
)
def test_one_alone_may_be_given_as_it_is_and_none_for_none(given, values):
    assert several("stop", given, (str,), "texts") == values


@pytest.mark.parametrize("given", [5, [5], ["a", 5], {5: "a"}], ids=repr)
def test_what_is_something_else_is_named(given):
    with pytest.raises(OptionError) as caught:
        several("stop", given, (str,), "texts")
    assert str(caught.value) == "stop has 5, but takes texts, or one alone."


def test_an_iterator_is_read_once():
    assert several("stop", iter("ab"), (str,), "texts") == ("a", "b")


def test_what_is_no_iterable_is_one_alone():
    assert several("files", Path("a.txt"), (str, Path), "files") == (Path("a.txt"),)
