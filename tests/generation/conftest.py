"""A small model whose next token depends on all before it, in NumPy and in torch, and tokenizers for it."""

from __future__ import annotations

import numpy as np
import pytest

from seqgen.core.backend import Model
from seqgen.core.spec import ModelSpec
from seqgen.testing.letters import LettersTokenizer
from seqgen.tokenizers.byte import ByteTokenizer
from seqgen.tokenizers.char import CharTokenizer


class FramedLetters(LettersTokenizer):
    """Documents are given at their end, with the prompt, in a frame whose length says little about how many letters they have."""

    framed = True
    head = "W" * 50

    def decode(self, ids):
        return self.head + super().decode(ids) if len(ids) else ""

    def decoder(self):
        return Framing(self)


class Framing:
    def __init__(self, tokenizer):
        self.tokenizer, self.ids = tokenizer, []

    def push(self, token):
        self.ids.append(token)
        return ""

    def finish(self):
        return self.tokenizer.decode(np.array(self.ids))


class TableModel(Model):
    """Bigram logits, tilted by a memory that halves at each step.

    All arithmetic is per element, so a row is the same to the last bit whatever the batch.
    """

    device = "cpu"
    precision = "float32"

    def __init__(self, table, library=np):
        vocab_size = len(table)
        self.spec = ModelSpec(vocab_size=vocab_size)
        self.library = library
        self.table = library.asarray(table)  # (V, V)
        self.marks = library.asarray((np.arange(vocab_size) % 3)[:, None].astype(np.float32))  # (V, 1)
        self.slopes = library.asarray(np.linspace(-1, 1, vocab_size, dtype=np.float32))  # (V,)
        self.batch_sizes = []  # B of each step, to see sequences leave

    def initial_state(self, batch_size):
        return {"memory": self.library.zeros((batch_size, 1), dtype=self.library.float32)}

    def next_logits(self, ids, state):
        self.batch_sizes.append(len(ids))
        ids = self.library.asarray(ids)
        memory = state["memory"] / 2 + self.marks[ids]  # (B, 1)
        return self.table[ids] + memory * self.slopes, {"memory": memory}

    def evaluate(self, batch):
        raise TypeError("it only generates")

    def weights(self):
        return {"table": np.asarray(self.table)}

    def load_weights(self, weights):
        raise TypeError("it only generates")


def make_table(vocab_size, random_seed=0, scale=2.0):
    return np.random.default_rng(random_seed).normal(scale=scale, size=(vocab_size, vocab_size)).astype(np.float32)


@pytest.fixture(scope="session")
def table_model():
    """A model of this vocabulary, or with this table (V, V) of logits, in ``numpy`` or ``torch``."""

    def make(table, library="numpy"):
        table = make_table(table) if isinstance(table, int) else np.asarray(table, np.float32)
        return TableModel(table, pytest.importorskip(library))

    return make


@pytest.fixture(scope="session")
def characters():
    """A tokenizer with 12 characters and the end token."""
    return CharTokenizer().fit(["abcdefghij \n"])


@pytest.fixture(scope="session")
def utf8():
    """A tokenizer of which a token is one byte."""
    return ByteTokenizer()
