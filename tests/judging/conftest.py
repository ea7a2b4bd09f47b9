"""What of some texts is in others, at one go; and documents as a part of a corpus."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from seqgen.core.types import Content
from seqgen.data.store import Part
from seqgen.judging.copies import SHINGLE, Copied, Search
from seqgen.tokenizers.char import CharTokenizer

TOKENIZER = CharTokenizer().fit(["the ice was thin and the sea was blue.", "é\n。字"])


def copied(texts: Sequence[Content], sources: Sequence[Content], *, shingle: int = SHINGLE) -> Copied:
    """What of the texts is in the sources."""
    search = Search(texts, shingle=shingle)
    for source in sources:
        search.read(source)
        search.end()
    return search.found()


def part(*documents: str, has_ends: bool) -> Part:
    """The tokens of documents, with ends around them or without."""
    end = [TOKENIZER.end_id] if has_ends else []
    tokens, starts = [], [0]
    for document in documents:
        tokens += [*end, *TOKENIZER.encode(document).tolist()]
        starts.append(len(tokens))
    hashes = np.zeros(len(documents), np.uint64)
    return Part(np.array(tokens + end), np.array(starts), hashes, has_ends)
