"""Commands that people are told to type."""

import re
import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqgen.core.shell import command_line

WORDS = st.lists(st.text(st.sampled_from("ab \\\"'&*é\u3000"), max_size=6), min_size=1, max_size=4)


@given(WORDS)
def test_a_shell_takes_a_line_apart_into_the_words_it_was_made_of(words):
    assert shlex.split(command_line(words, windows=False)) == words


def taken_apart(line):
    """As a program of Windows does by Microsoft's rules."""
    words, quoted, place = [""], False, 0
    while place < len(line):
        backslashes, quote = re.match(r'(\\*)("?)', line[place:]).groups()
        if quote:
            words[-1] += "\\" * (len(backslashes) // 2)
            if len(backslashes) % 2:
                words[-1] += '"'
            else:
                quoted = not quoted
            place += len(backslashes) + 1
        elif line[place] == " " and not quoted:
            words.append("")
            place += 1
        else:
            words[-1] += line[place : place + max(1, len(backslashes))]
            place += max(1, len(backslashes))
    return words


@given(WORDS)
def test_on_windows_a_program_does(words):
    assert taken_apart(command_line(words, windows=True)) == words


@pytest.mark.parametrize(
    ("word", "typed"),
    [
        (r"C:\texts\novel.txt", r"C:\texts\novel.txt"),
        ("--learning-rate=0.01", "--learning-rate=0.01"),
        ("https://example.org/?a=1&b=2", '"https://example.org/?a=1&b=2"'),
        ("chapters/*.md", '"chapters/*.md"'),
        ("text:encoding=utf-8,errors=replace", '"text:encoding=utf-8,errors=replace"'),
        ("", '""'),
        ("my texts\\", '"my texts\\\\"'),
        ('say "ice"', r'"say \"ice\""'),
    ],
)
def test_on_windows_what_shells_there_understand_is_quoted(word, typed):
    assert command_line(["seqgen", word], windows=True) == f"seqgen {typed}"
