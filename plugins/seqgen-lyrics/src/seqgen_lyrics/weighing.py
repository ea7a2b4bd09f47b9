"""How likely the next token is where only words that the model proposes may come: by the words that it leads to.

A model of letters likes the letter with which most of its words begin, and not that of the likeliest word of those that may
end the line.  So a token is as likely here as the words are together that go on with it: what is drawn is a whole word, by
the probability that the model gives to it, and the letters follow.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from seqgen_lyrics.vocabulary import Vocabulary

Floats = npt.NDArray[np.float64]


def weighed(
    logits: npt.NDArray[np.floating],
    allowed: npt.NDArray[np.bool_],
    letters: str,
    words: Mapping[str, float],
    vocabulary: Vocabulary,
) -> npt.NDArray[np.float32] | None:
    """(V,) what the logits become of tokens that lead to words; None where none does.

    Where a word may be written in several tokens, or its end be told by several, they share its probability as the model does.
    All of them together stay as likely as the model has them: a beam sums up what is left of each letter, and would otherwise
    count a whole word once for each of its letters.

    Args:
        logits: (V,) of the model.
        allowed: (V,) the tokens that may come.
        letters: of the word so far.
        words: that may come, and the log-probability of each.
        vocabulary: of the model.
    """
    column = vocabulary.inside
    inside = allowed[column.ids]
    ids, stems = column.ids[inside], column.stems[inside]
    ends = allowed.copy()
    ends[ids] = False
    found = np.full(len(logits), -np.inf)
    for word, log_probability in words.items():
        if word == letters:
            _share(found, np.flatnonzero(ends), logits, log_probability)
        elif word.startswith(letters):
            begins = [word.startswith(vocabulary.stems[stem], len(letters)) for stem in stems.tolist()]
            _share(found, ids[begins], logits, log_probability)
    leading = np.flatnonzero(np.isfinite(found))
    if not len(leading):
        return None
    found[leading] += np.logaddexp.reduce(logits[leading].astype(np.float64)) - np.logaddexp.reduce(found[leading])
    return found.astype(np.float32)


def _share(found: Floats, ids: npt.NDArray[np.int64], logits: npt.NDArray[np.floating], log_probability: float) -> None:
    """Give to these tokens, in the proportion of their own probabilities, what a word has."""
    ids = ids[np.isfinite(logits[ids])]
    if len(ids):
        own = logits[ids].astype(np.float64)
        own -= own.max()
        found[ids] = np.logaddexp(found[ids], log_probability + own - np.log(np.exp(own).sum()))
