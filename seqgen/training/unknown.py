"""How much of a corpus its vocabulary lacks: what is read as another symbol, or left out, is not counted by any loss."""

from __future__ import annotations

from seqgen.core.dataset import Dataset
from seqgen.core.tokenizer import Tokenizer
from seqgen.evaluation import characters_among

LOOKED_AT = 1_000_000
"""Characters that are looked at."""


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
        unknown += characters_among(content, tokenizer.missing(content).keys())
        if seen >= LOOKED_AT:
            break
    return unknown / max(seen, 1)
