"""Random streams and the draw: which token, given logits and a random number.

All of it is NumPy in float64 on the host, whatever the backend and the device, so that the same logits and the same
``random_seed`` give the same ids everywhere.
"""

from __future__ import annotations

import math
import operator
from bisect import bisect_right
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from seqgen.core.arrays import on_host
from seqgen.core.errors import GenerationError, OptionError
from seqgen.core.types import Array, Ids

_BLOCK = 256
"""Random numbers made at a time for each sequence: about 2 us, a few nanoseconds each."""

_PLAIN = 600.0
"""Up to here a logit's exponential is an ordinary number of float64, and so is the sum of all of them: nothing need be taken off."""


class RandomStreams:
    """One stream of random numbers for each sequence, from which the p-th is the draw at position p.

    Counter-based (Philox 4x64-10; Salmon, Moraes, Dror and Shaw 2011, Parallel Random Numbers: As Easy as 1, 2, 3): the
    key is (random_seed, the sequence's number) and the counter the position, so a number depends on nothing else.

    Args:
        random_seed: any integer, taken modulo 2^64.
        sequences: the numbers of the B sequences.

    Raises:
        OptionError: random_seed is no integer.
    """

    def __init__(self, random_seed: int, sequences: Iterable[int]) -> None:
        first = random_seed_of(random_seed) % 2**64
        self._generators = [np.random.Philox(key=np.array([first, sequence], np.uint64)) for sequence in sequences]
        self._block: npt.NDArray[np.float64] = np.empty((0, len(self._generators)))  # (positions, B)
        self._used = 0

    def next(self) -> npt.NDArray[np.float64]:
        """The numbers (B,) of the next position, at least 0 and below 1."""
        if self._used == len(self._block):
            raw = np.stack([generator.random_raw(_BLOCK) for generator in self._generators], axis=-1)
            # The upper 53 bits, as in numpy.random.Generator.random.
            self._block = np.multiply(raw >> np.uint64(11), 2.0**-53, dtype=np.float64)
            self._used = 0
        numbers: npt.NDArray[np.float64] = self._block[self._used]
        self._used += 1
        return numbers

    def select(self, rows: Ids) -> None:
        """Keep only the streams of these rows (B',), in this order."""
        self._generators = [self._generators[row] for row in rows]
        self._block = self._block[:, rows]


def random_seed_of(given: Any) -> int:
    """The random_seed that is given as an integer of any type, as NumPy's are, as Python's, which has no largest.

    Raises:
        OptionError: it is none, as a float or True.
    """
    try:
        if not isinstance(given, bool):
            return operator.index(given)
    except TypeError:
        pass
    raise OptionError(f"random_seed is {given!r}, but must be a whole number.")


def draw(logits: Array, uniforms: npt.NDArray[np.float64]) -> Ids:
    """One token id for each row, drawn from softmax(logits) by inverting the cumulative distribution over the ids.

    Args:
        logits: (B, V).  A token at -inf is never drawn.
        uniforms: (B,) at least 0 and below 1.

    Returns:
        (B,) int64.

    Raises:
        GenerationError: a row leaves no token, or has a logit that is not a number; names the row.
    """
    logits = on_host(logits)
    if logits.shape[0] == 1:
        return np.array([_draw_one(logits[0], uniforms.item())])
    exact = logits.astype(np.float64)
    top = np.maximum.reduce(exact, axis=-1, keepdims=True)  # (B, 1)
    if not np.isfinite(top).all():
        raise _refusal(top[:, 0])
    large = np.abs(top) > _PLAIN
    if large.any():
        exact -= np.where(large, top, 0.0)
    np.exp(exact, out=exact)
    cumulative = np.add.accumulate(exact, axis=-1)  # (B, V)
    # At most 1 - 2^-53 times the last sum, which rounds to the number before it: a token always passes the target, and
    # the first one to do so has a weight of its own.
    target = uniforms[:, None] * cumulative[:, -1:]
    ids: Ids = (cumulative > target).argmax(axis=-1)
    return ids


def _draw_one(logits: npt.NDArray[Any], uniform: float) -> int:
    """``draw`` for one row (V,), with the same arithmetic, in fewer and cheaper calls: about half the time at V = 65."""
    top = logits.item(logits.argmax())
    exact = logits.astype("d")  # float64; by its letter, for naming the type takes longer
    if not -_PLAIN <= top <= _PLAIN:
        if not math.isfinite(top):
            raise _refusal(np.array([top]))
        exact -= top
    np.exp(exact, exact)
    cumulative = np.add.accumulate(exact)
    return bisect_right(cumulative, uniform * cumulative.item(-1))


def _refusal(top: npt.NDArray[np.float64]) -> GenerationError:
    row = int(np.flatnonzero(~np.isfinite(top))[0])
    return GenerationError(f"Row {row} of the logits has {fault(top[row])}.")


def fault(top: float) -> str:
    """What a row of logits whose largest is this has, that it should not have; empty if nothing is wrong."""
    if math.isfinite(top):
        return ""
    return "no token that may be drawn" if top < 0 else "a logit that is infinite or not a number"
