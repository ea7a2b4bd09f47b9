"""Array operations that samplers share, on whatever follows the array API standard; NumPy takes shorter ways.

One text at a time the logits are a (1, 65) NumPy array, and a call costs more than its arithmetic: a general
``take_along_axis`` takes seven times as long as a gather by flat index, a reduction five times as long as a product of vectors.
At V = 50,000 sorting would decide, so there only what lies about the threshold is sorted.  Shares are summed in float64.
"""

from __future__ import annotations

import functools
import math
from bisect import bisect_left
from types import ModuleType
from typing import Any

import numpy as np

from seqgen.core.types import Array

LOWEST = float(np.finfo(np.float32).min)
"""The lowest finite logit."""

EXCLUDED = np.array(-np.inf, np.float32)
"""What an excluded token's logit becomes; an array, for with a number an operation takes twice as long."""

_NEGLIGIBLE = 128.0
"""exp(-128) is zero in float32, so a token this far below the best weighs nothing."""

_NEARLY_NONE = 1e-300
"""Less than exp(-600), and more than the sum of no weights."""

_FLOOR = np.array(-_NEGLIGIBLE, np.float32)

_EVERYDAY = 1e30
"""A difference of two numbers of float32 overflows only if both are larger than this."""

_PLAIN = 600.0
"""Up to here a logit's exponential is an ordinary number of float64, and so is the sum of all of them: nothing need be taken off."""

_SELECTED_FROM = 2048
"""From this V on, :func:`keep_share` takes less time than sorting the row."""

_BINS = 4096
"""Into so many the keys of a row are parted, of which one is looked at further."""

_BLOCK = 8192
"""Numbers that are summed up at a time: arrays of a row's length, of a type of 8 bytes, cost more than the work on them."""


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
            row = logits[0]
            top = row.item(
                row.argmax()
            )  # a quarter of what a reduction takes at V = 65, and half of argmax with two axes
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


def exact(logits: Array) -> Array:
    """The logits in float64."""
    if type(logits) is np.ndarray:
        return logits.astype(np.float64)
    xp = namespace(logits)
    return xp.astype(logits, xp.float64)


def rounded(precise: Array) -> Array:
    """Logits of float64 in float32."""
    if type(precise) is np.ndarray:
        return precise.astype(np.float32)
    xp = namespace(precise)
    return xp.astype(precise, xp.float32)


def ordinary(logits: Array, limit: float) -> bool:
    """Whether these are NumPy logits that surely are all finite and within the limit, so that nothing that follows can overflow.

    By the root of the sum of their squares, which is no smaller than the largest of them: one call, where looking for the
    largest and the smallest takes four.
    """
    return type(logits) is np.ndarray and np.vdot(logits, logits).item() <= limit * limit


def log_mean(precise: Array) -> Any:
    """The logit of a token of average probability, 1 of V: in float64 (B, 1), for one row of NumPy the number itself.

    Args:
        precise: logits in float64, (B, V).  Tokens at -inf count; where a whole row is -inf, a finite number is given.
    """
    top = best(precise)
    if isinstance(top, float):
        off = 0.0 if -_PLAIN <= top <= _PLAIN else top
        weights = np.exp(precise[0] - off if off else precise[0])  # (V,)
        return math.log(max(weights.dot(_ones(len(weights), np.float64)).item(), _NEARLY_NONE) / len(weights)) + off
    xp = namespace(precise)
    off = xp.where(xp.abs(top) > _PLAIN, top, number(precise, 0.0))  # (B, 1)
    weights = xp.exp(precise - off)  # (B, V)
    return xp.log(at_least(total(weights), _NEARLY_NONE) / weights.shape[-1]) + off


def total(values: Array, weights: Array | None = None) -> Any:
    """The sum of each row, (B, 1), each value times its weight if there are any.  For one row of NumPy, the number itself."""
    if type(values) is np.ndarray:
        others = [_ones(values.shape[1], values.dtype.type)] * len(values) if weights is None else weights
        if len(values) == 1:
            return values[0].dot(others[0])
        # Row by row, so that each sum has the order, and the last digit, that it has alone.
        return np.array([row.dot(other) for row, other in zip(values, others, strict=True)])[:, None]
    return namespace(values).sum(values if weights is None else values * weights, axis=-1, keepdims=True)


@functools.lru_cache(maxsize=8)
def _ones(size: int, dtype: type[np.generic]) -> Array:
    return np.ones(size, dtype)  # of the same type as what it is multiplied with, which otherwise is converted


def at_least(values: Any, least: float) -> Any:
    """The larger of each of the values (B, 1), or of the number, and the least."""
    if isinstance(values, np.generic):
        return max(float(values), least)
    return namespace(values).maximum(values, number(values, least))


def descending(values: Array) -> Array:
    """The values of each row, largest first."""
    if type(values) is np.ndarray:
        ordered = values.copy()
        ordered.sort(axis=-1)  # np.sort takes twice as long at V = 65
        return ordered[:, ::-1]
    return namespace(values).sort(values, axis=-1, descending=True)


def ascending_order(values: Array) -> Array:
    """The positions (B, V) that sort each row of values, smallest first, and equals by position."""
    if type(values) is np.ndarray:
        return values.argsort(axis=-1, kind="stable")
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
        return bisect_left(reached, share * reached.item(-1)) + 1
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
            return np.where(kept, logits, EXCLUDED)
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


def selects(logits: Array) -> bool:
    """Whether ``keep_share`` is the shorter way for these logits."""
    return type(logits) is np.ndarray and logits.shape[-1] >= _SELECTED_FROM


def keep_share(logits: Array, keys: Array, weights: Array, share: float) -> Array:
    """NumPy logits (B, V) with as few tokens left as together reach a share of the weights, those of the smallest keys.

    What sorting the keys, equals by id, and summing up the weights in this order gives, without sorting them all.  Sums
    of float32 numbers in float64 are exact in any order, as long as the numbers are within a factor of some thousand.
    A row with a weight that is not a number stays as it is, for the draw to refuse.

    Args:
        logits: (B, V).
        keys: (B, V) by which the tokens follow one another; may be inf.
        weights: (B, V) at least 0, or not a number.
        share: above 0 and below 1.
    """
    left = np.full_like(logits, -np.inf)
    for row in range(len(logits)):
        for ids in _first(keys[row], weights[row], share):
            left[row, ids] = logits[row].take(ids)
    return left


def _first(keys: Array, weights: Array, share: float) -> list[Array]:
    """The ids, in groups, of the tokens of one row (V,) that ``keep_share`` leaves.

    The keys are parted into bins of equal width, the weights of each summed up, and the bin in which the share is reached
    is parted again, until it is small.  The bins before it stay, those after it go.
    """
    groups: list[Array] = []
    if keys.min() == np.inf:
        return groups
    ids = None
    target, before = share * float(weights.sum(dtype=np.float64)), 0.0
    if math.isnan(target):  # which no bin reaches, so that parting them would not end
        return [np.arange(len(keys))]
    while len(keys) > _BINS // 4:
        bins = _binned(keys)
        if bins is None:  # all are equal
            break
        mass = np.zeros(_BINS + 1)
        for start in range(0, len(keys), _BLOCK):
            block = slice(start, start + _BLOCK)
            mass += np.bincount(bins[block], weights[block], minlength=_BINS + 1)
        reached = np.add.accumulate(mass) + before
        crossed = min(int(reached.searchsorted(target)), _BINS)
        sure, inside = np.flatnonzero(bins < crossed), np.flatnonzero(bins == crossed)
        groups.append(sure if ids is None else ids.take(sure))
        ids = inside if ids is None else ids.take(inside)
        before = reached.item(crossed - 1) if crossed else before
        keys, weights = keys.take(inside), weights.take(inside)
    order = keys.argsort(kind="stable")
    reached = np.add.accumulate(weights.take(order), dtype=np.float64) + before
    within = order[: int(reached.searchsorted(target)) + 1]
    groups.append(within if ids is None else ids.take(within))
    return groups


def _binned(keys: Array) -> Array | None:
    """In which of the bins, 0 to ``_BINS``, each key lies; None where all are equal, or nearly.

    What lies more than 128 above the lowest, where no weights are, goes into the last one.
    """
    lowest = keys.min()
    with np.errstate(over="ignore"):  # from one end of float32 to the other
        height = keys - lowest
    highest = height.max()
    if highest > _NEGLIGIBLE:
        np.minimum(height, np.float32(_NEGLIGIBLE), out=height)
        highest = np.float32(_NEGLIGIBLE)
    if highest < _BINS * float(np.finfo(np.float32).tiny):
        return None
    height *= np.float32(_BINS) / highest
    return height.astype(np.uint16)


def masked(logits: Array, kept: Array) -> Array:
    """The logits where kept, else -inf."""
    if type(logits) is np.ndarray:
        return np.where(kept, logits, EXCLUDED)
    return namespace(logits).where(kept, logits, number(logits, -np.inf))


def number(like: Array, value: float) -> Any:
    """A number of the array's own type and device, for ``where``, ``maximum`` and ``minimum``."""
    xp = namespace(like)
    if xp is np:
        return like.dtype.type(value)
    return xp.asarray(value, dtype=like.dtype, device=like.device)
