"""The training loop, the same for every backend."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from seqgen.core.backend import Model
from seqgen.core.errors import TrainingError
from seqgen.core.types import Weights
from seqgen.data.batching import Batching
from seqgen.evaluation import summed_nats
from seqgen.training.counters import Counters, Since, Stopwatch
from seqgen.training.rhythm import EVALUATIONS, Rhythm
from seqgen.training.schedule import Budget, Schedule

TICK_SECONDS = 0.25
"""How often losses are read and shown.  Reading waits for the device, so it must be seldom."""


class DivergedError(TrainingError):
    """The loss, or a weight, is not a finite number any more.

    Args:
        step: after which it was noticed.
        learning_rate: the highest of the schedule that was in use.
    """

    def __init__(self, step: int, learning_rate: float) -> None:
        self.step = step
        super().__init__(
            f"The loss is not a number any more after step {step}: training diverged.  "
            f"Try a lower rate: --learning-rate {learning_rate / 4:.2g}"
        )


@dataclass(frozen=True)
class Tick:
    """What there is to show now.

    Attributes:
        progress: share of the budget used, 0 to 1.
        step, epoch: optimiser updates done; passes done, as a fraction.
        seconds: spent training so far.
        tokens_per_second: over the time since the last evaluation.
        train_loss: nats per token, smoothed; None before the first.
        validation_loss: nats per token of the last evaluation.
        learning_rate: of the last step.
    """

    progress: float
    step: int
    epoch: float
    seconds: float
    tokens_per_second: float
    train_loss: float | None
    validation_loss: float | None
    learning_rate: float


class Observer:
    """Follows the loop: progress display, metrics file, callbacks, checkpoints.

    This one does nothing; override what is of interest.
    """

    def tick(self, tick: Tick) -> None:
        """A few times a second."""

    def metrics(self, metrics: Mapping[str, Any]) -> None:
        """At each evaluation: a line for ``metrics.jsonl``."""

    def evaluated(self, trainer: Trainer) -> None:
        """After each evaluation."""

    def ends(self) -> bool:
        """Whether training should end, as if the budget were used up; asked before each step."""
        return False

    def checkpoint(self, trainer: Trainer) -> None:
        """It is time to save all that going on needs."""


@dataclass
class Trainer:
    """Trains a model until its budget is used up, patience ends, or ``observer`` or ``stop`` say so.

    Attributes:
        model: built with an optimizer.
        training: batches of the training part.
        validation: batches of the validation part; None measures on nothing, and the last weights are the best.
        budget, schedule: when it ends, and the learning rates.
        eval_every: steps between evaluations; None: see ``EVALUATIONS``.
        patience: evaluations without a better one after which it ends; None never.
        checkpoint_every: seconds between checkpoints.
        observer: follows.
        stop: asked after each step whether to end now.
        clock: seconds, from any origin.
    """

    model: Model
    training: Batching
    validation: Batching | None
    budget: Budget
    schedule: Schedule
    eval_every: int | None
    patience: int | None
    checkpoint_every: float
    observer: Observer
    stop: Callable[[], bool] = lambda: False
    clock: Callable[[], float] = time.perf_counter
    counters: Counters = field(default_factory=Counters)
    best_weights: Weights | None = None

    def run(self) -> None:
        """Train.  Afterwards ``best_weights`` and ``counters`` hold the outcome.

        Raises:
            DivergedError: the loss is not a finite number any more; ``best_weights`` hold what was best before.
            TrainingError: it has gone back to its start, and all its time is used up.
        """
        now = self.counters
        self.model.micro_batch_size = now.micro_batch_size
        watch = Stopwatch(self.clock, now.seconds)
        progress = self.budget.progress(now.step, now.seconds)
        since = Since(now, now.seconds)
        rhythm = Rhythm(
            self.eval_every, self.budget.max_seconds is not None, int(progress * EVALUATIONS), self._targets
        )
        next_tick, next_checkpoint = now.seconds, now.seconds + self.checkpoint_every
        while not self._over(progress):
            batch = self.training.batch(now.epoch, now.epoch_step)
            learning_rate = self._rate(now.step, progress)
            scored = batch.scored
            since.losses.append((self.model.train_step(batch, learning_rate), scored))
            now.tokens += scored
            since.tokens += scored
            if self.model.gradient_norm is not None:
                since.norms.append(self.model.gradient_norm)
            now.step += 1
            now.epoch_step += 1
            if now.epoch_step == self.training.steps_per_epoch:
                now.epoch, now.epoch_step = now.epoch + 1, 0
            now.seconds = watch.seconds()
            progress = self.budget.progress(now.step, now.seconds)
            due = rhythm.due(now, progress)
            if self.stop():
                self._leave(since, learning_rate, progress, due=due)
                now.seconds = watch.seconds()
                return
            if due:
                since.read()
                begun = now.seconds
                self._evaluate(since, learning_rate, progress)
                now.seconds = since.started = watch.seconds()
                progress = self.budget.progress(now.step, now.seconds)
                rhythm.evaluated(begun, now.seconds, progress)
                next_tick = now.seconds + TICK_SECONDS  # the evaluation was shown
            if now.seconds >= next_tick:
                since.read()
                self._check(since.smoothed)
                self.observer.tick(self._tick(since, progress, learning_rate))
                next_tick = now.seconds + TICK_SECONDS
            if now.seconds >= next_checkpoint:
                self._save(since)
                now.seconds = watch.seconds()
                next_checkpoint = now.seconds + self.checkpoint_every
        if self.best_weights is None:  # it went on from before the first evaluation, and its budget has no more steps
            if not now.step:
                raise TrainingError("No time was left for a step of training.  Give it more: --max-time")
            self._evaluate(since, self._rate(now.step - 1, progress), progress)

    def _rate(self, step: int, progress: float) -> float:
        """The learning rate of a step, halved by each setback."""
        return self.schedule.at(step, progress) * 0.5**self.counters.setbacks

    @property
    def learning_rate(self) -> float:
        """The highest of the schedule, halved by each setback."""
        return self.schedule.learning_rate * 0.5**self.counters.setbacks

    @property
    def _targets(self) -> int:
        """How many an evaluation scores."""
        return 0 if self.validation is None else self.validation.targets

    def _over(self, progress: float) -> bool:
        patience_ends = self.patience is not None and self.counters.since_best >= self.patience
        return progress >= 1.0 or patience_ends or self.observer.ends()

    def _leave(self, since: Since, learning_rate: float, progress: float, *, due: bool) -> None:
        """Measure for what is published now, and save: before, where it was not due, so that going on is as if it had not been stopped."""
        if not due:
            self._save(since)
        since.read()
        self._evaluate(since, learning_rate, progress)
        if due:
            self._save(since)

    def _save(self, since: Since) -> None:
        since.read()
        self._check(since.mean)  # a checkpoint is what a run that diverges goes back to
        self.observer.checkpoint(self)

    def _evaluate(self, since: Since, learning_rate: float, progress: float) -> None:
        self._check(since.mean)
        averaged = self.model.averaged_weights()
        if averaged is None:
            self._measure(since, learning_rate, progress)
            return
        weights = self.model.weights()
        self.model.load_weights(averaged)
        try:
            self._measure(since, learning_rate, progress)
        finally:
            self.model.load_weights(weights)

    def _measure(self, since: Since, learning_rate: float, progress: float) -> None:
        """Evaluate the weights that the model has now, and keep them if they are the best."""
        now = self.counters
        validation_loss = evaluate(self.model, self.validation) if self.validation else None
        self._check(validation_loss)
        if validation_loss is None:  # then nothing but the updates themselves has seen these weights
            self._check(sum(float(np.abs(tensor).sum(dtype=np.float64)) for tensor in self.model.weights().values()))
        if since.mean is not None:
            now.train_loss = since.mean
        now.validation_loss = validation_loss
        now.evaluations += 1
        if now.validation_loss is None or now.best_loss is None or now.validation_loss < now.best_loss:
            now.best_loss, now.best_step, now.since_best = now.validation_loss, now.step, 0
            now.best_train_loss = now.train_loss
            self.best_weights = self.model.weights()
        elif now.step > now.best_step:  # what a run that went back measures again is no sign that it gets no better
            now.since_best += 1
        self.observer.metrics(
            {
                "step": now.step,
                "epoch": round(now.epoch + now.epoch_step / self.training.steps_per_epoch, 4),
                "seconds": round(now.seconds, 3),
                "tokens": now.tokens,
                "progress": round(progress, 4),
                "learning_rate": learning_rate,
                "train_loss": now.train_loss,
                "validation_loss": now.validation_loss,
                "gradient_norm": since.mean_norm,
                "largest_gradient_norm": now.largest_norm,
            }
        )
        self.observer.tick(self._tick(since, progress, learning_rate))
        since.restart()
        self.observer.evaluated(self)

    def _tick(self, since: Since, progress: float, learning_rate: float) -> Tick:
        now = self.counters
        return Tick(
            progress=progress,
            step=now.step,
            epoch=now.epoch + now.epoch_step / self.training.steps_per_epoch,
            seconds=now.seconds,
            tokens_per_second=since.rate(now.seconds),
            train_loss=since.smoothed,
            validation_loss=now.validation_loss,
            learning_rate=learning_rate,
        )

    def _check(self, loss: float | None) -> None:
        if loss is not None and not math.isfinite(loss):
            raise DivergedError(self.counters.step, self.learning_rate)


def evaluate(model: Model, batches: Batching) -> float:
    """Mean nats per token over all batches, with the state carried as they say."""
    nats, scored = summed_nats(model, batches)
    return nats / max(scored, 1)
