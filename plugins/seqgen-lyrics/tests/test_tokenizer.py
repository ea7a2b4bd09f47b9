"""All laws of the tokenizer contract, with each base, and examples."""

from __future__ import annotations

from collections import Counter

import hypothesis.strategies as st
import numpy as np
import pytest

from seqgen.core.errors import OptionError
from seqgen.testing import TokenizerContract
from seqgen_lyrics import tokenizer as lyrics_tokenizer
from seqgen_lyrics.tokenizer import LyricsTokenizer

SONG = """[Verse]
The harbour lamp was burning low,
I heard the Northern river flow,
and I'm the one who did not GO.

[Chorus]
So carry me, carry me over the foam,
The harbour, the harbour, the harbour is home.
"""

CAPITALS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ\n"
LYRICS = st.lists(
    st.sampled_from(
        ["[Verse]", "[Chorus]", "", "the harbour", "The Harbour", "THE sea", "I'm I", " the", '"the', "é, x"]
    )
    | st.text(st.sampled_from("tThe \n[]"), max_size=12),
    max_size=6,
).map("\n".join)


class Laws(TokenizerContract):
    """Those that read megabytes are slow."""

    @pytest.mark.slow
    def test_fit_needs_bounded_memory(self):
        super().test_fit_needs_bounded_memory()

    @pytest.mark.slow
    def test_encoding_a_long_document_in_pieces_needs_bounded_memory(self):
        super().test_encoding_a_long_document_in_pieces_needs_bounded_memory()


class TestLaws(Laws):
    max_examples = 8

    def make(self):
        return LyricsTokenizer()


class TestLawsOnLyrics(Laws):
    max_examples = 8
    documents = LYRICS

    def make(self):
        return LyricsTokenizer(min_count=1, size=5)


class TestLawsAroundCharacters(Laws):
    max_examples = 8
    documents = LYRICS

    def make(self):
        return LyricsTokenizer(base="char")


class TestLawsAroundBpe(Laws):
    max_examples = 3
    documents = LYRICS

    def make(self):
        return LyricsTokenizer(base="bpe", size=300)


class TestLawsOnLongLines(Laws):
    """Which are cut before spaces, here wherever it may be."""

    max_examples = 8
    documents = st.lists(
        st.sampled_from(
            ["the harbour", " The", " THE", "I'm", " ", "  ", "\t", "[Verse]", "] [", "\n", "é, x", "lamp " * 9]
        ),
        max_size=20,
    ).map("".join)

    @pytest.fixture(autouse=True, params=["words", "char", "bpe", "byte", "word"])
    def base(self, request, monkeypatch):
        monkeypatch.setattr("seqgen_lyrics.tokenizer._LONGEST", 0)
        self.name = request.param

    def make(self):
        return LyricsTokenizer(base=self.name, min_count=1, size=300)


@pytest.mark.parametrize("base", ["words", "char", "bpe"])
def test_a_long_line_is_encoded_in_pieces_as_it_would_be_whole(monkeypatch, base):
    monkeypatch.setattr("seqgen_lyrics.tokenizer._LONGEST", 1 << 12)
    tokenizer = LyricsTokenizer(base=base, min_count=1).fit([SONG, CAPITALS])
    line = " ".join(SONG.split()) * 125
    pieces = [line[start : start + 625] for start in range(0, len(line), 625)]
    parts = list(tokenizer.encode_pieces(pieces))
    np.testing.assert_array_equal(np.concatenate(parts), tokenizer.encode(line))
    assert max(map(len, parts)) < 5_000 < len(line) / 4


@pytest.mark.parametrize(
    "pieces",
    [
        ["[the", " harbour]\n", "The lamp"],  # a heading is no long line
        ["lamp " * 9 + "low", " lamp\nThe harbour\nThe", " lamp"],  # the lines after the rest of one begin anew
        ["lamp " * 9, "]\n", "[The", " lamp]\n[The lamp]"],
    ],
)
def test_where_a_long_line_is_cut_its_neighbours_are_read_as_before(monkeypatch, pieces):
    monkeypatch.setattr("seqgen_lyrics.tokenizer._LONGEST", 0)
    tokenizer = LyricsTokenizer(min_count=1).fit([SONG, CAPITALS, "[The lamp]\n[the harbour]\n"])
    ids = np.concatenate(list(tokenizer.encode_pieces(pieces)))
    np.testing.assert_array_equal(ids, tokenizer.encode("".join(pieces)))


def test_a_space_that_the_vocabulary_lacks_is_no_place_to_cut(monkeypatch):
    tokenizer = LyricsTokenizer(min_count=1).fit(["harbour\nlamp\nharbourlamp\n"])
    monkeypatch.setattr("seqgen_lyrics.tokenizer._LONGEST", 0)
    pieces = ["harbour lamp"] * 9
    (ids,) = tokenizer.encode_pieces(pieces)
    np.testing.assert_array_equal(ids, tokenizer.encode("".join(pieces)))


def test_a_line_without_spaces_is_searched_once(monkeypatch):
    """Where all of it was searched again with each piece, a long one would not end."""
    search, searched = lyrics_tokenizer._last, Counter()

    def counted(pattern, text, start):
        searched[pattern.pattern] += len(text) - start
        return search(pattern, text, start)

    monkeypatch.setattr(lyrics_tokenizer, "_last", counted)
    tokenizer = LyricsTokenizer(base="char").fit(["a"])
    (ids,) = tokenizer.encode_pieces("a" * 100 for _ in range(1000))
    assert len(ids) == 100_000 > lyrics_tokenizer._LONGEST
    assert len(searched) == 2  # for where a line begins, and for a space
    assert max(searched.values()) == 100_000


def test_a_frequent_word_is_one_token_whatever_its_case():
    tokenizer = LyricsTokenizer(min_count=1).fit([SONG, CAPITALS])
    spelled = tokenizer.spelled()
    for text, tokens in [
        ("the harbour", ["", " the", " harbour"]),  # where no mark says so, a line begins with a capital
        ("The Harbour", [" the", "", " harbour"]),
        ("THE HARBOUR", ["", " the", "", " harbour"]),
    ]:
        ids = tokenizer.encode(text)
        assert tokenizer.decode(ids) == text
        assert [spelled[token] for token in ids] == tokens


def test_what_follows_a_prompt_goes_on_in_its_line():
    tokenizer = LyricsTokenizer(min_count=1).fit([SONG])
    whole = "The harbour lamp was burning low,\nI heard the river"
    ids = tokenizer.encode(whole)
    for place in range(len(ids) + 1):
        decoder = tokenizer.decoder_after(ids[:place])
        rest = "".join([decoder.push(token) for token in ids[place:].tolist()])
        assert tokenizer.decode(ids[:place]) + rest == whole


def test_each_song_begins_with_a_line():
    songs = ["anna went", "Bert", "the sea"]
    tokenizer = LyricsTokenizer(min_count=1).fit(songs)
    ids = [[tokenizer.end_id, *tokenizer.encode(song)] for song in songs]
    assert tokenizer.decode(np.concatenate(ids)) == tokenizer.canonical("".join(songs)) == "anna wentBertthe sea"
    decoder = tokenizer.decoder_after(np.array([*tokenizer.encode("anna"), tokenizer.end_id]))
    assert "".join(map(decoder.push, tokenizer.encode("the sea").tolist())) == "the sea"


def test_structure_is_a_token_each_and_a_song_comes_back_as_it_was():
    tokenizer = LyricsTokenizer(min_count=1).fit([SONG])
    ids = tokenizer.encode(SONG).tolist()
    assert tokenizer.decode(np.array(ids)) == SONG
    texts = [tokenizer.spelled()[token] for token in ids]
    assert [text for text in texts if "\n" in text] == ["[Verse]\n", "\n", "\n", "\n\n", "[Chorus]\n", "\n", "\n"]
    assert len(ids) < len(SONG) / 3


def test_a_rare_word_is_spelled_and_nothing_that_was_seen_is_lost():
    tokenizer = LyricsTokenizer(min_count=2).fit([SONG, CAPITALS, "zigzagging\n"])
    assert tokenizer.decode(tokenizer.encode("The zigzagging Harbour")) == "The zigzagging Harbour"
    assert "zigzagging" not in tokenizer.known_words()


@pytest.mark.parametrize(
    ("base", "sentence"),
    [
        ("chr", 'No tokenizer "chr".  Nearest: char'),
        ("lyrics", "no tokenizer to put tokens around"),
        ("", "base is ''"),
        ("bpe:vocab_size=300", r"Write its name alone, and how large it may be as lyrics:base=bpe,size=512"),
    ],
)
def test_a_base_that_is_none_is_refused_in_a_sentence(base, sentence):
    with pytest.raises(OptionError, match=sentence):
        LyricsTokenizer(base=base)
