"""How much of a corpus its vocabulary lacks: what is read as another symbol, or left out, is not counted by any loss."""

from __future__ import annotations

from collections.abc import Iterator

from seqgen.core.dataset import Dataset
from seqgen.core.tokenizer import Tokenizer
from seqgen.core.types import Content
from seqgen.data.reading import contents
from seqgen.evaluation import unknown_among

LOOKED_AT = 1_000_000
"""Characters that are looked at."""


def unknown_share(tokenizer: Tokenizer, dataset: Dataset) -> float:
    """The share of a text's first characters that the vocabulary lacks; of other media 0.

    Raises:
        CorpusError, PluginError: as the dataset does, and :func:`seqgen.data.reading.contents`.
    """
    _, share = unknown_among(tokenizer, _first_characters(dataset, tokenizer))
    return share


def _first_characters(dataset: Dataset, tokenizer: Tokenizer) -> Iterator[Content]:
    left = LOOKED_AT
    for content in contents(dataset, tokenizer):
        yield content if tokenizer.framed else content[:left]
        left -= len(content)
        if left <= 0:
            return
