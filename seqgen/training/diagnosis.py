"""What goes wrong in a run, told from its metrics: a sentence each, that says what to do."""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from seqgen.core.bits import shown_bits
from seqgen.evaluation import bits_per_character
from seqgen.training.metrics import CharactersPerToken
from seqgen.training.options import SettledOptions

WORSE_EVALUATIONS = 3
"""Evaluations without a better one after which a model overfits, if what it trains on still gets better."""

WORSE_SHARE = 0.1
"""Share of the budget that these evaluations must span."""

WORSE = 0.01
"""How much worse than the best the validation loss must be by then: less is noise."""

RISEN = 1.25
"""Times its lowest mean, at which the training loss tells that training is about to diverge."""

RISEN_NATS = 0.1
"""Nats by which it must have risen besides."""

STRETCH = 20
"""Steps over which losses and norms are averaged before they are compared: those of single batches are noise."""

STEEP = 10.0
"""Times its median so far, at which the mean gradient norm tells the same."""

FIRST_PART = 0.25
"""Share of the run by which a model must predict better than the frequencies of tokens, after ``FEWEST_STEPS``."""

FEWEST_STEPS = 200

ENOUGH_DROPOUT = 0.5
"""Dropout of which more has gained nothing on texts that are read 25 times (docs/explanation/defaults.md)."""

NEAR = 0.9
"""Times what the frequencies of tokens alone give, from which a loss may be that: parts of a small corpus differ."""

LEARNED = 0.01
"""Nats per token below which there is nothing left to learn, whatever the frequencies of tokens alone give."""

UNCHANGED = 0.02
"""Change of the training loss, as a share, that is none."""


@dataclass
class _Stretch:
    """Means over ``STRETCH`` steps or more."""

    steps: int = 0
    loss: float = 0.0
    norm: float | None = None

    def add(self, line: Mapping[str, Any], steps: int) -> None:
        """The means of so many more steps."""
        share = steps / max(self.steps + steps, 1)
        self.loss += (line["train_loss"] - self.loss) * share
        if (norm := line.get("gradient_norm")) is not None:
            self.norm = norm if self.norm is None else self.norm + (norm - self.norm) * share
        self.steps += steps


@dataclass
class _Course:
    """What the lines of a run say together.

    Attributes:
        first, now: the first stretch, and the one that grows.
        lowest: the lowest mean training loss of a stretch before that; infinite where there is none.
        norms: the mean norms of those stretches, ascending.
        least: the lowest loss of any line; None before the first.
        best: the line with the lowest validation loss.
        since_best: how many lines have come after it.
        step: of the last line.
    """

    first: _Stretch = field(default_factory=_Stretch)
    now: _Stretch = field(init=False)
    lowest: float = math.inf
    norms: list[float] = field(default_factory=list)
    least: float | None = None
    best: Mapping[str, Any] | None = None
    since_best: int = 0
    step: int = 0

    def __post_init__(self) -> None:
        self.now = self.first

    def add(self, line: Mapping[str, Any]) -> None:
        """One more line."""
        if self.now.steps >= STRETCH:
            self.lowest = min(self.lowest, self.now.loss)
            if self.now.norm is not None:
                bisect.insort(self.norms, self.now.norm)
            self.now = _Stretch()
        self.now.add(line, line["step"] - self.step)
        self.step = line["step"]
        train_loss, validation_loss = line["train_loss"], line["validation_loss"]
        self.least = _least(_least(self.least, train_loss), validation_loss)
        self.since_best += 1
        if validation_loss is not None and (self.best is None or validation_loss < self.best["validation_loss"]):
            self.best, self.since_best = line, 0


@dataclass
class Diagnosis:
    """Watches the lines of ``metrics.jsonl``, and says each thing once in a run.

    Attributes:
        options: of the run.
        token_entropy: nats per token, in the training part, of a model that knows only how frequent each token is.
        fresh_loss: nats per token with which a run begins whose weights are fresh; infinite where nothing says that.
        characters_per_token: turns nats per token into bits per character.
    """

    options: SettledOptions
    token_entropy: float
    fresh_loss: float
    characters_per_token: CharactersPerToken
    _lines: list[Mapping[str, Any]] = field(default_factory=list, init=False)
    _course: _Course = field(default_factory=_Course, init=False)
    _said: set[str] = field(default_factory=set, init=False)

    def metrics(self, line: Mapping[str, Any]) -> list[str]:
        """What this line shows that was not said before; lines from its step on, before a run went back, count no more.

        Where nothing was trained since the line before, as where a run goes on with no steps left, there is nothing to see.
        """
        if line["train_loss"] is None:
            return []
        if self._lines and self._lines[-1]["step"] >= line["step"]:
            self._lines = [before for before in self._lines if before["step"] < line["step"]]
            self._course = _Course()
            for before in self._lines:
                self._course.add(before)
        self._lines.append(line)
        self._course.add(line)
        new = {kind: sentence for kind, sentence in self._found() if kind not in self._said}
        self._said |= new.keys()
        return list(new.values())

    def _found(self) -> Iterator[tuple[str, str]]:
        if sentence := self._diverging():
            yield "diverging", sentence
        elif sentence := self._dead():
            yield "dead", sentence
        elif sentence := self._overfitting():
            yield "overfitting", sentence

    def _diverging(self) -> str:
        norms, now = self._course.norms, self._course.now
        if now.steps < STRETCH:
            return ""
        # The first stretch is measured by what came before it, too: a run may explode before its first evaluation.
        lowest = min(self._course.lowest, self.fresh_loss)
        step = self._lines[-1]["step"]
        advice = f"Try --learning-rate {self.options.learning_rate / 4:.2g}, or find one: --lr-find"
        if _risen(now.loss, lowest):
            return (
                f"The training loss has risen from {self._training(lowest)} to {self._training(now.loss)} bits/character by step "
                f"{step:,}: training may be about to diverge.  {advice}"
            )
        if len(norms) >= 3 and now.norm is not None and now.norm > STEEP * (usual := norms[len(norms) // 2]):
            return (
                f"The norm of the gradients has grown from {usual:.2g} to {now.norm:.2g} by step {step:,}: "
                f"training may be about to diverge.  {advice}"
            )
        return ""

    def _dead(self) -> str:
        now, best = self._lines[-1], self._course.least
        if now["progress"] < FIRST_PART or now["step"] < FEWEST_STEPS or best is None or best < LEARNED:
            return ""
        rate, frequencies = self.options.learning_rate, self.token_entropy
        first, last = self._course.first.loss, now["train_loss"]
        if _risen(last, self.fresh_loss):  # which tells of a rate that is too high
            return ""
        if self.options.output_bias == "frequencies":
            began = best > NEAR * frequencies
        else:
            began = first > frequencies * (1 + UNCHANGED) and best >= frequencies
        if began and abs(first - last) <= UNCHANGED * first:
            return (
                f"The training loss is where it was, {self._training(last)} bits/character after {now['step']:,} steps: the learning "
                f"rate of {rate:.2g} may be too low.  Try --learning-rate {rate * 10:.2g}, or find one: --lr-find"
            )
        if best < frequencies:
            return ""
        return (
            f"After {now['step']:,} steps the model predicts no better than the frequencies of tokens alone would "
            f"({self._training(frequencies)} bits/character).  Try another learning rate than {rate:.2g}: --lr-find finds one"
        )

    def _training(self, loss: float) -> str:
        return shown_bits(bits_per_character(loss, self.characters_per_token.training))

    def _validation(self, loss: float) -> str:
        return shown_bits(bits_per_character(loss, self.characters_per_token.validation))

    def _overfitting(self) -> str:
        then, now = self._course.best, self._lines[-1]
        if (
            then is None
            or self._course.since_best < WORSE_EVALUATIONS
            or now["progress"] < then["progress"] + WORSE_SHARE
            or now["validation_loss"] < (1 + WORSE) * then["validation_loss"]
            or now["train_loss"] >= then["train_loss"]
        ):
            return ""
        dropout, better = self.options.dropout, "more text would do better"
        if dropout < ENOUGH_DROPOUT:
            more = min(ENOUGH_DROPOUT, dropout + 0.2)
            better = f"more dropout (--dropout {more:.2g}), a smaller model (--hidden-size) or less time may do better"
        return (
            f"Since step {then['step']:,} the validation loss has risen from {self._validation(then['validation_loss'])} to "
            f"{self._validation(now['validation_loss'])} bits/character while the training loss fell: the model learns its corpus by "
            f"heart.  The best weights are kept; {better}"
        )


def _risen(loss: float, lowest: float) -> bool:
    """Whether a training loss is so far above a lower one that training is about to diverge."""
    return loss > max(RISEN * lowest, lowest + RISEN_NATS)


def _least(one: float | None, other: float | None) -> float | None:
    """The smaller of two numbers that may not be there."""
    return min((value for value in (one, other) if value is not None), default=None)
