"""How much each of two models is believed: weights of their logarithms, fitted to held-out text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from seqgen.ngrams.table import Floats, Integers

Exact = npt.NDArray[np.float64]
Slopes: TypeAlias = Callable[[Exact], tuple[Exact, Exact]]

LARGEST = 4.0
"""No weight is larger."""

_PRIOR = 60.0  # scored tokens, which speak for the network alone, and in each case for the weights of all together
_LONGEST_STEP = 0.5  # of a weight at once: far from its end Newton's method goes too far
_ROUNDS, _SETTLED = 12, 1e-3
_BLOCK = 1 << 20  # numbers that are worked on at a time: 4 MB


class Terms(NamedTuple):
    """What two models give to every token at n places.

    Attributes:
        network, ngrams: (n, V) the logarithms of their probabilities, up to a constant of each row.
        case: (n,) which weights hold there.
    """

    network: Floats
    ngrams: Floats
    case: npt.NDArray[np.integer[Any]]

    def weighed(self, weights: npt.NDArray[np.floating[Any]]) -> Floats:
        """The logits (n, V), by weights (cases, 2)."""
        own = weights[self.case].astype(np.float32)
        logits: Floats = self.network * own[:, :1]
        logits += self.ngrams * own[:, 1:]
        return logits


class Scored(NamedTuple):
    """Places with the tokens that stand there.

    Attributes:
        terms: of the n places.
        targets: (n,) the tokens.
        counts: (n,) how much each counts.
        places: (n,) where each stands in its text.
    """

    terms: Terms
    targets: npt.NDArray[np.integer[Any]]
    counts: Exact
    places: Integers

    def nats(self, weights: npt.NDArray[np.floating[Any]]) -> float:
        """The summed negative log-likelihood of the targets."""
        logits = self.terms.weighed(weights)
        top = logits.max(axis=-1)
        logits -= top[:, None]
        chosen = logits[np.arange(len(logits)), self.targets].astype(np.float64)
        return float(self.counts @ (np.log(np.exp(logits, out=logits).sum(axis=-1, dtype=np.float64)) - chosen))

    def blocks(self) -> Sequence[Scored]:
        """The same in pieces that fit into a processor's cache."""
        size = max(1, _BLOCK // self.terms.network.shape[1])
        starts = range(0, len(self.targets), size)
        return [self.only(slice(start, start + size)) for start in starts]

    def only(self, chosen: slice | npt.NDArray[np.integer[Any]]) -> Scored:
        """Some of the places."""
        network, ngrams, case = self.terms
        terms = Terms(network[chosen], ngrams[chosen], case[chosen])
        return Scored(terms, self.targets[chosen], self.counts[chosen], self.places[chosen])


def settle(scored: Sequence[Scored], cases: int) -> Exact:
    """The weights (cases, 2) under which what stands there is likeliest: the first the network's, the second the n-grams'.

    Log-linear interpolation (Klakow 1998, Log-linear Interpolation of Language Models), whose likelihood has one maximum,
    found by Newton's method.  The weights of a case are drawn towards those of all cases together, and those towards the
    network alone, which ``_PRIOR`` tokens would speak for, so that little is fitted where there is little to see.
    """
    blocks = [block for each in scored for block in each.blocks()]
    total = max(sum(float(block.counts.sum()) for block in blocks), 1.0)

    def measured(weights: Exact) -> tuple[Exact, Exact]:
        sums = [_slopes(block, weights, cases) for block in blocks]
        return sum((slope for slope, _ in sums), np.zeros((cases, 2))), sum(
            (curve for _, curve in sums), np.zeros((cases, 2, 2))
        )

    def together(weights: Exact) -> tuple[Exact, Exact]:
        slope, curve = measured(np.repeat(weights, cases, axis=0))
        return slope.sum(axis=0, keepdims=True), curve.sum(axis=0, keepdims=True) + 1e-6 * np.eye(2)

    def drawn(slopes: Slopes, towards: Exact) -> Slopes:
        """What ``_PRIOR`` of the tokens add that have these weights."""
        prior = _PRIOR / total * together(towards)[1][0]

        def slopes_of_both(weights: Exact) -> tuple[Exact, Exact]:
            slope, curve = slopes(weights)
            return slope - (weights - towards) @ prior, curve + prior

        return slopes_of_both

    common = _climb(drawn(together, np.array([[1.0, 0.0]])), np.full((1, 2), 0.5))
    return _climb(drawn(measured, common), np.repeat(common, cases, axis=0))


def nats_unseen(scored: Sequence[Scored], cases: int) -> float:
    """The summed negative log-likelihood of each half of a text by the weights that the other half settles.

    The halves are the first and the second, so that they meet in one place: of tokens taken in turns, each would have
    neighbours among those that were fitted to.
    """
    middle = np.median(np.concatenate([each.places for each in scored]))
    nats = 0.0
    for second in (False, True):
        weights = settle(_half(scored, middle, second=second), cases)
        # One piece of the other half at a time, for each is a copy.
        nats += sum(each.nats(weights) for piece in scored for each in _half([piece], middle, second=not second))
    return nats


def _half(scored: Sequence[Scored], middle: np.floating[Any], *, second: bool) -> list[Scored]:
    return [each.only(np.flatnonzero((each.places >= middle) == second)) for each in scored]


def _climb(slopes: Slopes, weights: Exact) -> Exact:
    """The maximum, from some weights (n, 2) on, of what has these first derivatives, and these second ones but for their sign."""
    for _ in range(_ROUNDS):
        slope, curve = slopes(weights)
        # A weight that its bound holds stays there, and the other goes where it would go alone.
        free = ~(((weights <= 0) & (slope < 0)) | ((weights >= LARGEST) & (slope > 0)))
        slope = np.where(free, slope, 0)
        curve = np.where(free[:, :, None] & free[:, None, :], curve, np.eye(2))
        step = np.linalg.solve(curve, slope[..., None])[..., 0].clip(-_LONGEST_STEP, _LONGEST_STEP)
        before, weights = weights, (weights + step).clip(0, LARGEST)
        if abs(weights - before).max() < _SETTLED:
            break
    return weights


def _slopes(scored: Scored, weights: Exact, cases: int) -> tuple[Exact, Exact]:
    """The derivatives of the log-likelihood, (cases, 2), and the second ones with their sign turned, (cases, 2, 2).

    Of a softmax over weighed terms: the target's terms less the expected ones, and the covariance of the terms.
    """
    terms = scored.terms
    probabilities = terms.weighed(weights)
    probabilities -= probabilities.max(axis=-1, keepdims=True)
    np.exp(probabilities, out=probabilities)
    probabilities /= probabilities.sum(axis=-1, keepdims=True)
    parts = terms.network, terms.ngrams
    expected = [np.einsum("nv,nv->n", probabilities, part).astype(np.float64) for part in parts]
    rows = np.arange(len(scored.targets))

    def sums(values: Exact) -> Exact:
        return np.bincount(terms.case, scored.counts * values, cases).astype(np.float64)

    slope = np.stack(
        [sums(part[rows, scored.targets] - mean) for part, mean in zip(parts, expected, strict=True)], axis=-1
    )
    curve = np.empty((cases, 2, 2))
    for one in range(2):
        moment = probabilities * parts[one]
        for other in range(one, 2):
            mixed = np.einsum("nv,nv->n", moment, parts[other]).astype(np.float64)
            curve[:, one, other] = curve[:, other, one] = sums(mixed - expected[one] * expected[other])
    return slope, curve
