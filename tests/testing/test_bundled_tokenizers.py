"""The bundled tokenizers keep the laws, with their defaults and with options that make them lose something."""

from seqgen.testing import TokenizerContract
from seqgen.tokenizers.bpe import BpeTokenizer
from seqgen.tokenizers.byte import ByteTokenizer
from seqgen.tokenizers.char import CharTokenizer
from seqgen.tokenizers.word import WordTokenizer


class TestChar(TokenizerContract):
    def make(self):
        return CharTokenizer()


class TestCharThatLosesMuch(TokenizerContract):
    def make(self):
        return CharTokenizer(lowercase=True, normalization="NFKC", min_count=2)


class TestByte(TokenizerContract):
    def make(self):
        return ByteTokenizer()


class TestWord(TokenizerContract):
    def make(self):
        return WordTokenizer()


class TestWordThatSpells(TokenizerContract):
    def make(self):
        return WordTokenizer(lowercase=True, min_count=1, vocab_size=8)


class TestBpe(TokenizerContract):
    def make(self):
        return BpeTokenizer(vocab_size=300, min_frequency=1)
