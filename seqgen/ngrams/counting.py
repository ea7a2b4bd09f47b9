"""An n-gram model counted from tokens."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from seqgen.core.errors import OptionError
from seqgen.core.types import Ids
from seqgen.ngrams.table import Contexts, Floats, Integers, NgramTable, smallest

Counted: TypeAlias = tuple[Integers, npt.NDArray[np.intp]]
"""N-grams of a length as numbers in ascending order, and how much each counts."""

MAX_TOKENS = 10_000_000
"""Tokens that are counted at most: each takes some 50 bytes while n-grams of up to ``LONGEST`` are counted."""

LONGEST = 7
"""Tokens of the longest n-grams that are counted where no order is given (docs/explanation/defaults.md)."""

MOST_NGRAMS = 500_000
"""Different n-grams of the longest kind that are counted where no order is given: some 12 MB with the shorter ones."""


def check_countable(order: int, *, tokens: int, vocab_size: int) -> None:
    """Refuse what cannot be counted, before anything is trained.

    Raises:
        OptionError: the corpus is too long or too short, or n-grams of so many tokens do not fit into a number of 63 bits.
    """
    # What is counted is mostly n-grams that occur once, for each length, so that longer ones take as much more memory.
    most = MAX_TOKENS * LONGEST // max(order, LONGEST)
    if tokens > most:
        raise OptionError(
            f"ngram_order {order} counts at most {most:,} tokens, and the corpus has {tokens:,} to train on.  Leave it out: a "
            "network alone does well on so much text."
        )
    if tokens < order:
        raise OptionError(f"ngram_order is {order}, but the corpus has only {tokens:,} tokens to train on.")
    if vocab_size**order >= 2**63:
        most = next(fewer for fewer in range(order, 0, -1) if vocab_size**fewer < 2**63)
        raise OptionError(f"ngram_order is {order}, but must be at most {most} for {vocab_size:,} different tokens.")


def affordable_order(tokens: Ids, vocab_size: int, end: int | None = None) -> int:
    """The longest n-grams worth counting: up to 7 tokens, and not too many different ones; 0 where there are none.

    Args:
        tokens: (T,) what would be counted.
        vocab_size: V.
        end: the token around documents, as for :func:`count_ngrams`.
    """
    if len(tokens) > MAX_TOKENS:
        return 0
    ids = tokens.astype(np.int64)
    order = 0
    for length in range(2, LONGEST + 1):
        if length > len(tokens) or vocab_size**length >= 2**63:
            break
        if length > 2 and len(np.unique(_codes(ids, vocab_size, length, end))) > MOST_NGRAMS:
            break
        order = length
    return order


def count_ngrams(tokens: Ids, vocab_size: int, order: int, end: int | None = None) -> NgramTable:
    """Interpolated, modified Kneser-Ney smoothing (Chen and Goodman 1999, section 3; Kneser and Ney 1995).

    Of the longest n-grams it counts how often they occur, of the others how many different tokens occur before them.  Each
    count is lowered by a discount that depends on whether it is one, two, or more, and what this frees goes to the tokens
    by their probabilities after one token less.

    A document begins anew: no context reaches back over an end, and of n-grams that begin with one it is counted how often
    they occur, whatever their length (as of those with <s> in Heafield et al. 2013, Scalable Modified Kneser-Ney Language
    Model Estimation, section 3.2).  What occurs before them is how other documents end, which says nothing of beginnings.

    Args:
        tokens: (T,) what to count, at least ``order`` of them.
        vocab_size: V; V ** order must be below 2 ** 63.
        order: the length of the longest n-grams, at least 2; they are as long as the longest document with its ends, if that
            is less.
        end: the token around documents; None where there is none.
    """
    ids = tokens.astype(np.int64)
    while not len(longest := _codes(ids, vocab_size, order, end)):  # no document is so long
        order -= 1
    counts: list[Counted] = [np.unique(longest, return_counts=True)]
    for length in range(order - 1, 0, -1):
        longer, _ = counts[-1]
        counted = np.unique(longer % vocab_size**length, return_counts=True)
        # Alone the end is what follows others, not what something begins with.
        counts.append(counted if end is None or length == 1 else _with_begun(counted, ids, vocab_size, length, end))
    unigram = np.zeros(vocab_size)
    letters, occurrences = counts.pop()
    unigram[letters] = occurrences / occurrences.sum()
    # A token that never occurs, such as the end of a document, must not be impossible.
    unigram = (unigram + 1e-6) / (1 + 1e-6 * vocab_size)
    return NgramTable(
        unigram.astype(np.float32),
        tuple(_contexts(*each, vocab_size, length) for length, each in enumerate(reversed(counts), start=1)),
    )


def _codes(ids: Integers, vocab_size: int, length: int, end: int | None) -> Integers:
    """Every n-gram of a length in its order, as a number with a digit a token; without those that have an end between others."""
    codes = np.zeros(max(0, len(ids) - length + 1), np.int64)
    for place in range(length):
        codes *= vocab_size
        codes += ids[place : place + len(codes)]
    if end is None or length < 3:
        return codes
    ends = np.cumsum(ids == end)  # up to and with each token
    within: Integers = codes[ends[: len(codes)] == ends[length - 2 : -1]]
    return within


def _with_begun(counted: Counted, ids: Integers, vocab_size: int, length: int, end: int) -> Counted:
    """The counts of n-grams of a length, where those that begin with an end are counted by how often they occur."""
    starts = np.flatnonzero(ids[: len(ids) - length + 1] == end)
    for place in range(1, length - 1):
        starts = starts[ids[starts + place] != end]
    codes = np.zeros(len(starts), np.int64)
    for place in range(length):
        codes *= vocab_size
        codes += ids[starts + place]
    begun = np.unique(codes, return_counts=True)
    first, last = counted[0].searchsorted(vocab_size ** (length - 1) * np.array([end, end + 1]))
    return (
        np.concatenate([counted[0][:first], begun[0], counted[0][last:]]),
        np.concatenate([counted[1][:first], begun[1], counted[1][last:]]),
    )


def _contexts(codes: Integers, counts: npt.NDArray[np.intp], vocab_size: int, length: int) -> Contexts:
    """What follows each context of a length, from n-grams in ascending order and how often each counts."""
    contexts, starts = np.unique(codes // vocab_size, return_index=True)
    taken = _discounts(counts)[np.minimum(counts, 3)]
    totals = np.add.reduceat(counts, starts)
    sizes = np.diff(np.append(starts, len(codes)))
    discounted: Floats = ((counts - taken) / np.repeat(totals, sizes)).astype(np.float32)
    backoff: Floats = (np.add.reduceat(taken, starts) / totals).astype(np.float32)
    return Contexts(
        contexts.astype(smallest(vocab_size**length)),
        np.append(starts, len(codes)).astype(np.uint32),
        (codes % vocab_size).astype(smallest(vocab_size)),
        discounted,
        backoff,
    )


def _discounts(counts: npt.NDArray[np.intp]) -> npt.NDArray[np.float64]:
    """What is taken off counts of 0, 1, 2 and more (Chen and Goodman 1999, equation 26).

    Between a twentieth of a count and all but a twentieth, so that tokens that did not follow keep a chance where a corpus
    is too small or too regular for the estimate.
    """
    ones, twos, threes, fours = (int((counts == times).sum()) for times in (1, 2, 3, 4))
    share = ones / (ones + 2 * twos) if ones else 0.5
    following = ((1, ones, twos), (2, twos, threes), (3, threes, fours))
    estimates = [times - (times + 1) * share * more / these if these else times / 2 for times, these, more in following]
    return np.array([0.0, *np.clip(estimates, 0.05, (0.95, 1.95, 2.95))])
