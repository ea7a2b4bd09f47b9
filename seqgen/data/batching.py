"""Batches: which tokens a model sees in which step.

``batch(epoch, step)`` is a pure function, so a position in the data is two numbers, and training resumes on the exact
next batch.  B sequences, T time steps; a target is the token after its input.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import lru_cache
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from seqgen.core.errors import CorpusError
from seqgen.core.types import Batch
from seqgen.data.arrays import FAULT, release
from seqgen.data.shuffle import Shuffle
from seqgen.data.store import Part

Mode: TypeAlias = Literal["stream", "documents", "windows"]

COLD_STARTS = 0.05
"""Share of the batches of mode ``stream`` that start from the initial state instead of the carried one.

So the model also learns to begin from nothing, as every generation does (Melis, Dyer and Blunsom 2018, On the State of the
Art of Evaluation in Neural Language Models, section 4, with 0.01)."""

COVERED = 0.9
"""Share of a part that the streams of an epoch cover at least, if fewer of them do: where a batch is large beside the part, much would be left over."""

_GOLDEN = (5**0.5 - 1) / 2
"""The golden ratio's fraction: its multiples lie as evenly as those of any number (Knuth, The Art of Computer Programming, 6.4)."""

_DRAWN = 1 << 20
"""Numbers that are drawn at a time: 8 MB."""

EVALUATED_WINDOWS = 8192
"""So many windows are scored at most in an evaluation of mode ``windows``."""

EVALUATED_TARGETS = 1 << 17
"""So many targets are scored at most in an evaluation while a model trains, which takes some seconds: their mean is right to a few
thousandths of a nat."""

EVALUATED_DOCUMENTS = 16
"""Of so many documents at least an evaluation scores something, where there are as many long ones."""

MOST_TOUCHED = 1 << 26
"""Bytes of the mapped tokens, about, that are left in memory."""

EXACT = 1 << 22
"""Up to so many windows are shuffled by a permutation that is one of all; of more, it would take much memory."""

Positions: TypeAlias = npt.NDArray[np.int64]


class TooShortError(CorpusError):
    """A part is shorter than one window.

    Attributes:
        longest: the seq_len up to which it would not be.
    """

    def __init__(self, tokens: int, seq_len: int) -> None:
        super().__init__(
            f"The text is too short: {tokens:,} token{'s' * (tokens != 1)}, but one window of {seq_len} needs {seq_len + 1:,}."
        )
        self.longest = max(tokens - 1, 1)


class Batching(ABC):
    """The batches of a part.

    Attributes:
        seq_len: time steps in a batch (T), at most.
        batch_size: sequences in a batch (B); fewer than asked for where the part is small.
        steps_per_epoch: batches in one pass over the part, the same for every epoch.
        targets: how many are scored in a pass.
        partial: whether an evaluation leaves others out, since there are too many.
    """

    batch_size: int
    steps_per_epoch: int
    targets: int
    partial = False

    def __init__(self, part: Part, *, seq_len: int, random_seed: int) -> None:
        self.part = part
        self.seq_len = seq_len
        self._random_seed = random_seed
        self._touched = 0

    @abstractmethod
    def batch(self, epoch: int, step: int) -> Batch:
        """The batch of a step, from 0 to below ``steps_per_epoch``, in an epoch, from 0."""

    def _random(self, epoch: int) -> np.random.Generator:
        """The random numbers of an epoch: a stream of its own for each seed and epoch (Salmon et al. 2011)."""
        key = np.array([self._random_seed % 2**64, epoch], np.uint64)
        return np.random.Generator(np.random.Philox(key=key))

    def _gather(
        self, first: Positions, length: int, *, weights: npt.NDArray[np.bool_] | None = None, **how: bool
    ) -> Batch:
        """The batch of rows whose inputs begin at first (B,), with T = length; what is not scored may lie outside."""
        tokens = self.part.tokens
        positions = first[:, None] + np.arange(length + 1)  # (B, T + 1)
        if weights is not None:
            positions = np.clip(positions, 0, tokens.size - 1)
        rows = tokens[positions].astype(np.int64)  # (B, T + 1)
        self._touched += positions.nbytes + first.size * FAULT
        if self._touched > MOST_TOUCHED:
            self._touched = 0
            release(tokens)
        scored = None if weights is None else weights.astype(np.float32)
        batch = Batch(np.ascontiguousarray(rows[:, :-1]), np.ascontiguousarray(rows[:, 1:]), scored, **how)
        return batch.located(tokens, first)


def make_batching(
    mode: Mode,
    part: Part,
    *,
    seq_len: int,
    batch_size: int,
    random_seed: int,
    for_evaluation: bool = False,
    at_most: int | None = None,
) -> Batching:
    """The batches of a part.

    Args:
        mode: ``stream``: parallel contiguous streams, state carried; ``documents``: each document for itself, padded;
            ``windows``: every position starts a window of which only the last step is scored.
        part: the training or the validation part.
        seq_len: time steps in a batch (T).
        batch_size: sequences in a batch (B), at most.
        random_seed: of order and offsets.
        for_evaluation: score every target once, in order (of windows, at most 8,192 evenly spaced ones).
        at_most: of so many targets an evaluation scores no more than these, from all over the part; None: all.

    Raises:
        TooShortError: the part is shorter than one window.
        CorpusError: no document has two tokens.
    """
    if mode == "windows":
        return Windows(
            part, seq_len=seq_len, batch_size=batch_size, random_seed=random_seed, for_evaluation=for_evaluation
        )
    if mode == "documents":
        return Documents(
            part,
            seq_len=seq_len,
            batch_size=batch_size,
            random_seed=random_seed,
            for_evaluation=for_evaluation,
            at_most=at_most,
        )
    if for_evaluation:
        return EvaluationStream(part, seq_len=seq_len, batch_size=batch_size, at_most=at_most)
    return Stream(part, seq_len=seq_len, batch_size=batch_size, random_seed=random_seed)


class Stream(Batching):
    """B contiguous streams side by side, state carried from batch to batch (truncated backpropagation through time).

    What does not fill a batch is left out, at another place in each epoch: the streams lie at a random offset.  Each begins
    somewhere on its way and comes to its front after its end: where a text repeats itself in turn, as a tune book has a jig,
    then a reel, then a jig again, streams that all began at their fronts would read jigs in one step and reels in the next.
    The last one does begin at its front, so that an epoch ends with what leads up to the part that is held out.
    """

    def __init__(self, part: Part, *, seq_len: int, batch_size: int, random_seed: int) -> None:
        super().__init__(part, seq_len=seq_len, random_seed=random_seed)
        targets = part.tokens.size - 1
        if targets < seq_len:
            raise TooShortError(part.tokens.size, seq_len)
        # One window less leaves room for offsets; where that is all there is, the offset is what room there is.
        most = targets - (seq_len - 1)

        def steps(rows: int) -> int:
            return max(1, most // (rows * seq_len))

        # Of a small text somewhat fewer rows may leave less over.
        full = min(batch_size, targets // seq_len)
        self.batch_size = max(
            range(full - full // 4, full + 1),
            key=lambda rows: (min(rows * steps(rows) * seq_len, COVERED * most), rows),
        )
        self.steps_per_epoch = steps(self.batch_size)
        self._row = self.steps_per_epoch * seq_len  # targets in a stream
        self.targets = self.batch_size * self._row
        self._room = targets - self.targets
        self._epoch = lru_cache(maxsize=1)(self._make_epoch)

    def batch(self, epoch: int, step: int) -> Batch:
        """The next window of each stream."""
        fronts, begins, carry = self._epoch(epoch)
        first = fronts + (begins + step) % self.steps_per_epoch * self.seq_len
        return self._gather(first, self.seq_len, carry=bool(carry[step]))

    def _make_epoch(self, epoch: int) -> tuple[Positions, Positions, npt.NDArray[np.bool_]]:
        """Of an epoch: where each stream lies (B,), with which of its windows it begins (B,), and (steps,) which batches carry the state."""
        random = self._random(epoch)
        offset = int(random.integers(self._room + 1))
        carry = np.empty(self.steps_per_epoch, np.bool_)
        for some in np.split(carry, range(_DRAWN, len(carry), _DRAWN)):
            some[:] = random.random(len(some)) >= COLD_STARTS
        carry[0] = False
        fronts = offset + self._row * np.arange(self.batch_size)
        begins = random.integers(self.steps_per_epoch, size=self.batch_size)
        begins[-1] = 0
        return fronts, begins, carry


class EvaluationStream(Batching):
    """B contiguous portions side by side; every target is scored once, or of too many some, with equal gaps between the portions.

    Each portion but the first is preceded by seq_len tokens that are read and not scored, so that the state with which
    it begins is nearly what reading from the start would give.
    """

    def __init__(self, part: Part, *, seq_len: int, batch_size: int, at_most: int | None = None) -> None:
        super().__init__(part, seq_len=seq_len, random_seed=0)
        targets = part.tokens.size - 1
        if targets < 1:
            there = "1 token" if part.tokens.size == 1 else f"{part.tokens.size} tokens"
            raise CorpusError(f"There is nothing to score: the text has {there}, and 2 are needed.")
        self.targets = targets if at_most is None else min(targets, at_most)
        # The first row scores S targets, the others S - T after T of warming up: S + (B - 1)(S - T) is at least all.
        overlap = (batch_size - 1) * seq_len
        self.steps_per_epoch = -(-(self.targets + overlap) // (batch_size * seq_len))
        self._portion = (self.steps_per_epoch - 1) * seq_len  # S - T
        if self.steps_per_epoch == 1:
            self.batch_size = 1
        else:
            self.batch_size = max(1, -(-(self.targets - seq_len) // self._portion))
        self.partial = self.targets < targets
        read = self.batch_size * self._portion + seq_len
        self._gap = max(0, targets - read) // max(1, self.batch_size - 1) if self.partial else 0

    def batch(self, epoch: int, step: int) -> Batch:
        """The next window of each portion."""
        rows = np.arange(self.batch_size)
        first = rows * self._portion + step * self.seq_len  # (B,)
        target = first[:, None] + np.arange(self.seq_len)  # (B, T) the number of each target, gaps left out
        weights = (target < self.targets) & ~((step == 0) & (rows > 0))[:, None]
        return self._gather(first + rows * self._gap, self.seq_len, weights=weights, carry=step > 0)


class Windows(Batching):
    """Every position starts a window of which only the last step is scored, as the classic Keras tutorial does."""

    def __init__(
        self, part: Part, *, seq_len: int, batch_size: int, random_seed: int, for_evaluation: bool = False
    ) -> None:
        super().__init__(part, seq_len=seq_len, random_seed=random_seed)
        self._windows = part.tokens.size - seq_len
        if self._windows < 1:
            raise TooShortError(part.tokens.size, seq_len)
        self.targets = min(self._windows, EVALUATED_WINDOWS) if for_evaluation else self._windows
        self.partial = self.targets < self._windows
        self._shuffled = not for_evaluation
        self.batch_size = min(batch_size, self.targets)
        self.steps_per_epoch = -(-self.targets // self.batch_size)
        self._order = lru_cache(maxsize=1)(self._make_order)

    def batch(self, epoch: int, step: int) -> Batch:
        """The next windows; the last batch of an epoch may have fewer."""
        numbers = np.arange(step * self.batch_size, min((step + 1) * self.batch_size, self.targets))
        first = self._order(epoch)[numbers] if self._shuffled else numbers * self._windows // self.targets
        return self._gather(first.astype(np.int64), self.seq_len, last_step_only=True)

    def _make_order(self, epoch: int) -> npt.NDArray[Any] | Shuffle:
        """What gives the windows of an epoch by their numbers in it."""
        random = self._random(epoch)
        if self._windows > EXACT:
            return Shuffle.drawn(self._windows, random)
        return random.permutation(np.arange(self._windows, dtype=np.min_scalar_type(self._windows)))


class Documents(Batching):
    """Each document for itself: padded, padding not scored, the state reset at its start.

    Documents of similar length form a group of B rows.  A group whose longest document exceeds seq_len takes several
    batches, in which all its rows advance together and the state is carried.
    """

    def __init__(
        self,
        part: Part,
        *,
        seq_len: int,
        batch_size: int,
        random_seed: int,
        for_evaluation: bool = False,
        at_most: int | None = None,
    ) -> None:
        super().__init__(part, seq_len=seq_len, random_seed=random_seed)
        targets = part.stops - part.starts[:-1] - 1  # (D,)
        self._first = part.starts[:-1][targets > 0]
        self._targets = targets[targets > 0]
        if not self._targets.size:
            raise CorpusError("There is nothing to predict: no document has two tokens.")
        if for_evaluation and at_most is not None and self._targets.sum() > at_most:
            self._leave_out(at_most)
        self.targets = int(self._targets.sum())
        self.batch_size = min(batch_size, self._targets.size)
        self._shuffled = not for_evaluation
        self._plan = lru_cache(maxsize=1)(self._make_plan)
        self.steps_per_epoch = int(self._plan(0)[2][-1])

    def batch(self, epoch: int, step: int) -> Batch:
        """The next window of a group of documents."""
        order, sequence, ends = self._plan(epoch)
        place = int(np.searchsorted(ends, step, side="right"))
        group, window = sequence[place], step - (ends[place - 1] if place else 0)
        rows = order[group * self.batch_size : (group + 1) * self.batch_size]
        done = window * self.seq_len
        left = np.zeros(self.batch_size, np.int64)  # rows without a document have nothing left
        left[: rows.size] = self._targets[rows] - done
        first = np.zeros(self.batch_size, np.int64)
        first[: rows.size] = self._first[rows] + done
        # A multiple of 8: few shapes, for which frameworks compile.
        length = min(self.seq_len, -(-int(left.max()) // 8) * 8)
        scored = np.arange(length) < left[:, None]  # (B, T)
        return self._gather(first, length, weights=scored, carry=bool(window > 0))

    def _leave_out(self, at_most: int) -> None:
        """Keep documents from all over, of long ones the beginning, until they have as many targets as asked for."""
        self.partial = True
        # The length at which all would have to be cut to have as many, or more if that is short.
        ascending = np.sort(self._targets)
        shorter = np.cumsum(ascending) - ascending
        lengths = -(-(at_most - shorter) // np.arange(ascending.size, 0, -1))
        least = lengths[np.argmax(lengths <= ascending)]
        targets = np.minimum(self._targets, max(least, at_most // EVALUATED_DOCUMENTS))
        order = np.argsort(np.arange(targets.size) * _GOLDEN % 1)  # of which any first few are nearly evenly spaced
        ends = np.cumsum(targets[order])
        count = int(np.searchsorted(ends, at_most)) + 1
        targets[order[count - 1]] -= ends[count - 1] - at_most
        chosen = np.sort(order[:count])
        self._first, self._targets = self._first[chosen], targets[chosen]

    def _make_plan(self, epoch: int) -> tuple[Positions, Positions, Positions]:
        """The order of documents (D,), of which each B are a group; the order of groups; the step after each one's last."""
        windows = -(-self._targets // self.seq_len)
        length = self._targets.astype(np.float64)
        random = self._random(epoch)
        if self._shuffled:
            # Up to an eighth longer, so that groups differ between epochs and little is padded.  The number of windows
            # sorts before it, so that every epoch has the same number of steps.
            length *= random.uniform(1, 1.125, length.size)
        order = np.lexsort((length, windows))  # (D,)
        groups = -(-order.size // self.batch_size)
        last = np.minimum(np.arange(1, groups + 1) * self.batch_size, order.size) - 1
        counts = windows[order[last]]  # (groups,) each group's longest is its last
        sequence = random.permutation(groups) if self._shuffled else np.arange(groups)
        return order, sequence, np.cumsum(counts[sequence])
