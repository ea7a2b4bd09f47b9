"""A random order of very many numbers, of which none is kept in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

ROUNDS = 6


@dataclass(frozen=True)
class Shuffle:
    """A permutation of 0 to size - 1 that is computed where it is asked for.

    A Feistel network (Luby and Rackoff 1988) permutes the numbers of an even number of bits; where it leads out of those
    below ``size``, it is followed further until it comes back (cycle walking: Black and Rogaway 2002, Ciphers with Arbitrary
    Finite Domains), on average less than four times.

    Attributes:
        size: how many numbers.
        keys: (ROUNDS,) uint64, random.
    """

    size: int
    keys: npt.NDArray[np.uint64]

    @classmethod
    def drawn(cls, size: int, random: np.random.Generator) -> Self:
        """A random one."""
        return cls(size, random.integers(2**64, size=ROUNDS, dtype=np.uint64))

    def __getitem__(self, places: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
        """(N,) places in the order -> (N,) the numbers there."""
        numbers = self._permuted(places.astype(np.uint64))
        while (outside := numbers >= self.size).any():
            numbers[outside] = self._permuted(numbers[outside])
        return numbers.astype(np.int64)

    def _permuted(self, numbers: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
        bits = np.uint64(max(1, -(-(self.size - 1).bit_length() // 2)))  # of each half
        mask = (np.uint64(1) << bits) - np.uint64(1)
        left, right = numbers >> bits, numbers & mask
        for key in self.keys:
            left, right = right, left ^ (_mixed(right ^ key) & mask)
        return (left << bits) | right


def _mixed(numbers: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Every bit in depends on every bit out: the finaliser of SplitMix64 (Steele, Lea and Flood 2014)."""
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return numbers ^ (numbers >> np.uint64(31))
