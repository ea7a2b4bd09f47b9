"""A prompt as it is shown before what follows."""

from __future__ import annotations

import pytest

from seqgen.generation.prompt import without_unread_ends
from seqgen.tokenizers.byte import ByteTokenizer
from seqgen.tokenizers.char import CharTokenizer


class Flowing(CharTokenizer):
    """Line ends are white space and no tokens, but for one that ends a title."""

    def encode(self, document):
        title, end, rest = document.partition("\n") if document.startswith("t") else ("", "", document)
        return super().encode(title + end + "".join(rest.splitlines()))

    def missing(self, document):
        return super().missing("".join(document.splitlines()))


@pytest.mark.parametrize(
    ("prompt", "shown"),
    [
        ("a cat\n", "a cat"),
        ("a cat\r\n\n", "a cat"),
        ("a\ncat\n", "a\ncat"),
        ("a cat", "a cat"),
        ("title\n", "title\n"),  # a token stands for it
        ("title\na\n", "title\na"),
    ],
)
def test_line_ends_of_which_no_token_is_made_do_not_stand_before_what_follows(prompt, shown):
    tokenizer = Flowing().fit(["title\na cat"])
    assert without_unread_ends(tokenizer, prompt) == shown
    assert tokenizer.encode(shown).tolist() == tokenizer.encode(prompt).tolist()


@pytest.mark.parametrize(
    "tokenizer", [CharTokenizer().fit(["a cat\n"]), CharTokenizer().fit(["a cat"]), ByteTokenizer()]
)
def test_those_that_are_read_or_unknown_stay(tokenizer):
    assert without_unread_ends(tokenizer, "a cat\n") == "a cat\n"


def test_bytes_are_no_text():
    assert without_unread_ends(ByteTokenizer(), b"a\n") == b"a\n"
