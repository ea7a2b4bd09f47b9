"""An n-gram model as arrays: the probabilities of every token after the last few."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from seqgen.core.errors import DamagedModelError
from seqgen.core.types import Ids
from seqgen.untrusted import read_tensors

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]

_ROUNDING = 1e-3  # by which probabilities in float32 may miss one

NOTHING = -1
"""What stands in a context before the first token."""


@dataclass(frozen=True)
class Contexts:
    """What follows each context of k tokens.

    Attributes:
        codes: (C,) the contexts in ascending order, each read as a number with a digit a token, in base V.
        starts: (C + 1,) where the tokens of each begin in ``tokens``.
        tokens: (G,) those that have followed a context.
        discounted: (G,) the probability of each, less what was taken off for the tokens that have not.
        backoff: (C,) what was taken off, by which the probabilities after one token less are multiplied.
    """

    codes: Integers
    starts: Integers
    tokens: npt.NDArray[np.int32]
    discounted: Floats
    backoff: Floats

    def find(self, codes: Integers) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.intp]]:
        """(B,) whether each of these contexts has occurred, and where it stands."""
        if not len(self.codes):
            return np.zeros(len(codes), np.bool_), np.zeros(len(codes), np.intp)
        places = np.minimum(np.searchsorted(self.codes, codes), len(self.codes) - 1)
        return self.codes[places] == codes, places


@dataclass(frozen=True)
class NgramTable:
    """Interpolated probabilities of n-grams of up to N + 1 tokens.

    The probability of a token after k tokens is what was counted there, less a discount, and for the rest the probability
    after k - 1 tokens (Chen and Goodman 1999, An Empirical Study of Smoothing Techniques for Language Modeling, section 2).

    Attributes:
        unigram: (V,) the probabilities after nothing.
        contexts: for k = 1 to N, what follows k tokens.
    """

    unigram: Floats
    contexts: tuple[Contexts, ...]

    @property
    def order(self) -> int:
        """The length of the longest n-grams, N + 1."""
        return len(self.contexts) + 1

    @property
    def vocab_size(self) -> int:
        """V."""
        return len(self.unigram)

    def probabilities(self, context: Ids) -> tuple[Floats, Integers]:
        """The probabilities of every token after each context.

        Args:
            context: (B, N) the last tokens, the latest last; ``NOTHING`` before the first.

        Returns:
            probabilities (B, V), whose rows sum to one, and the length (B,) of the longest context that has occurred.
        """
        if len(context) == 1:
            alone, length = self._after(context[0].tolist())
            return alone[None], np.array([length])
        probabilities = np.repeat(self.unigram[None], len(context), axis=0)
        found = np.zeros(len(context), np.int64)
        rows = np.arange(len(context))  # those whose shorter context has occurred; the longer cannot otherwise
        codes = np.zeros(len(context), np.int64)
        digit = 1
        for length, known in enumerate(self.contexts, start=1):
            token = context[rows, -length].astype(np.int64)
            codes = codes + digit * token
            digit *= self.vocab_size
            occurred, places = known.find(codes)
            occurred &= token != NOTHING
            rows, codes, places = rows[occurred], codes[occurred], places[occurred]
            if not len(rows):
                break
            found[rows] = length
            probabilities[rows] *= known.backoff[places][:, None]
            starts = known.starts[places]
            counts = known.starts[places + 1] - starts
            ends = np.cumsum(counts)
            entries = np.arange(ends[-1]) + np.repeat(starts - ends + counts, counts)
            probabilities[np.repeat(rows, counts), known.tokens[entries]] += known.discounted[entries]
        return probabilities, found

    def _after(self, context: list[int]) -> tuple[Floats, int]:
        """The same for one context, (V,), in a fraction of the time: most texts are written one at a time."""
        probabilities = self.unigram.copy()
        code, digit = 0, 1
        for length, known in enumerate(self.contexts, start=1):
            token = context[-length]
            code += digit * token
            digit *= self.vocab_size
            place = int(known.codes.searchsorted(code))
            if token == NOTHING or place == len(known.codes) or known.codes[place] != code:
                return probabilities, length - 1
            probabilities *= known.backoff[place]
            entries = slice(known.starts[place], known.starts[place + 1])
            probabilities[known.tokens[entries]] += known.discounted[entries]
        return probabilities, len(self.contexts)

    def tensors(self) -> dict[str, npt.NDArray[Any]]:
        """All of it as named arrays, for a file."""
        tensors: dict[str, npt.NDArray[Any]] = {"unigram": self.unigram}
        for length, known in enumerate(self.contexts, start=1):
            tensors |= {f"contexts.{length}.{name}": getattr(known, name) for name in _DTYPES}
        return tensors

    @classmethod
    def of(cls, tensors: Mapping[str, npt.NDArray[Any]], vocab_size: int, *, where: str) -> NgramTable:
        """The table that these arrays are, checked: no file makes a lookup fail, or a probability of nonsense.

        Raises:
            DamagedModelError: they are none for a vocabulary of this size.
        """
        order = 1 + sum(name.endswith(".codes") for name in tensors)
        names = {"unigram", *(f"contexts.{length}.{name}" for length in range(1, order) for name in _DTYPES)}
        if tensors.keys() != names:
            raise DamagedModelError(f"{where}: its tensors are not those of an n-gram model.")
        _require(_is(tensors["unigram"], np.float32, vocab_size), '"unigram" is not of the vocabulary', where)
        table = cls(
            tensors["unigram"],
            tuple(
                Contexts(**{name: tensors[f"contexts.{length}.{name}"] for name in _DTYPES})
                for length in range(1, order)
            ),
        )
        _require(vocab_size**order < 2**63, f"n-grams of {order} tokens do not fit into a number", where)
        whole = abs(float(table.unigram.sum(dtype=np.float64)) - 1) < _ROUNDING
        _require(_are_shares(table.unigram) and whole, '"unigram" are no probabilities', where)
        for length, known in enumerate(table.contexts, start=1):
            _check(known, vocab_size, length, where=f"{where}: contexts of {length}")
        return table


_DTYPES = {
    "codes": np.int64,
    "starts": np.int64,
    "tokens": np.int32,
    "discounted": np.float32,
    "backoff": np.float32,
}


def read_table(path: Path, vocab_size: int, *, where: str) -> tuple[NgramTable, Floats]:
    """A table from a file, and the network's shares (N + 1,) that stand beside it.

    Raises:
        DamagedModelError: the file holds something else.
    """
    tensors = read_tensors(path, where=where)
    shares = tensors.pop(SHARES, np.zeros(0, np.float32))
    table = NgramTable.of(tensors, vocab_size, where=where)
    _require(_is(shares, np.float32, table.order) and _are_shares(shares), f'"{SHARES}" is no share', where)
    return table, shares


SHARES = "network_shares"
"""The tensor of a file that says, for each length of context, how much of the mixture is the network's."""


def _check(known: Contexts, vocab_size: int, length: int, *, where: str) -> None:
    count, entries = len(known.codes), len(known.tokens)
    for name, size in {"codes": count, "starts": count + 1, "backoff": count, "tokens": entries}.items():
        _require(_is(getattr(known, name), _DTYPES[name], size), f'"{name}" has a wrong type or shape', where)
    _require(_is(known.discounted, np.float32, entries), '"discounted" has a wrong type or shape', where)
    ascending = bool((known.codes[1:] > known.codes[:-1]).all())
    within = count == 0 or (known.codes[0] >= 0 and known.codes[-1] < vocab_size**length)
    _require(ascending and bool(within), '"codes" are not in order', where)
    parts = bool((known.starts[1:] > known.starts[:-1]).all()) and known.starts[0] == 0 and known.starts[-1] == entries
    _require(parts, '"starts" are not in order', where)
    inside = entries == 0 or 0 <= known.tokens.min() <= known.tokens.max() < vocab_size
    same_context = np.ones(max(entries - 1, 0), np.bool_)
    same_context[known.starts[1:-1] - 1] = False
    each_once = bool((known.tokens[1:] > known.tokens[:-1])[same_context].all())
    _require(bool(inside) and each_once, '"tokens" are not tokens in order', where)
    sums = known.backoff.astype(np.float64)
    if entries:
        sums = sums + np.add.reduceat(known.discounted.astype(np.float64), known.starts[:-1])
    _require(
        _are_shares(known.discounted) and _are_shares(known.backoff) and bool((abs(sums - 1) < _ROUNDING).all()),
        "the probabilities after a context do not sum to one",
        where,
    )


def _is(array: npt.NDArray[Any], dtype: npt.DTypeLike, size: int) -> bool:
    return array.dtype == dtype and array.shape == (size,)


def _are_shares(array: Floats) -> bool:
    return bool(((array >= 0) & (array <= 1)).all())


def _require(holds: bool, fault: str, where: str) -> None:
    if not holds:
        raise DamagedModelError(f"{where}: {fault}; the model was altered or damaged.")
