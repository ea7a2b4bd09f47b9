"""All laws of the tokenizer contract, with each base, and examples."""

from __future__ import annotations

import hypothesis.strategies as st

from seqgen.testing import TokenizerContract
from seqgen_lyrics.tokenizer import LyricsTokenizer

SONG = """[Verse]
The harbour lamp was burning low,
I heard the Northern river flow,
and I'm the one who did not GO.

[Chorus]
So carry me, carry me over the foam,
The harbour, the harbour, the harbour is home.
"""

LYRICS = st.lists(
    st.sampled_from(
        ["[Verse]", "[Chorus]", "", "the harbour", "The Harbour", "THE sea", "I'm I", " the", '"the', "é, x"]
    )
    | st.text(st.sampled_from("tThe \n[]"), max_size=12),
    max_size=6,
).map("\n".join)


class TestLaws(TokenizerContract):
    max_examples = 12

    def make(self):
        return LyricsTokenizer()


class TestLawsOnLyrics(TokenizerContract):
    max_examples = 12
    documents = LYRICS

    def make(self):
        return LyricsTokenizer(min_count=1, size=5)


class TestLawsAroundCharacters(TokenizerContract):
    max_examples = 8
    documents = LYRICS

    def make(self):
        return LyricsTokenizer(base="char")


class TestLawsAroundBpe(TokenizerContract):
    max_examples = 4
    documents = LYRICS

    def make(self):
        return LyricsTokenizer(base="bpe", size=300)
