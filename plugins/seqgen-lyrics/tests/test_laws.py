"""All laws of the sampler and dataset contracts, one test each."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest

from seqgen.testing import DatasetContract, SamplerContract
from seqgen_lyrics.samplers import Form, NoRepeatLine, Rhyme, Syllables
from seqgen_lyrics.songs import SongsDataset
from seqgen_lyrics.tokenizer import LyricsTokenizer

VERSE = "a sea\n\n[verse]\nto me,\n"
CHARACTERS = LyricsTokenizer(base="char").fit([VERSE])
WORDS = LyricsTokenizer(min_count=1).fit([VERSE])


class TestSongsDataset(DatasetContract):
    def make(self, sources):
        return SongsDataset(sources=sources)

    @pytest.mark.slow
    def test_a_large_source_needs_bounded_memory(self):
        super().test_a_large_source_needs_bounded_memory()


class OfLetters(SamplerContract):
    max_examples = 4


class OfCharacters(SamplerContract):
    """On a vocabulary with which lines and rhymes come about."""

    max_examples = 4
    vocab_sizes = st.just(CHARACTERS.vocab_size)

    def tokenizer(self, vocab_size):
        return CHARACTERS


class OfWords(SamplerContract):
    max_examples = 4
    vocab_sizes = st.just(WORDS.vocab_size)

    def tokenizer(self, vocab_size):
        return WORDS


class TestRhymeOfLetters(OfLetters):
    def make(self):
        return Rhyme(scheme="AA")


class TestRhyme(OfCharacters):
    def make(self):
        return Rhyme(scheme="AA", kind="slant", identical=True)


class TestSyllablesOfLetters(OfLetters):
    def make(self):
        return Syllables(pattern="1-2")


class TestSyllables(OfCharacters):
    def make(self):
        return Syllables(pattern="1-2", stress="iambic")


def test_a_line_that_is_too_long_may_get_no_longer_by_being_a_prompt():
    ids, logits = CHARACTERS.encode("aaa"), np.ones((1, CHARACTERS.vocab_size), np.float32)
    prompted, drawn = (Syllables(pattern="1-2", stress="iambic") for _ in range(2))
    prompted.begin(ids[None], CHARACTERS)
    drawn.begin(ids[None, :0], CHARACTERS)
    for token in ids:
        drawn.accept(token[None])
    np.testing.assert_array_equal(prompted.adjust(logits), drawn.adjust(logits))


class TestFormOfLetters(OfLetters):
    def make(self):
        return Form()


class TestForm(OfWords):
    def make(self):
        return Form(sections="verse-chorus-chorus", lines=1)


class TestNoRepeatLine(OfCharacters):
    def make(self):
        return NoRepeatLine()
