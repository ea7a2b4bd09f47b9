"""An n-gram model as arrays: the probabilities of every token after the last few."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from seqgen.core.errors import DamagedModelError
from seqgen.core.types import Ids
from seqgen.ngrams import MAX_ORDER

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]
Value = TypeVar("Value")

_ROUNDING = 1e-3  # by which probabilities in float32 may miss one
_REMEMBERED = 4 << 20  # bytes
_ENTRY = 400  # bytes that are remembered beside the probabilities themselves: keys, and what Python keeps of an array

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

    codes: npt.NDArray[np.integer[Any]]
    starts: npt.NDArray[np.integer[Any]]
    tokens: npt.NDArray[np.unsignedinteger[Any]]
    discounted: Floats
    backoff: Floats

    def place(self, code: int) -> int | None:
        """Where one context stands, None if it has not occurred."""
        number = self.codes.dtype.type(code)
        place = int(self.codes.searchsorted(number))
        return place if place < len(self.codes) and self.codes.item(place) == code else None


class Expected(NamedTuple):
    """What n-grams expect after each of B contexts, and what that rests on.

    Attributes:
        probabilities: (B, V) of every token; each row sums to one.
        length: (B,) how many tokens the longest end of the context has that has occurred.
        followers: (B,) how many different tokens have followed that; V where it has none.
    """

    probabilities: Floats
    length: npt.NDArray[np.integer[Any]]
    followers: npt.NDArray[np.integer[Any]]


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

    def after(self, context: Ids) -> Expected:
        """What to expect after each context.

        Args:
            context: (B, N) the last tokens, the latest last; ``NOTHING`` before the first.
        """
        table, offsets = self._together
        rows, vocab_size = len(context), self.vocab_size
        tokens = context[:, ::-1].T.astype(np.int64)  # (N, B), the latest first, as all below if nothing else is said
        digits = vocab_size ** np.arange(len(tokens), dtype=np.int64)[:, None]
        codes = np.add.accumulate(tokens * digits, axis=0) + offsets
        places = table.codes.searchsorted(codes)
        # A longer context has not occurred where a shorter one has not.
        occurred = np.logical_and.accumulate((table.codes[places] == codes) & (tokens != NOTHING), axis=0)
        starts = table.starts[places]
        counts = np.where(occurred, table.starts[places + 1] - starts, 0)
        length = occurred.sum(axis=0)  # (B,)
        followers = np.where(length > 0, counts[length - 1, np.arange(rows)], vocab_size)  # (B,)

        # What all contexts at least as long leave to the shorter ones.
        backoff = np.where(occurred, table.backoff[places], 1)
        left = np.multiply.accumulate(backoff[::-1], axis=0, dtype=np.float64)[::-1]
        share = np.concatenate([left[1:], np.ones((1, rows))])
        each = counts.ravel()  # (N * B,)
        entries = np.arange(each.sum()) + np.repeat(starts.ravel() - each.cumsum() + each, each)
        firsts = np.tile(np.arange(rows) * vocab_size, len(tokens))
        cells = np.repeat(firsts, each) + table.tokens[entries]
        discounted = np.repeat(share.ravel(), each) * table.discounted[entries]
        counted = np.bincount(cells, discounted, rows * vocab_size).reshape(rows, vocab_size)
        probabilities = (counted + left[0][:, None] * self.unigram).astype(np.float32)
        return Expected(probabilities, length, followers)

    @cached_property
    def _together(self) -> tuple[Contexts, Integers]:
        """The contexts of all lengths in one table, where one search finds many, and what is added to each length's codes, (N, 1)."""
        sizes = self.vocab_size ** np.arange(self.order, dtype=np.int64)
        offsets = np.cumsum(sizes)[:-1]
        entries = np.cumsum([0, *(len(known.tokens) for known in self.contexts)])
        codes = [known.codes.astype(np.int64) + offset for known, offset in zip(self.contexts, offsets, strict=True)]
        starts = [known.starts[:-1] + start for known, start in zip(self.contexts, entries[:-1], strict=True)]
        # At the end one that nothing comes to, so that each search ends at a place.
        table = Contexts(
            np.concatenate([*codes, [np.iinfo(np.int64).max]]),
            np.concatenate([*starts, [entries[-1]] * 2]),
            np.concatenate([known.tokens for known in self.contexts]),
            np.concatenate([known.discounted for known in self.contexts]),
            np.concatenate([*(known.backoff for known in self.contexts), [np.float32(1)]]),
        )
        return table, offsets[:, None]

    def code(self, context: list[int]) -> tuple[int, int]:
        """The length of one context (N) and the number that it is read as."""
        code, digit, length = 0, 1, 0
        for token in reversed(context):
            if token == NOTHING:
                break
            code += digit * token
            digit *= self.vocab_size
            length += 1
        return length, code

    @cached_property
    def after_one(self) -> Callable[[int, int], tuple[Floats, int, int]]:
        """The same for one context by its length and code, in a fraction of the time: most texts are written one at a time.

        The probabilities (V,) are not to be changed: what was asked for of late, which often comes again, is remembered.
        """

        @self.remembering
        def after(length: int, code: int) -> tuple[Floats, int, int]:
            if not length:
                return self.unigram, 0, self.vocab_size
            shorter = after(length - 1, code % self.vocab_size ** (length - 1))
            known = self.contexts[length - 1]
            # A file may hold a context without what it ends in, which is then not asked for.
            place = known.place(code) if shorter[1] == length - 1 else None
            if place is None:
                return shorter
            start, end = known.starts.item(place), known.starts.item(place + 1)
            probabilities: Floats = shorter[0] * known.backoff[place]
            if end - start == 1:  # most often, and then a tenth of what follows
                probabilities[known.tokens.item(start)] += known.discounted[start]
            else:
                probabilities[known.tokens[start:end]] += known.discounted[start:end]
            return probabilities, length, end - start

        return after

    def remembering(self, function: Callable[[int, int], Value]) -> Callable[[int, int], Value]:
        """A function of a context's length and code that remembers what it gave of late: as many arrays (V,) as fill 4 MB."""
        return lru_cache(max(1, _REMEMBERED // (_ENTRY + 4 * self.vocab_size)))(function)

    def tensors(self) -> dict[str, npt.NDArray[Any]]:
        """All of it as named arrays, for a file."""
        tensors: dict[str, npt.NDArray[Any]] = {"unigram": self.unigram}
        for length, known in enumerate(self.contexts, start=1):
            tensors |= {f"contexts.{length}.{name}": getattr(known, name) for name in _NAMES}
        return tensors

    @classmethod
    def of(cls, tensors: Mapping[str, npt.NDArray[Any]], vocab_size: int, *, where: str) -> NgramTable:
        """The table that these arrays are, checked: no file makes a lookup fail, or gives what is no number.

        Whether the probabilities after a context sum to one is not looked at, which would take longer than all else: like
        weights, those of a stranger may predict nonsense.

        Raises:
            DamagedModelError: they are none for a vocabulary of this size.
        """
        order = 1 + sum(name.endswith(".codes") for name in tensors)
        names = {"unigram", *(f"contexts.{length}.{name}" for length in range(1, order) for name in _NAMES)}
        if tensors.keys() != names:
            raise DamagedModelError(f"{where}: its tensors are not those of an n-gram model.")
        require(2 <= order <= MAX_ORDER, f"n-grams of {order} tokens are none that seqgen counts", where)
        require(_is(tensors["unigram"], np.float32, vocab_size), '"unigram" is not of the vocabulary', where)
        table = cls(
            tensors["unigram"],
            tuple(
                Contexts(**{name: tensors[f"contexts.{length}.{name}"] for name in _NAMES})
                for length in range(1, order)
            ),
        )
        require(vocab_size**order < 2**63, f"n-grams of {order} tokens do not fit into a number", where)
        whole = abs(float(table.unigram.sum(dtype=np.float64)) - 1) < _ROUNDING
        require(are_shares(table.unigram) and whole, '"unigram" are no probabilities', where)
        for length, known in enumerate(table.contexts, start=1):
            _check(known, vocab_size, length, where=f"{where}: contexts of {length}")
        return table


_NAMES = ("codes", "starts", "tokens", "discounted", "backoff")


def smallest(numbers: int) -> np.dtype[np.unsignedinteger[Any]]:
    """The smallest unsigned type that holds the numbers from 0 up to, but not including, this one."""
    return np.dtype(np.min_scalar_type(max(numbers - 1, 0)))


def _dtypes(vocab_size: int, length: int) -> dict[str, npt.DTypeLike]:
    return {
        "codes": smallest(vocab_size**length),
        "starts": np.uint32,
        "tokens": smallest(vocab_size),
        "discounted": np.float32,
        "backoff": np.float32,
    }


def _check(known: Contexts, vocab_size: int, length: int, *, where: str) -> None:
    count, entries = len(known.codes), len(known.tokens)
    sizes = {"codes": count, "starts": count + 1, "tokens": entries, "discounted": entries, "backoff": count}
    for name, dtype in _dtypes(vocab_size, length).items():
        require(_is(getattr(known, name), dtype, sizes[name]), f'"{name}" has a wrong type or shape', where)
    ascending = bool((known.codes[1:] > known.codes[:-1]).all())
    within = count == 0 or int(known.codes[-1]) < vocab_size**length
    require(ascending and bool(within), '"codes" are not in order', where)
    parts = bool((known.starts[1:] > known.starts[:-1]).all()) and known.starts[0] == 0 and known.starts[-1] == entries
    require(parts, '"starts" are not in order', where)
    inside = entries == 0 or int(known.tokens.max()) < vocab_size
    rising = known.tokens[1:] > known.tokens[:-1]
    rising[known.starts[1:-1] - 1] = True  # where the tokens after another context begin
    require(inside and bool(rising.all()), '"tokens" are not tokens in order', where)
    for name in ("discounted", "backoff"):
        require(are_shares(getattr(known, name)), f'"{name}" are no shares of a probability', where)


def _is(array: npt.NDArray[Any], dtype: npt.DTypeLike, size: int) -> bool:
    return array.dtype == dtype and array.shape == (size,)


def are_shares(array: Floats) -> bool:
    """Whether all of them are between zero and one; NaN is not."""
    return len(array) == 0 or bool(array.min() >= 0 and array.max() <= 1)


def require(holds: bool, fault: str, where: str) -> None:
    """Raise DamagedModelError with this fault if something does not hold."""
    if not holds:
        raise DamagedModelError(f"{where}: {fault}; the model was altered or damaged.")
