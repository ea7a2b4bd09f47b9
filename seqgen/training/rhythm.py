"""When a run measures how well it does."""

from __future__ import annotations

from dataclasses import dataclass

from seqgen.training.counters import Counters

EVALUATIONS = 20
"""How many evaluations a run has when ``eval_every`` is not given: one each time a twentieth of the budget is used."""

EVALUATION_SHARE = 0.1
"""With a budget of time, such evaluations wait so that they take no larger share of it than this."""

TOKENS_PER_TARGET = 2
"""Where updates or passes are counted, such evaluations wait until so many tokens have been trained on for each target that all have scored: an
update computes some three times as much for a token as an evaluation does."""


@dataclass
class Rhythm:
    """When to evaluate: every so many steps, or each time a twentieth of the budget is used, if that does not take too long; and at the end.

    Attributes:
        every: steps; None: twentieths.
        timed: whether the budget is one of time.  Otherwise the rhythm does not depend on the clock.
        twentieths: how many were used when it was last evaluated, or asked whether to.
        targets: how many an evaluation scores.
    """

    every: int | None
    timed: bool
    twentieths: int
    targets: int
    not_before: float = 0.0

    def due(self, now: Counters, progress: float) -> bool:
        """Whether to evaluate after this step."""
        if progress >= 1.0:
            return True
        if self.every is not None:
            return now.step % self.every == 0
        twentieths = int(progress * EVALUATIONS)
        if twentieths == self.twentieths:
            return False
        if self.timed:
            return now.seconds >= self.not_before
        self.twentieths = twentieths  # left out, and not late: a run that is resumed here evaluates when this one does
        return now.tokens >= TOKENS_PER_TARGET * self.targets * (now.evaluations + 1)

    def evaluated(self, begun: float, ended: float, progress: float) -> None:
        """It was evaluated, from one second of the run to another."""
        self.twentieths = int(progress * EVALUATIONS)
        self.not_before = ended + (ended - begun) * (1 / EVALUATION_SHARE - 1)
