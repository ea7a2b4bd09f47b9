"""Corpora in memory, and their tokens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest

from seqgen.core.dataset import Dataset
from seqgen.core.types import Document
from seqgen.data.store import Part
from seqgen.tokenizers.byte import ByteTokenizer


@dataclass(frozen=True, kw_only=True)
class Memory(Dataset):
    """Documents given as texts, or as lists of pieces."""

    contents: list[str | list[str]] = field(default_factory=list)
    readings: list[None] = field(default_factory=list)

    def documents(self):
        self.readings.append(None)
        for number, content in enumerate(self.contents):
            pieces = content if isinstance(content, list) else [content]
            for index, piece in enumerate(pieces, 1):
                yield Document(f"memory:{number}", piece, final=index == len(pieces))


class Endless(ByteTokenizer):
    end_id = None
    vocab_size = 256


@pytest.fixture(scope="session")
def endless() -> ByteTokenizer:
    """A tokenizer without an end: bytes."""
    return Endless()


@pytest.fixture(scope="session")
def memory() -> Callable[..., Memory]:
    """A dataset of these documents."""
    return lambda *contents: Memory(contents=list(contents))


@pytest.fixture(scope="session")
def one_document() -> Callable[[int], Part]:
    """A part of one document, whose tokens are their own positions."""

    def make(size: int) -> Part:
        return Part(np.arange(size, dtype=np.uint32), np.array([0, size]), np.zeros(1, np.uint64), has_ends=False)

    return make


@pytest.fixture(scope="session")
def many_documents() -> Callable[[Sequence[int]], Part]:
    """A part of documents of these lengths with ends around them; tokens are their own positions, also the ends."""

    def make(lengths: Sequence[int]) -> Part:
        starts = np.append(0, np.cumsum(np.array(lengths) + 1))
        tokens = np.arange(starts[-1] + 1, dtype=np.uint32)
        return Part(tokens, starts, np.zeros(len(lengths), np.uint64), has_ends=True)

    return make
