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
        "بِسْمِ ٱللَّهِ \u06dd",
        "!\u200fבְּרֵאשִׁית\u200e \u061c",
        "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
        "co\u00adoperate\ufeff",
    ],
    ids=[
        "ideographic space",
        "spaces of French",
        "letters kept apart in Persian",
        "joined pictures",
        "end of a verse in Arabic",
        "marks of direction",
        "the flag of England",
        "places to break a word, and none to break a line",
    ],
)
def test_spaces_joiners_and_marks_of_any_writing_are_shown_as_they_are(text):
    assert readable(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J", r"\x1b[2J"),
        ("a\rb\x85", r"a\x0db\x85"),
        ("\u202eabc\u202c\u2066", r"\u202eabc\u202c\u2066"),
        ("\u202a\u202b\u202d\u2067\u2068\u2069", r"\u202a\u202b\u202d\u2067\u2068\u2069"),
        ("a\u2028b\u2029", r"a\u2028b\u2029"),
        ("\ue000\uffff\U000e0000", r"\ue000\uffff\U000e0000"),
        ("\udcff", r"\udcff"),
    ],
    ids=["controls", "line ends", "turns of direction", "other turns", "separators", "no characters", "lone surrogate"],
)
def test_what_could_move_the_cursor_or_turn_the_direction_of_writing_is_shown_and_not_obeyed(text, shown):
    assert readable(text) == shown


@given(st.text())
def test_what_is_shown_is_all_readable(text):
    assert readable(readable(text)) == readable(text)
