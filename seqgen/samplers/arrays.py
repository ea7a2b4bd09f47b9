"""Array operations that samplers share, on whatever follows the array API standard; NumPy takes shorter ways.

One text at a time the logits are a (1, 65) NumPy array, and a call costs more than its arithmetic: a general
``take_along_axis`` takes seven times as long as a gather by flat index.  At V = 50,000 the sort decides.  Sums are in float64.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np

from seqgen.core.types import Array

LOWEST = float(np.finfo(np.float32).min)
"""The lowest finite logit."""

_EXCLUDED = np.array(-np.inf, np.float32)  # as an array: with a number an operation takes twice as long

_NEGLIGIBLE = 128.0
"""exp(-128) is zero in float32, so a token this far below the best weighs nothing."""

_FLOOR = np.array(-_NEGLIGIBLE, np.float32)

_EVERYDAY = 1e30
"""A difference of two numbers of float32 overflows only if both are larger than this."""

_PACKED_FROM = 2048
"""Above this V, sorting packed (value, position) integers beats NumPy's stable argsort (4 times there, 9 times at V = 50,000)."""


def namespace(array: Array) -> ModuleType:
    """The array API namespace of an array; NumPy's own for its arrays, so that generating starts without another."""
    if type(array) is np.ndarray:
        return np
    from array_api_compat import array_namespace

    return array_namespace(array)


def best(logits: Array) -> Any:
    """The largest logit of each row, (B, 1); the lowest finite number where a whole row is -inf.

    For one row of NumPy, the number itself.
    """
    if type(logits) is np.ndarray:
        if logits.shape[0] == 1:
            top = logits.item(logits.argmax())  # a third of what a reduction takes at V = 65
            return LOWEST if top == -np.inf else top
        return np.maximum.reduce(logits, axis=-1, keepdims=True, initial=LOWEST)
    xp = namespace(logits)
    return xp.maximum(xp.max(logits, axis=-1, keepdims=True), number(logits, LOWEST))


def below_best(logits: Array, top: Array) -> Array:
    """How far each logit lies below the best, (B, V), from -128 to 0: finite whatever the logits are."""
    if type(top) is float and -_EVERYDAY < top < _EVERYDAY:
        depth = logits - np.float32(top)
        return np.maximum(depth, _FLOOR, out=depth)
    xp = namespace(logits)
    with np.errstate(over="ignore"):  # from one end of float32 to the other
        depth = logits - top
    return xp.maximum(depth, number(logits, -_NEGLIGIBLE))


def total(values: Array) -> Array:
    """The sum of each row, (B, 1)."""
    if type(values) is np.ndarray:
        return np.add.reduce(values, axis=-1, keepdims=True)
    return namespace(values).sum(values, axis=-1, keepdims=True)


def descending(values: Array) -> Array:
    """The values of each row, largest first."""
    if type(values) is np.ndarray:
        ordered = -values
        ordered.sort(axis=-1)  # np.sort takes twice as long at V = 65, and what follows on a view from the end
        return np.negative(ordered, out=ordered)
    return namespace(values).sort(values, axis=-1, descending=True)


def ascending_order(values: Array) -> Array:
    """The positions (B, V) that sort each row of values at least 0, float32, smallest first, and equals by position."""
    if type(values) is np.ndarray and values.shape[-1] >= _PACKED_FROM:
        # The bits of floats that are not negative sort like the floats.
        packed = np.ascontiguousarray(values, np.float32).view(np.uint32).astype(np.uint64) << np.uint64(32)
        packed |= np.arange(values.shape[-1], dtype=np.uint64)
        packed.sort(axis=-1)
        return (packed & np.uint64(0xFFFFFFFF)).astype(np.int64)
    return namespace(values).argsort(values, axis=-1, stable=True)


def kth_largest(values: Array, k: int) -> Array:
    """The k-th largest value of each row, (B, 1), for k from 1 to V, by a partial sort where there is one."""
    xp = namespace(values)
    if xp is np:
        place = values.shape[-1] - k
        parted = values.copy()
        parted.partition(place, axis=-1)
        return parted[:, place : place + 1]
    if hasattr(xp, "topk"):  # torch; the standard has none yet
        return xp.topk(values, k, dim=-1).values[:, k - 1 : k]
    return descending(values)[:, k - 1 : k]


def gather(values: Array, positions: Any) -> Array:
    """For each row, the values (B, V) at these positions: (B, N).

    For one row of NumPy and one position, an array without axes, for operations with a number take twice as long.
    """
    if isinstance(positions, int):
        return values[0, positions, ...]
    if type(values) is np.ndarray:
        rows, columns = values.shape
        if rows > 1:
            positions = positions + np.arange(0, rows * columns, columns)[:, None]
        return values.ravel().take(positions)
    return namespace(values).take_along_axis(values, positions, axis=-1)


def tokens_until(weights: Array, share: float) -> Any:
    """How many of the weights of each row, in order, it takes to reach a share of their sum: (B, 1), at least 1.

    For one row of NumPy, the number itself.
    """
    if type(weights) is np.ndarray and weights.shape[0] == 1:
        reached = np.add.accumulate(weights[0].astype(np.float64))  # (V,)
        return int(reached.searchsorted(share * reached[-1])) + 1
    xp = namespace(weights)
    reached = xp.cumulative_sum(weights, axis=-1, dtype=xp.float64)  # (B, V)
    return xp.sum(xp.astype(reached < share * reached[:, -1:], xp.int64), axis=-1, keepdims=True) + 1


def keep(logits: Array, scores: Array, threshold: Array, count: Any) -> Array:
    """The logits with exactly ``count`` tokens left in each row: those of the best scores, of equals the smaller ids.

    Args:
        logits: (B, V).
        scores: (B, V), of which the largest stay.
        threshold: (B, 1) the ``count``-th largest score of each row.
        count: how many stay, one number or (B, 1).
    """
    kept = scores >= threshold  # (B, V), at least count in each row
    if type(logits) is np.ndarray:
        wanted = count * logits.shape[0] if isinstance(count, int) else count.sum()
        if np.count_nonzero(kept) == wanted:
            return np.where(kept, logits, _EXCLUDED)
    xp = namespace(logits)
    above = scores > threshold
    tied = kept ^ above
    room = count - xp.sum(xp.astype(above, xp.int64), axis=-1, keepdims=True)  # (B, 1)
    kept = above | (tied & (xp.cumulative_sum(xp.astype(tied, xp.int64), axis=-1) <= room))
    return masked(logits, kept)


def keep_at(logits: Array, positions: Array) -> Array:
    """One row of NumPy logits (1, V) with only the tokens at these positions (N,) left."""
    left = np.empty_like(logits)
    left.fill(-np.inf)
    left[0, positions] = logits[0].take(positions)
    return left


def masked(logits: Array, kept: Array) -> Array:
    """The logits where kept, else -inf."""
    if type(logits) is np.ndarray:
        return np.where(kept, logits, _EXCLUDED)
    return namespace(logits).where(kept, logits, number(logits, -np.inf))


def number(like: Array, value: float) -> Any:
    """A number of the array's own type and device, for ``where``, ``maximum`` and ``minimum``."""
    xp = namespace(like)
    if xp is np:
        return like.dtype.type(value)
    return xp.asarray(value, dtype=like.dtype, device=like.device)
