"""The bundled tokenizers keep the laws, with their defaults and with options that make them lose something.

tests/tokenizers/test_laws.py holds more combinations of options against some of the laws.
"""

import pytest
from hypothesis import settings

from seqgen.testing import TokenizerContract
from seqgen.tokenizers.bpe import BpeTokenizer
from seqgen.tokenizers.byte import ByteTokenizer
from seqgen.tokenizers.char import CharTokenizer
from seqgen.tokenizers.word import WordTokenizer

MUCH_IS_LOST = {"lowercase": True, "normalization": "NFKC", "min_count": 2}


class Bundled(TokenizerContract):
    max_examples = settings.default.max_examples // 3

    @pytest.fixture(autouse=True)
    def _with(self, options):
        self.options = options


@pytest.mark.parametrize("options", [{}, {"normalization": "NFD"}, MUCH_IS_LOST], ids=str)
class TestChar(Bundled):
    def make(self):
        return CharTokenizer(**self.options)


@pytest.mark.parametrize("options", [{}], ids=str)
class TestByte(Bundled):
    def make(self):
        return ByteTokenizer()


@pytest.mark.parametrize("options", [{}, {"lowercase": True, "min_count": 1, "vocab_size": 8}], ids=str)
class TestWord(Bundled):
    def make(self):
        return WordTokenizer(**self.options)


@pytest.mark.parametrize("options", [{"vocab_size": 300, "min_frequency": 1}], ids=str)
class TestBpe(Bundled):
    def make(self):
        return BpeTokenizer(**self.options)
