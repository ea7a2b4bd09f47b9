"""Who follows a sweep; nothing is imported here, for the command reads it also where it only prints its help."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seqgen.sweep.plan import Plan
    from seqgen.sweep.study import TrialResult


class Observer:
    """Follows a sweep.  This one does nothing; override what is of interest."""

    def begun(self, plan: Plan, results: Sequence[TrialResult]) -> None:
        """It begins, or goes on after these results."""

    def trial_begun(self, number: int, options: Mapping[str, Any]) -> None:
        """A trial begins."""

    def moved(self, seconds: float, progress: float) -> None:
        """A few times a second: the time spent in all, and the share of the trial's budget that is used up."""

    def trial_ended(self, result: TrialResult, best: TrialResult | None) -> None:
        """A trial has ended; and the best so far."""

    def close(self) -> None:
        """The sweep has ended."""
