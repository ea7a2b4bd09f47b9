"""The trials of a sweep on disk: an Optuna study in a journal, from which a killed process goes on."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from seqgen import files
from seqgen.core.errors import DamagedModelError, MissingDependencyError, OptionError
from seqgen.sweep.plan import ADVICE, FILE, Plan
from seqgen.sweep.space import combinations

if TYPE_CHECKING:
    import optuna
    from optuna.trial import Trial

JOURNAL = "journal.log"

STAGES = 20
"""Trials are compared each time a twentieth of their budget is used, which is when they measure."""

QUARTER = 5
"""Stages between two looks at whether a trial is behind; none is stopped before the first quarter, where rates and dropout
that win in the end are often behind."""

KEPT = 66.0
"""Per cent of the trials that were trained to their end which a trial must be among at each look.

Optuna's usual half stopped trials that would have won: those that end are better than most, so that the half rises.
Successive halving would decide after a tenth of the budget and keep a third; but the learning rate falls with the budget,
so that curves cross late.
"""

SPARED_TRIALS = 3
"""No trial is stopped before so many have gone to their end."""

RANDOM_TRIALS = 5
"""Trials that are drawn at random before those that follow from others (TPE's own default is 10, of many more)."""

ENUMERATED = 1000
"""A space of no more combinations than this is searched without trying one twice."""


@dataclass(frozen=True)
class TrialResult:
    """What a trial gave.

    Attributes:
        number: from 1, in the order they ended.
        trial: its number in the study.
        state: trained to its end, stopped early, or failed.
        options: those that were searched.
        bits_per_character: on the validation part, of the best weights; None where it failed.
        progress: the share of its budget that it used.
        steps: optimiser updates.
        seconds: that it took in all.
        problem: why it failed, in a sentence.
    """

    number: int
    trial: int
    state: Literal["complete", "stopped", "failed"]
    options: Mapping[str, Any]
    bits_per_character: float | None
    progress: float
    steps: int
    seconds: float
    problem: str = ""

    @property
    def score(self) -> tuple[bool, float]:
        """What results are sorted by: those that ended, by bits per character, then the others."""
        bits = float("inf") if self.bits_per_character is None else self.bits_per_character
        return self.state != "complete", bits


def need_optuna() -> None:
    """Refuse to go on without Optuna.

    Raises:
        MissingDependencyError: it is not installed.
    """
    try:
        import optuna  # noqa: F401
    except ImportError as error:
        msg = 'seqgen sweep needs optuna, which is not installed.  pip install "seqgen[sweep]"'
        raise MissingDependencyError(msg) from error


class Study:
    """The trials of one sweep; one process at a time, which the runner's lock sees to."""

    def __init__(self, folder: Path, plan: Plan) -> None:
        """Open it, or begin it.  A trial that was running when its process ended is put first in line again."""
        import optuna
        from optuna.storages import JournalStorage
        from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._plan = plan
        path = folder / JOURNAL
        with files.writing(path):
            _mend(path)
            self._study = optuna.create_study(
                # Not the default lock, a symbolic link, which Windows keeps for administrators.
                storage=JournalStorage(JournalFileBackend(str(path), JournalFileOpenLock(str(path)))),
                study_name=plan.name,
                direction="minimize",
                pruner=optuna.pruners.PercentilePruner(
                    KEPT, n_startup_trials=SPARED_TRIALS, n_warmup_steps=QUARTER, interval_steps=QUARTER
                ),
                load_if_exists=True,
            )
        self._check_space(path.with_name(FILE))
        self._recover()
        if not self._study.trials and plan.centre:
            self._study.enqueue_trial(dict(plan.centre))

    def _check_space(self, file: Path) -> None:
        """Hold what is searched against what trials so far were drawn from, beside which other values cannot be drawn.

        Raises:
            DamagedModelError: it is something else, as where somebody has edited the sweep's file.
        """
        from optuna.distributions import check_distribution_compatibility

        space = {dimension.name: dimension.distribution for dimension in self._plan.space}
        for trial in self._study.trials:
            try:
                for name, before in trial.distributions.items():
                    check_distribution_compatibility(before, space[name])
                same = "result" not in trial.user_attrs or trial.distributions.keys() == space.keys()
            except (KeyError, ValueError):
                same = False
            if not same:
                msg = f"{file}: space is not what trials so far were drawn from.  {ADVICE}"
                raise DamagedModelError(msg)

    @property
    def results(self) -> list[TrialResult]:
        """The trials that have ended, in order."""
        found = [trial.user_attrs["result"] for trial in self._study.trials if "result" in trial.user_attrs]
        return [TrialResult(**result) for result in found]

    @property
    def best(self) -> TrialResult | None:
        """The best of those that were trained to their end; None before one was."""
        complete = [result for result in self.results if result.state == "complete"]
        return min(complete, key=lambda result: result.score, default=None)

    @property
    def seconds(self) -> float:
        """Time spent so far, over all sittings."""
        return float(self._study.user_attrs.get("seconds", 0.0))

    def spend(self, seconds: float) -> None:
        """Keep the time spent so far."""
        self._study.set_user_attr("seconds", seconds)

    @property
    def published(self) -> Mapping[str, Any]:
        """Which trial was published last, as which version; empty before the first."""
        return dict(self._study.user_attrs.get("published", {}))

    def publish(self, trial: int, version: str) -> None:
        """Keep which trial was published."""
        self._study.set_user_attr("published", {"trial": trial, "version": version})

    @property
    def corpora(self) -> Mapping[str, str]:
        """The fingerprint of the corpus that trials were trained on, by the dataset that read it."""
        return dict(self._study.user_attrs.get("corpora", {}))

    def same_corpus(self, dataset: str, fingerprint: str) -> None:
        """Hold a corpus against the one that trials so far were trained on, or keep it for those to come.

        Raises:
            OptionError: it is another.
        """
        known = self.corpora
        if dataset not in known:
            self._study.set_user_attr("corpora", {**known, dataset: fingerprint})
        elif known[dataset] != fingerprint:
            raise OptionError(
                f"The corpus of sweep {self._plan.name} has changed since it was begun ({', '.join(self._plan.paths)}), so "
                "what trials reach on it cannot be compared.  Put it back, or give another --name."
            )

    def ask(self) -> tuple[Trial, dict[str, Any]] | None:
        """The next trial and its options; None where every combination was tried."""
        done = [result.options for result in self.results]
        everything = combinations(self._plan.space, ENUMERATED)
        left = None if everything is None else [each for each in everything if each not in done]
        if left == []:
            return None
        # Anew for each trial, so that an interrupted sweep goes on as it would have gone.
        seeds = np.random.SeedSequence([self._plan.random_seed, len(done)]).generate_state(2)
        trial, options = self._draw(int(seeds[0]))
        if left is not None and options not in left:
            self._study.tell(trial, state=_state("FAIL"))
            self._study.enqueue_trial(left[int(seeds[1]) % len(left)])
            trial, options = self._draw(int(seeds[0]))
        return trial, options

    def _draw(self, random_seed: int) -> tuple[Trial, dict[str, Any]]:
        import optuna

        self._study.sampler = optuna.samplers.TPESampler(n_startup_trials=RANDOM_TRIALS, seed=random_seed)
        trial = self._study.ask()
        return trial, {dimension.name: dimension.suggest(trial) for dimension in self._plan.space}

    def tell(self, trial: Trial, result: TrialResult) -> None:
        """Keep what a trial gave."""
        trial.set_user_attr("result", asdict(result))
        self._tell(result)

    def _tell(self, result: TrialResult) -> None:
        if result.state == "complete":
            self._study.tell(result.trial, result.bits_per_character)
        else:  # also what failed, for the search must learn to keep away from there
            self._study.tell(result.trial, state=_state("PRUNED"))

    def _recover(self) -> None:
        for trial in self._study.get_trials(states=(_state("RUNNING"),)):
            if "result" in trial.user_attrs:
                self._tell(TrialResult(**trial.user_attrs["result"]))
                continue
            self._study.tell(trial.number, state=_state("FAIL"))
            options = trial.params
            if len(options) < len(
                self._plan.space
            ):  # it was being drawn: what was set for it counts, and the rest is drawn again
                options = trial.system_attrs.get("fixed_params", {})
            if options:
                self._study.enqueue_trial(options)


def report(trial: Trial, bits: float, progress: float, reported: int, before: float | None) -> tuple[int, bool]:
    """Tell the study what a trial has reached, at each stage since the one reported last.

    A trial whose measuring is slow skips stages, and trials can only be compared at a stage that both have: there it has what it
    had before.

    Args:
        trial: of the study.
        bits: per character, now.
        progress: the share of its budget that it has used.
        reported: the stage that was reported last.
        before: bits per character then, or None.

    Returns:
        The stage that it is at, and whether it is behind the others.
    """
    stage, behind = int(progress * STAGES), False
    for each in range(reported + 1, stage + 1):
        trial.report(bits if before is None or each == stage else before, each)
        behind = behind or trial.should_prune()
    return stage, behind


def _state(name: str) -> optuna.trial.TrialState:
    import optuna

    return optuna.trial.TrialState[name]


def _mend(path: Path) -> None:
    """Remove what a killed process left: a lock that nobody holds, and half a line."""
    with contextlib.suppress(FileNotFoundError):
        path.with_name(path.name + ".lock").unlink()
    if not path.exists():
        return
    with path.open("r+b") as journal:
        content = journal.read()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            # Cut in place: nothing is written, so that a disk that is full, or a kill, cannot lose the trials before.
            journal.truncate(whole)
            os.fsync(journal.fileno())


def ranked(results: Sequence[TrialResult]) -> list[TrialResult]:
    """The best first."""
    return sorted(results, key=lambda result: result.score)
