"""Moments of generations: logits of every kind, and what went before them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from hypothesis.strategies import SearchStrategy

from seqgen.core.types import Ids
from seqgen.testing.laws import require

Logits: TypeAlias = npt.NDArray[np.float32]

LARGE = 2500
"""A vocabulary above which parts may take other ways, as sorting does."""

_COMPOSED = 40
"""The largest vocabulary whose logits hypothesis puts together one by one, which takes it milliseconds a row."""


@dataclass(frozen=True)
class Moment:
    """A moment of a generation: what was read and drawn, and the logits that come next.

    Attributes:
        prompt_ids: (B, T), T may be 0.
        drawn: (N, B) the ids of each step since.
        logits: (B, V), at least one finite in each row.
    """

    prompt_ids: Ids
    drawn: Ids
    logits: Logits

    @property
    def vocab_size(self) -> int:
        """V."""
        return int(self.logits.shape[1])


_LONG = st.integers(0, 5).map(lambda number: number == 5)


@st.composite
def moments(
    draw: st.DrawFn,
    vocab_sizes: SearchStrategy[int],
    rows: Callable[[int], SearchStrategy[Logits]],
    min_rows: int,
) -> Moment:
    """Moments of up to four sequences, after up to four tokens of prompt and four that were drawn.

    Now and then a prompt of 70 to 300 tokens is before these, since a window may be so long.

    Args:
        draw: hypothesis's.
        vocab_sizes: how many tokens there are.
        rows: the logits (V,) of one sequence, for V.
        min_rows: the least number of sequences.
    """
    long = draw(_LONG)
    # In a small vocabulary, what fell out of a window is within it all the same.
    vocab_size = max(draw(vocab_sizes) for _ in range(8 if long else 1))
    batch, before, since = draw(st.integers(min_rows, 4)), draw(st.integers(0, 4)), draw(st.integers(int(long), 4))
    ids = draw(arrays(np.int64, (before + since, batch), elements=st.integers(0, vocab_size - 1)))
    if long:  # from a random number generator, which takes a fraction of the time
        generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
        ids = np.concatenate([generator.integers(0, vocab_size, (generator.integers(70, 301), batch)), ids])
    logits = np.stack([draw(rows(vocab_size)) for _ in range(batch)])
    read = len(ids) - since
    return Moment(np.ascontiguousarray(ids[:read].T), ids[read:], logits)


@functools.cache  # building it costs more than drawing from it
def rows_of_logits(vocab_size: int) -> SearchStrategy[Logits]:
    """Logits (V,) of all kinds, at least one of them finite.

    Half of those for a small vocabulary are put together by hypothesis, which makes them small.  The others come from a
    random number generator, for hypothesis likes to repeat itself, and in few examples may leave out a kind.
    """
    random = st.integers(0, 2**32 - 1).map(functools.partial(_random_row, vocab_size))
    if vocab_size > _COMPOSED:
        return random

    def row(numbers: SearchStrategy[float]) -> SearchStrategy[Logits]:
        return _lists(numbers, vocab_size).map(lambda values: np.array(values, np.float32))

    ordinary, ties, huge = st.floats(-9, 9, width=32), st.sampled_from(_TIES), st.sampled_from(_HUGE)
    equal = (ordinary | huge).map(lambda value: np.full(vocab_size, value, np.float32))
    none, all_of_them = [False] * vocab_size, [True] * vocab_size
    return random | st.builds(
        _excluded,
        st.one_of(row(ties), row(huge), row(ordinary), equal),
        st.one_of(st.just(none), _lists(st.booleans(), vocab_size), st.just(all_of_them)),
        st.integers(0, vocab_size - 1),
    )


_HIGHEST = float(np.finfo(np.float32).max)
_TIES = (0.0, 1.0, -1.0)
_HUGE = (_HIGHEST, -_HIGHEST, 0.0, 1e30, -200.0, -1e-40)


def _random_row(vocab_size: int, random_seed: int) -> Logits:
    generator = np.random.default_rng(random_seed)
    match generator.integers(4):
        case 0:
            row = generator.normal(0, 3, vocab_size).round(1)  # rounded, so that there are ties
        case 1:
            row = generator.choice(_TIES, vocab_size)
        case 2:
            row = generator.choice(_HUGE, vocab_size)
        case _:
            row = np.full(vocab_size, generator.choice(_HUGE))
    gone = generator.random(vocab_size) < generator.choice([0.0, 0.5, 1.0])
    return _excluded(row.astype(np.float32), gone, int(generator.integers(vocab_size)))


def _excluded(row: Logits, gone: npt.ArrayLike, left: int) -> Logits:
    return np.where(np.asarray(gone) & (np.arange(len(row)) != left), np.float32(-np.inf), row)


def _lists(elements: SearchStrategy[Any], size: int) -> SearchStrategy[list[Any]]:
    return st.lists(elements, min_size=size, max_size=size)


def require_alike(found: npt.NDArray[Any], expected: npt.NDArray[Any], message: str, moment: Moment) -> None:
    """Hold that the same tokens are left, with the same logits but for rounding."""
    __tracebackhide__ = True
    alike = (
        found.shape == expected.shape
        and np.array_equal(np.isneginf(found), np.isneginf(expected))
        and np.allclose(found, expected, rtol=1e-5, atol=1e-6, equal_nan=True)
    )
    after = f"prompts {shown(moment.prompt_ids)}, drawn since {moment.drawn.T.tolist()}"
    require(alike, f"{message}\nafter    {after}\nfound    {shown(found)}\nexpected {shown(expected)}")


def shown(array: npt.NDArray[Any]) -> str:
    """The array in a sentence, shortened."""
    return np.array2string(array, threshold=20, separator=", ")
