"""N-grams mixed in by compiled code, a context after another, by what ``docs/reference/checkpoint-format.md`` says of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from seqgen.backends.numba.kernels import compiled_for, kept
from seqgen.core.types import Ids

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]

_SMALLEST = np.finfo(np.float32).tiny  # so that every probability has a logarithm
_LOWEST = np.log(_SMALLEST)


class Ngrams(NamedTuple):
    """The contexts of all lengths in one row, those of one token first.

    Attributes:
        unigram: (V,) the probabilities after nothing.
        firsts: (N + 1,) where the contexts of each length begin in ``codes``, and where the last end.
        codes: (C,) the contexts, in ascending order among those of a length.
        starts: (C + 1,) where the followers of each begin.
        tokens: (G,) the followers.
        discounted: (G,) what each adds to its probability.
        backoff: (C,) what the probabilities after one token less are multiplied by.
        weights: (N + 1, 2, 2) of the network and of the n-grams, by length, and by whether several tokens have followed.
    """

    unigram: Floats
    firsts: Integers
    codes: Integers
    starts: Integers
    tokens: npt.NDArray[np.unsignedinteger[Any]]
    discounted: Floats
    backoff: Floats
    weights: Floats


def mixer(tensors: Mapping[str, npt.NDArray[Any]]) -> Callable[[Floats, Ids], Floats]:
    """From the logits (B, V) of a network and the last tokens (B, N) to the logits (B, V) of the mixture."""
    ngrams, order = _in_a_row(tensors), len(tensors["weights"]) - 1
    compiled: Callable[..., None] | None = None

    def mixed(logits: Floats, contexts: Ids) -> Floats:
        nonlocal compiled
        if contexts.shape != (len(logits), order):  # compiled code would read what is not there
            msg = f"The contexts have the shape {contexts.shape} instead of {(len(logits), order)}."
            raise ValueError(msg)
        result = np.empty(logits.shape, np.float32)
        # One layout and one type, and arrays that can be written to: see NumbaModel.
        arguments = (logits.astype(np.float32, order="C"), contexts.astype(np.int64, order="C"), ngrams, result)
        if compiled is None:
            compiled = compiled_for(mix, arguments)
        compiled(*arguments)
        return result

    return mixed


def _in_a_row(tensors: Mapping[str, npt.NDArray[Any]]) -> Ngrams:
    lengths = range(1, len(tensors["weights"]))

    def joined(name: str, dtype: npt.DTypeLike | None = None) -> npt.NDArray[Any]:
        return np.concatenate([tensors[f"contexts.{length}.{name}"] for length in lengths], dtype=dtype)

    def ends(name: str) -> Integers:
        return np.cumsum([0, *(len(tensors[f"contexts.{length}.{name}"]) for length in lengths)], dtype=np.int64)

    followers = ends("tokens")
    starts = [
        tensors[f"contexts.{length}.starts"][:-1] + begin for length, begin in zip(lengths, followers[:-1], strict=True)
    ]
    return Ngrams(
        unigram=tensors["unigram"].astype(np.float32),
        firsts=ends("codes"),
        codes=joined("codes", np.int64),
        starts=np.concatenate([*starts, followers[-1:]], dtype=np.int64),
        tokens=joined("tokens"),
        discounted=joined("discounted"),
        backoff=joined("backoff"),
        weights=tensors["weights"].astype(np.float32),
    )


@kept
def mix(logits: Any, contexts: Any, ngrams: Any, mixed: Any) -> None:
    """Write the logits (B, V) of the mixture.

    Args:
        logits: (B, V) the network's.
        contexts: (B, N) int64, the latest token last; negative before the first.
        ngrams: as :class:`Ngrams`.
        mixed: (B, V) to be written.
    """
    rows, vocab_size = logits.shape
    probabilities = np.empty(vocab_size, np.float32)
    for row in range(rows):
        probabilities[:] = ngrams.unigram
        code, digit = np.int64(0), np.int64(1)
        length, followers = 0, vocab_size
        while length < contexts.shape[1]:
            token = contexts[row, contexts.shape[1] - 1 - length]
            if token < 0:
                break
            code += digit * token
            digit *= vocab_size
            first, stop = ngrams.firsts[length], ngrams.firsts[length + 1]
            place = first + np.searchsorted(ngrams.codes[first:stop], code)
            if place == stop or ngrams.codes[place] != code:
                break  # a longer context has not occurred where a shorter one has not
            probabilities *= ngrams.backoff[place]
            for entry in range(ngrams.starts[place], ngrams.starts[place + 1]):
                probabilities[ngrams.tokens[entry]] += ngrams.discounted[entry]
            followers = ngrams.starts[place + 1] - ngrams.starts[place]
            length += 1
        several = 1 if followers > 1 else 0
        of_network, of_ngrams = ngrams.weights[length, several, 0], ngrams.weights[length, several, 1]
        best = logits[row].max()
        for token in range(vocab_size):
            value = logits[row, token] - best
            value = _LOWEST if value < _LOWEST else value  # noqa: FURB136  what is not a number stays what it is
            mixed[row, token] = value * of_network + np.log(max(probabilities[token], _SMALLEST)) * of_ngrams
