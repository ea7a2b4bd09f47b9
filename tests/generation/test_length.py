from __future__ import annotations

import pytest

from seqgen.core.errors import OptionError
from seqgen.generation.length import Length, longest


@pytest.mark.parametrize("text", ["1", "400", "400c", "1000000000000"])
def test_a_length_can_be_written_and_read_again(text):
    assert str(Length.parse(text)) == text


def test_a_c_says_characters():
    assert Length.parse("400c") == Length(characters=400)
    assert Length.parse("400") == Length(tokens=400)


@pytest.mark.parametrize("text", ["", "0", "0c", "-1", "c", "4 c", "1e9", "nan", "9" * 19])
def test_anything_else_is_refused(text):
    with pytest.raises(OptionError, match="must be a whole number of tokens, at least 1"):
        Length.parse(text)


@pytest.mark.parametrize("given", [400, "400", Length(tokens=400)])
def test_a_length_is_given_as_one_or_as_a_number_or_as_text(given):
    assert Length.of(given) == Length(tokens=400)


@pytest.mark.parametrize(
    ("tokens", "characters", "expected"), [(None, None, None), (0, None, 0), (None, 7, 7), (400, 7, 7), (4, 7, 4)]
)
def test_a_text_has_at_most_what_either_length_allows(tokens, characters, expected):
    assert longest(tokens, characters) == expected


def test_a_number_may_be_0_and_not_less():
    assert Length.of(0) == Length(tokens=0)
    with pytest.raises(OptionError, match=r"^characters is -1, but must be a whole number at least 0\.$"):
        Length.of(Length(characters=-1))
