"""Where a run is, the seconds that it has taken, and what it has trained since it was last evaluated."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, SupportsFloat


@dataclass
class Counters:
    """Where a run is; a small JSON value, from which it goes on exactly.

    Attributes:
        step: optimiser updates done.
        epoch: passes over the training part begun, from 0.
        epoch_step: batches of this epoch done.
        tokens: targets trained on.
        seconds: wall-clock time spent training, evaluations included, over all sittings.
        evaluations: evaluations done.
        since_best: evaluations since the best one.
        best_step: step of the best evaluation.
        best_loss, best_train_loss: its nats per token, and the training loss then; None before the first.
        train_loss: mean nats per token between the last two evaluations that had steps between them.
        validation_loss: nats per token of the last evaluation.
        setbacks: how often the run diverged and went back, each time with half the learning rate.
        micro_batch_size: sequences that are computed at a time, where memory does not suffice for a batch.
        scored: targets trained on since the last evaluation, whose losses have been read.
        nats: the sum of their losses.
        norms: gradient norms since the last evaluation that have been read.
        norm_sum: their sum; None before the first, and where one was no finite number.
        largest_norm: the largest of them; None likewise.
    """

    step: int = 0
    epoch: int = 0
    epoch_step: int = 0
    tokens: int = 0
    seconds: float = 0.0
    evaluations: int = 0
    since_best: int = 0
    best_step: int = 0
    best_loss: float | None = None
    best_train_loss: float | None = None
    train_loss: float | None = None
    validation_loss: float | None = None
    setbacks: int = 0
    micro_batch_size: int | None = None
    scored: int = 0
    nats: float = 0.0
    norms: int = 0
    norm_sum: float | None = None
    largest_norm: float | None = None

    def to_json(self) -> dict[str, Any]:
        """As a JSON-able value."""
        return asdict(self)


class Stopwatch:
    """Seconds that have passed, and that never go back, whatever the clock does."""

    def __init__(self, clock: Callable[[], float], seconds: float) -> None:
        self._clock, self._seconds, self._last = clock, seconds, clock()

    def seconds(self) -> float:
        """So far, those of before it was started included."""
        moment = self._clock()
        self._seconds, self._last = self._seconds + max(0.0, moment - self._last), moment
        return self._seconds


@dataclass
class Since:
    """What was trained since the last evaluation, and the smoothed loss for display.

    Losses and norms are read seldom, for reading waits for the device; what was read is in ``counters``, so that a run that
    goes on from a checkpoint measures what it would have measured.

    Attributes:
        started: seconds of the run at which the last evaluation ended, or the sitting began.
        tokens: targets trained on since.
        losses: those that have not been read yet, each with the number of targets that it is the mean of.
        norms: those of gradients that have not been read yet.
    """

    counters: Counters
    started: float
    tokens: int = 0
    smoothed: float | None = None
    losses: list[tuple[SupportsFloat, int]] = field(default_factory=list)
    norms: list[SupportsFloat] = field(default_factory=list)

    @property
    def mean(self) -> float | None:
        """Nats per token; None before the first."""
        return self.counters.nats / self.counters.scored if self.counters.scored else None

    @property
    def mean_norm(self) -> float | None:
        """Of gradients; None before the first, and where one was no finite number."""
        return None if self.counters.norm_sum is None else self.counters.norm_sum / max(self.counters.norms, 1)

    def read(self) -> None:
        """Add up what has not been read yet, which may wait for the device."""
        now = self.counters
        for each, scored in self.losses:
            loss = float(each)
            now.nats += loss * scored
            now.scored += scored
            self.smoothed = loss if self.smoothed is None else 0.95 * self.smoothed + 0.05 * loss
        self.losses.clear()
        for norm in map(float, self.norms):
            if math.isfinite(norm) and (now.norms == 0 or now.norm_sum is not None):
                now.norm_sum = (now.norm_sum or 0.0) + norm
                now.largest_norm = max(norm, now.largest_norm or 0.0)
            else:  # JSON could not hold it
                now.norm_sum = now.largest_norm = None
            now.norms += 1
        self.norms.clear()

    def rate(self, seconds: float) -> float:
        """Tokens per second, at this second of the run."""
        return self.tokens / max(seconds - self.started, 1e-9)

    def restart(self) -> None:
        """It was evaluated."""
        now = self.counters
        self.tokens, now.scored, now.nats = 0, 0, 0.0
        now.norms, now.norm_sum, now.largest_norm = 0, None, None
