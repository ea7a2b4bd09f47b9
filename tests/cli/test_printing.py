"""How results and words are shown to people."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqgen.cli.printing import readable


@pytest.mark.parametrize(
    "text",
    [
        "春眠不覺曉\u3000處處聞啼鳥\n",
        "Ah\u00a0! dit-il\u202f: «\u00a0oui\u00a0»",
        "می\u200cخواهم",
        "👩\u200d🚀\tand so on",
    ],
    ids=["ideographic space", "spaces of French", "letters kept apart in Persian", "joined pictures"],
)
def test_spaces_and_joiners_of_any_writing_are_shown_as_they_are(text):
    assert readable(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J", r"\x1b[2J"),
        ("a\rb\x85", r"a\x0db\x85"),
        ("\u202eabc\u202c\u2066", r"\u202eabc\u202c\u2066"),
        ("\u200f\u061c", r"\u200f\u061c"),
        ("a\u2028b\ufeff", r"a\u2028b\ufeff"),
        ("\U000e0041", r"\U000e0041"),
    ],
    ids=["controls", "line ends", "turns of direction", "marks of direction", "separators", "tags"],
)
def test_what_could_move_the_cursor_or_turn_the_direction_of_writing_is_shown_and_not_obeyed(text, shown):
    assert readable(text) == shown


@given(st.text())
def test_what_is_shown_is_all_readable(text):
    assert readable(readable(text)) == readable(text)
