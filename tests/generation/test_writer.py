from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqgen.core.errors import OptionError
from seqgen.generation.writer import TOKENS_PER_CHARACTER, Writer
from seqgen.tokenizers.bpe import BpeTokenizer
from seqgen.tokenizers.byte import ByteTokenizer

utf8 = ByteTokenizer()


def pieces(tokenizer, ids, *, length=None, stop=(), end_id=None, characters=None):
    """What each id gives, until it is finished, and why it is."""
    writer = Writer(tokenizer, length=length, stop=stop, end_id=end_id, characters=characters)
    given = []
    for token in ids:
        if writer.finish_reason is not None:
            break
        given.append(writer.take(int(token)))
    assert writer.tokens == len(given)
    return given, writer.finish_reason


def written(text, **options):
    return pieces(utf8, utf8.encode(text), **options)


class Bytes(ByteTokenizer):
    """A binary medium: documents are bytes."""

    def decode(self, ids):
        return bytes(ids)

    def decoder(self):
        return self

    def push(self, token):
        return bytes([token])

    def finish(self):
        return b""


def test_it_ends_at_the_length_in_tokens():
    assert written("abcdef", length=3) == (["a", "b", "c"], "length")
    assert written("abcdef", length=0) == ([], "length")
    assert written("abc", length=None) == (["a", "b", "c"], None)


def test_a_length_in_characters_is_exact_and_cuts_no_character():
    assert written("aé→b", characters=3) == (["a", "", "é", "", "", "→"], "length")
    assert written("abc", characters=0) == ([], "length")


def test_a_length_in_characters_cuts_the_text_of_the_last_token():
    class Whole(Bytes):
        def push(self, token):
            return b"one two three"

    assert pieces(Whole(), [0, 0], characters=5) == ([b"one t"], "length")
    assert pieces(Whole(), [0, 0], characters=15) == ([b"one two three", b"on"], "length")


def test_a_length_in_characters_bounds_the_tokens_where_they_stand_for_nothing():
    class Nothing(Bytes):
        def push(self, token):
            return b""

    given, reason = pieces(Nothing(), itertools.repeat(0), characters=3)
    assert (set(given), len(given), reason) == ({b""}, 3 * TOKENS_PER_CHARACTER, "length")


def test_a_decoder_that_gives_its_text_at_the_end_alone_is_cut_to_the_length_in_characters():
    class AtTheEnd(Bytes):
        def decoder(self):
            return Kept()

    class Kept:
        def __init__(self):
            self.kept = b""

        def push(self, token):
            self.kept += bytes([token])
            return b""

        def finish(self):
            return self.kept

    given, reason = pieces(AtTheEnd(), itertools.cycle(b"abc"), characters=5)
    assert (b"".join(given), len(given), reason) == (b"abcab", 5 * TOKENS_PER_CHARACTER, "length")
    assert pieces(AtTheEnd(), [97, 98, 256], characters=5, end_id=256) == ([b"", b"", b"ab"], "end")


def test_text_that_is_held_back_for_a_long_stop_text_is_no_reason_to_end():
    stop = "a" * 100 + "b"
    given, reason = written("a" * 100 + "c", stop=[stop], characters=2)
    assert ("".join(given), reason) == ("aa", "length")
    given, reason = written(stop, stop=[stop], characters=2)
    assert ("".join(given), reason) == ("", "stop")


@given(
    text=st.text("ab", max_size=20),
    stop=st.lists(st.text("ab", min_size=1, max_size=4), min_size=1, max_size=3),
    characters=st.integers(1, 20),
)
def test_a_length_in_characters_is_that_of_the_text_without_the_stop_text(text, stop, characters):
    without, _ = written(text, stop=stop)
    given, reason = written(text, stop=stop, characters=characters)
    assert "".join(given) == "".join(without)[:characters]
    assert (reason == "length") == (len("".join(without)) >= characters)


def test_a_character_is_given_with_its_last_byte():
    assert written("aé→") == (["a", "", "é", "", "", "→"], None)


@pytest.mark.parametrize("options", [{}, {"stop": ["x"]}, {"characters": 9}], ids=str)
def test_of_a_character_that_the_length_cuts_nothing_is_given(options):
    assert written("a→", length=3, **options) == (["a", "", ""], "length")


def test_bytes_that_are_no_character_are_replaced_where_they_stand():
    invalid = "\N{REPLACEMENT CHARACTER}"
    ids = [0xFF, 0xE2, 98, 0xE2]
    assert pieces(utf8, ids, length=3) == ([invalid, "", f"{invalid}b"], "length")
    assert pieces(utf8, ids, length=4) == ([invalid, "", f"{invalid}b", ""], "length")
    assert pieces(utf8, [0xE2, 256], end_id=256) == (
        ["", invalid],
        "end",
    )  # the model left it unfinished, not the length


def test_the_end_token_ends_it_and_is_no_text():
    assert pieces(utf8, [97, 98, 256, 99], end_id=256) == (["a", "b", ""], "end")
    assert pieces(utf8, [97, 256, 99], end_id=None) == (["a", "", "c"], None)


def test_a_stop_text_over_several_tokens_ends_it_and_no_part_of_it_is_given():
    assert written("one\n\ntwo", stop=["\n\n"]) == (["o", "n", "e", "", ""], "stop")


def test_what_might_have_been_a_stop_text_comes_as_soon_as_it_is_clear_that_it_is_none():
    assert written("a\nb", stop=["\n\n"]) == (["a", "", "\nb"], None)
    assert written("xaab", stop=["aab!"]) == (["x", "", "", ""], None)
    assert written("xaaab!", stop=["aab!"]) == (["x", "", "", "a", "", ""], "stop")


def test_what_was_held_back_is_given_at_the_end():
    assert written("a\n", stop=["\n\n"], length=2) == (["a", "\n"], "length")
    assert pieces(utf8, [97, 10, 256], stop=["\n\n"], end_id=256) == (["a", "", "\n"], "end")


def test_a_stop_text_counts_before_the_length():
    assert written("ab", stop=["b"], length=2) == (["a", ""], "stop")


def test_a_stop_text_within_a_longer_token_cuts_the_token():
    tokenizer = BpeTokenizer(vocab_size=300).fit(["hello world, hello world, hello world, " * 20])
    ids = tokenizer.encode("hello world, hello")
    assert max(len(tokenizer.decode([token])) for token in ids) > 4
    given, reason = pieces(tokenizer, ids, stop=["o wo"])
    assert ("".join(given), reason) == ("hell", "stop")


@given(text=st.text("aé→", max_size=20), stop=st.lists(st.text("aé→", min_size=1, max_size=3), min_size=1, max_size=3))
def test_the_tokens_of_a_stop_text_are_those_after_the_text(text, stop):
    writer = Writer(utf8, length=None, stop=stop)
    ids = iter(utf8.encode(text).tolist())
    given = ""
    while writer.finish_reason is None and (token := next(ids, None)) is not None:
        given += writer.take(token)
    stopped = writer.finish_reason == "stop"
    assert writer.stop_tokens == (writer.tokens - len(given.encode()) if stopped else 0)


def test_a_token_in_which_a_stop_text_begins_is_none_of_the_stop_texts():
    tokenizer = BpeTokenizer(vocab_size=300).fit(["hello world, hello world, hello world, " * 20])
    ids = tokenizer.encode("hello world, hello")
    writer = Writer(tokenizer, length=None, stop=["lo world"])
    given = ""
    for token in ids[:2].tolist():
        given += writer.take(token)
    assert [tokenizer.decode([token]) for token in ids[:2]] == ["hello", " world"]
    assert (given, writer.stop_tokens) == ("hel", 1)


def test_of_several_stop_texts_in_one_piece_the_first_in_the_text_cuts():
    class Whole(Bytes):
        def push(self, token):
            return b"one two three"

    assert pieces(Whole(), [0], stop=[b"three", b"two"]) == ([b"one "], "stop")


def test_a_multi_byte_stop_text_is_found_in_characters():
    given, reason = written("schön → weiß", stop=["→ w"])
    assert ("".join(given), reason) == ("schön ", "stop")


def test_bytes_are_stopped_by_bytes():
    assert pieces(Bytes(), b"ab\x00\xffcd", stop=[b"\x00\xff"]) == ([b"a", b"b", b"", b""], "stop")


@pytest.mark.parametrize(
    ("tokenizer", "stop", "sentence"),
    [
        (utf8, "", "stop is '', but must be text, at least a character."),
        (utf8, b"a", "stop is b'a', but must be text, at least a character."),
        (Bytes(), "a", "stop is 'a', but must be bytes, at least one."),
        (Bytes(), b"", "stop is b'', but must be bytes, at least one."),
    ],
)
def test_a_stop_text_that_cannot_be_found_is_refused(tokenizer, stop, sentence):
    with pytest.raises(OptionError) as caught:
        Writer(tokenizer, length=1, stop=["ok" if isinstance(stop, str) else b"ok", stop][1:])
    assert str(caught.value) == sentence


@pytest.mark.parametrize("length", [1.5, float("nan"), float("inf"), True, -1, "5"], ids=str)
@pytest.mark.parametrize("kind", ["length", "characters"])
def test_a_length_that_is_no_whole_number_is_refused(kind, length):
    with pytest.raises(OptionError) as caught:
        Writer(utf8, **{"length": None, kind: length})
    assert str(caught.value) == f"{kind} is {length!r}, but must be a whole number at least 0."


TEXTS = st.text("ab", max_size=20)


@given(text=TEXTS, stop=st.lists(st.text("ab", min_size=1, max_size=4), min_size=1, max_size=3))
def test_what_is_given_is_always_all_that_cannot_belong_to_a_stop_text(text, stop):
    writer = Writer(utf8, length=None, stop=stop)
    given = ""
    for end in range(1, len(text) + 1):
        given += writer.take(ord(text[end - 1]))
        before = text[:end]
        found = [before.find(one) for one in stop if one in before]
        if found:
            assert (given, writer.finish_reason) == (before[: min(found)], "stop")
            return
        possible = [n for n in range(end + 1) if any(one.startswith(before[end - n :]) for one in stop)]
        assert given == before[: end - max(possible)]
        assert writer.finish_reason is None


@given(
    text=st.text("abé→", max_size=12),
    at=st.integers(0, 30),
    stop=st.lists(st.text("abé→", min_size=1, max_size=3), max_size=2),
    characters=st.none() | st.integers(1, 12),
    length=st.none() | st.integers(1, 20),
)
def test_a_fork_goes_on_by_itself_as_one_that_has_taken_all(text, at, stop, characters, length):
    ids = utf8.encode(text).tolist()
    whole, first = (Writer(utf8, length=length, stop=stop, characters=characters) for _ in range(2))
    for token in ids[:at]:
        if first.finish_reason is None:
            whole.take(token)
            first.take(token)
    if first.finish_reason is not None:
        return
    fork = first.fork(ids[:at])
    for token in [*ids[at:], *utf8.encode("ba→").tolist()]:
        if first.finish_reason is None:
            first.take(ord("a"))  # another way to go on, which the fork is not to notice
        if whole.finish_reason is None:
            assert fork.take(token) == whole.take(token)
        assert (fork.finish_reason, fork.stop_tokens, fork.tokens) == (
            whole.finish_reason,
            whole.stop_tokens,
            whole.tokens,
        )
    if whole.finish_reason is None:
        assert fork.end() == whole.end()
