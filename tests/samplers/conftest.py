"""Logits for samplers, and a tokenizer that they can begin with."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from seqgen.samplers import arrays
from seqgen.tokenizers.char import CharTokenizer


@pytest.fixture(scope="session")
def tokenizer_of_size():
    """A tokenizer with so many tokens."""

    @functools.cache
    def tokenizer(vocab_size):
        # It has a token besides the characters, the one that stands between documents.
        made = CharTokenizer().fit(["".join(chr(0x4E00 + i) for i in range(vocab_size - 1))])
        assert made.vocab_size == vocab_size
        return made

    return tokenizer


@pytest.fixture(scope="session")
def probabilities():
    """softmax of logits (B, V), in float64."""

    def softmax(logits):
        weights = np.exp(logits.astype(np.float64) - logits.max(axis=-1, keepdims=True))
        return weights / weights.sum(axis=-1, keepdims=True)

    return softmax


@pytest.fixture
def parted_in_the_end(monkeypatch):
    """Keys that are parted into bins again and again, as they might be for ever, end in an error."""
    binned, turns = arrays._binned, iter(range(20))

    def part(keys):
        next(turns)
        return binned(keys)

    monkeypatch.setattr(arrays, "_binned", part)
