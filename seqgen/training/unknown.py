"""How much of a corpus its vocabulary lacks: what is read as another symbol, or left out, is not counted by any loss."""

from __future__ import annotations

from collections import Counter

from seqgen.core.dataset import Dataset
from seqgen.core.tokenizer import Tokenizer

LOOKED_AT = 1_000_000
"""Characters that are looked at."""

TOLD = 0.01
"""Share from which on it is told."""


def unknown_share(tokenizer: Tokenizer, dataset: Dataset) -> float:
    """The share of a text's first characters that the vocabulary lacks; 0 where there is no text.

    Raises:
        CorpusError: as the dataset does.
    """
    if type(tokenizer).missing is Tokenizer.missing:
        return 0.0
    seen = unknown = 0
    for document in dataset.documents():
        if not isinstance(document.content, str):
            return 0.0
        content = document.content[: LOOKED_AT - seen]
        seen += len(content)
        if missing := tokenizer.missing(content):
            counts = Counter(content)
            unknown += sum(counts[symbol] for symbol in missing)
        if seen >= LOOKED_AT:
            break
    return unknown / max(seen, 1)
