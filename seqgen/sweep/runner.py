"""Goes from trial to trial until the time is used up, and publishes the best."""

from __future__ import annotations

import contextlib
import shutil
import signal
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from seqgen import api, home
from seqgen.core.callback import Callback
from seqgen.core.catalog import Catalog
from seqgen.core.errors import DamagedModelError, OutputError, SeqgenError, TrainingError
from seqgen.core.plugin import in_a_line
from seqgen.data.store import fingerprint_of
from seqgen.manifest import CONFIG, MANIFEST
from seqgen.model_config import read_config
from seqgen.registry import ModelVersion, Registry
from seqgen.registry.moving import copy_files
from seqgen.sweep.observer import Observer
from seqgen.sweep.plan import Plan
from seqgen.sweep.study import Study, TrialResult, ranked, report
from seqgen.training.parts import part_meant
from seqgen.training.progress import Reporter
from seqgen.training.publish import describe
from seqgen.training.samples import written
from seqgen.training.session import Outcome, Session
from seqgen.training.status import Status
from seqgen.untrusted import read_json

HOPELESS = 3
"""If the first so many trials fail, so will the others."""


@dataclass(frozen=True)
class SweepOutcome:
    """What a sweep gave.

    Attributes:
        plan: what it went by.
        results: the best first.
        best: of those that were trained to their end, or None.
        version: the best as published, where that happened now or before.
        seconds: spent, over all sittings.
        signal_number: the signal that interrupted it, or None.
    """

    plan: Plan
    results: list[TrialResult]
    best: TrialResult | None
    version: str | None
    seconds: float
    signal_number: int | None

    @property
    def train_command(self) -> str | None:
        """The command that trains the best configuration for longer."""
        return self.plan.train_command(self.best.options) if self.best else None


@dataclass
class Sweep:
    """A sweep at work in its folder."""

    plan: Plan
    folder: Path
    catalog: Catalog
    observer: Observer
    study: Study = field(init=False)
    _before: float = field(init=False)
    _begun: float = field(init=False)
    _done: int = field(init=False)

    def __post_init__(self) -> None:
        self.study = Study(self.folder, self.plan)
        self._before, self._begun = self.study.seconds, time.perf_counter()
        self._done = len(self.study.results)

    @property
    def seconds(self) -> float:
        """Spent so far, over all sittings."""
        return self._before + time.perf_counter() - self._begun

    def run(self) -> SweepOutcome:
        """Trials until the time is used up; then the best into the registry."""
        signal_number = None
        self._check_corpus()
        version = self.study.published.get("version")
        self.observer.begun(self.plan, self.study.results)
        try:
            while signal_number is None and self._time_for_another() and (asked := self.study.ask()):
                signal_number = self._trial(*asked)
                self.study.spend(self.seconds)
            self._keep_best_only()
            if signal_number is None:
                version = self._publish() or version
        except KeyboardInterrupt:  # between trials, or while one was being prepared
            signal_number = signal.SIGINT
        finally:
            self.observer.close()
        return SweepOutcome(
            self.plan, ranked(self.study.results), self.study.best, version, self.study.seconds, signal_number
        )

    def _check_corpus(self) -> None:
        """Refuse to go on, or to give what was found before, where the corpus is another now."""
        for spec in self.study.corpora:
            named = part_meant(self.catalog, "dataset", spec, origin=self.plan.origins["dataset"])
            dataset = self.catalog.make("dataset", named, sources=self.plan.paths)
            self.study.same_corpus(spec, fingerprint_of(dataset, home.tokens_folder()).sha256)

    def _time_for_another(self) -> bool:
        results = self.study.results
        new = len(results) - self._done  # what failed before may be mended
        if new >= HOPELESS and all(result.state == "failed" for result in results):
            msg = f"All {len(results)} trials of sweep {self.plan.name} failed, the last because: {results[-1].problem}"
            raise TrainingError(msg)
        if self.plan.trials is not None and len(results) >= self.plan.trials:
            return False
        complete = [result.seconds for result in results if result.state == "complete"]
        needed = complete[-1] if complete else self.plan.trial_time  # the last one also read the corpus, and measured
        return not results or self.seconds + needed <= self.plan.max_time

    def _trial(self, trial: Any, options: Mapping[str, Any]) -> int | None:
        """Train one; the signal that interrupted it, after which it counts for nothing, or None."""
        begun, number = time.perf_counter(), len(self.study.results) + 1
        self.observer.trial_begun(number, options)
        watcher = _Watcher(self, trial)
        own = self._folder_of(trial.number)
        session = Session(
            self.catalog,
            watcher,
            None,
            callbacks=[watcher],
            mixes_interrupted=False,  # it counts for nothing
            training_folder=own / "training",
            registry=Registry(own / "models"),
        )
        outcome: Outcome | None = None
        problem = ""
        try:
            outcome = session.start(self.plan.paths, self.plan.of_trial(options), name=self.plan.name)
            if outcome.signal_number is not None:
                return outcome.signal_number
            if outcome.record["validation_loss"] is None:
                problem = "The corpus is too small for a part to be held out."
        except (OutputError, KeyboardInterrupt):
            raise
        except SeqgenError as error:
            problem = str(error).partition("\n")[0]
        except BaseException as error:  # a framework out of memory, a plugin's mistake: the others may work
            if not isinstance(error, Exception) and self.catalog.owner(error) is None:
                raise
            problem = in_a_line(error)
        if watcher.failure is not None:
            raise watcher.failure
        record = outcome.record if outcome and not problem else {}
        result = TrialResult(
            number=number,
            trial=trial.number,
            state="failed" if problem else "stopped" if watcher.behind else "complete",
            options=options,
            bits_per_character=record.get("bits_per_character"),
            progress=watcher.progress,
            steps=record.get("steps", 0),
            seconds=round(time.perf_counter() - begun, 3),
            problem=problem,
        )
        self.study.tell(trial, result)
        self._keep_best_only()
        self.observer.trial_ended(result, self.study.best)
        return None

    def _folder_of(self, trial: int) -> Path:
        return self.folder / "trials" / str(trial)

    def _keep_best_only(self) -> None:
        """Remove what trials left on the disk, but for the model of the best."""
        best = self.study.best
        kept = self._folder_of(best.trial) if best and best.trial != self.study.published.get("trial") else None
        for folder in (self.folder / "trials").glob("*"):
            shutil.rmtree(folder if folder != kept else folder / "training", ignore_errors=True)

    def _publish(self) -> str | None:
        """The best as the next version of the model, which says that a sweep chose it; None if it is there already."""
        best = self.study.best
        if best is None:
            (*_, last) = self.study.results
            msg = f"No trial of sweep {self.plan.name} was trained to its end, the last because: {last.problem}"
            raise TrainingError(msg)
        if best.trial == self.study.published.get("trial"):
            return None
        (found,) = Registry(self._folder_of(best.trial) / "models").versions(self.plan.name)
        registry = Registry.at_home()
        version = self._published_before(registry, found)
        if version is None:
            with registry.new_folder() as new:
                copy_files(found, new)  # the trial's own, the only others on the disk, are removed
                version = self._publish_as(registry, new, best)
        self.study.publish(best.trial, str(version))
        self._keep_best_only()
        return str(version)

    def _published_before(self, registry: Registry, trained: ModelVersion) -> ModelVersion | None:
        """The version that a trial's model became, where the process ended before it could note that."""
        its = trained.manifest()
        for version in registry.versions(self.plan.name):
            with contextlib.suppress(DamagedModelError):
                manifest = version.manifest()
                same = all(manifest.get(key) == its.get(key) for key in ("created", "results", "corpus"))
                if same and "sweep" in manifest:
                    return version
        return None

    def _publish_as(self, registry: Registry, folder: Path, best: TrialResult) -> ModelVersion:
        manifest = read_json(folder / MANIFEST, where=str(folder / MANIFEST))
        lineage = {key: value for key, value in manifest.items() if key not in ("format_version", "files")}
        results = self.study.results
        lineage["sweep"] = {
            "trials": len(results),
            "stopped": sum(result.state == "stopped" for result in results),
            "trial": best.number,
            "search": [str(dimension) for dimension in self.plan.space],
            "chosen": dict(best.options),
            "seconds": round(self.study.seconds, 3),
        }
        config = read_config(folder / CONFIG, where=str(folder / CONFIG))
        samples = partial(api.samples, self.catalog)
        describe(folder, self.plan.name, config, lineage, lambda folder: written(samples, folder, warn=lambda _: None))
        return registry.publish(self.plan.name, folder, made_now=True)


@dataclass
class _Watcher(Callback, Reporter):
    """Follows one trial, as the callback and as the reporter of its session, and ends it where it is behind.

    Of what a session says it shows nothing: a sweep has words of its own.
    """

    sweep: Sweep
    trial: Any
    progress: float = 0.0
    behind: bool = False
    failure: Exception | None = None
    _stage: int = 0
    _bits: float | None = None

    def on_start(self, config: Mapping[str, Any], folder: Path) -> None:
        """Hold the corpus as it was read now against that of the other trials."""
        with self._kept():
            run = read_json(folder / "run.json", where=str(folder / "run.json"))
            self.sweep.study.same_corpus(config["dataset"], run["fingerprint"])

    def on_metrics(self, metrics: Mapping[str, Any]) -> None:
        """Into the study."""
        with self._kept():
            self._report(metrics)

    @contextlib.contextmanager
    def _kept(self) -> Iterator[None]:
        """What fails is kept for the sweep, which raises it again, since a session goes on without a callback that fails."""
        try:
            yield
        except Exception as error:  # noqa: BLE001
            self.failure = self.failure or error

    def _report(self, metrics: Mapping[str, Any]) -> None:
        """With the time, so that both are there after a kill."""
        self.sweep.study.spend(self.sweep.seconds)
        self.progress = metrics["progress"]
        if metrics["bits_per_character"] is not None and self.progress < 1.0:
            bits = metrics["bits_per_character"]
            self._stage, self.behind = report(self.trial, bits, self.progress, self._stage, self._bits)
            self._bits = bits

    def stop(self) -> str:
        """That it is behind, or cannot be followed any more."""
        return "It does not go on." if self.behind or self.failure else ""

    def warn(self, text: str) -> None:
        """Nothing: what a run warns of, such as a rate that is too low, is what the search is there to find out."""

    def show(self, status: Status) -> None:
        """On to the sweep's observer."""
        self.sweep.observer.moved(self.sweep.seconds, status.tick.progress)
