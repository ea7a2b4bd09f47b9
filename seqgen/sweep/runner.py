"""Goes from trial to trial until the time is used up, and publishes the best."""

from __future__ import annotations

import contextlib
import shutil
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import filelock

from seqgen import files, home, settings
from seqgen.checkpoint import MANIFEST, read_json, write_manifest
from seqgen.core.callback import Callback
from seqgen.core.catalog import Catalog, Kind
from seqgen.core.errors import ModelNotFoundError, OptionError, OutputError, SeqgenError, TrainingError, UsageError
from seqgen.core.options import checked, make
from seqgen.registry import ModelVersion, Registry, check_name
from seqgen.sweep.plan import FILE, Plan, SweepOptions, shared_out
from seqgen.sweep.space import Choices, Dimension, around, parse_search
from seqgen.sweep.study import JOURNAL, Study, TrialResult, need_optuna, ranked, report
from seqgen.training.options import PANELS, PRESETS, TrainingOptions
from seqgen.training.preparation import prepare
from seqgen.training.progress import Status
from seqgen.training.session import Outcome, Session
from seqgen.training.sources import name_after, resolve_sources

HOPELESS = 3
"""If the first so many trials fail, so will the others."""


class Observer(Protocol):
    """Follows a sweep."""

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


def sweep(
    sources: Sequence[str],
    search: Sequence[str],
    *,
    name: str | None = None,
    settled: Sequence[str] = (),
    preset: str | None = None,
    config: str | None = None,
    catalog: Catalog,
    observer: Observer,
    **options: Any,
) -> SweepOutcome:
    """Search, or go on with the sweep of this name where it was told the same.

    Args:
        sources: files, folders, globs, URLs, ``-``, or names of corpora.
        search: what is searched, as ``OPTION=LOW..HIGH`` or ``OPTION=VALUE,VALUE``; empty: the options that matter most,
            around what seqgen itself chooses.
        name: of the sweep, and of the model; default: after the first source.
        settled: options of every trial, as ``OPTION=VALUE``.
        preset: a named set of options, as ``train`` has it.
        config: a TOML file of options, as ``train`` has it.
        catalog: the parts to choose from.
        observer: follows.
        **options: the fields of :class:`SweepOptions`; None where not given.

    Raises:
        SeqgenError: one of its kinds; what is wrong with the options is told before anything runs.
    """
    need_optuna()
    given = checked(SweepOptions, {key: value for key, value in options.items() if value is not None}, where="sweep")
    own = make(SweepOptions, given, where="sweep")
    trial_time = own.trial_time or shared_out(own.max_time, own.trials)
    if trial_time > own.max_time:
        msg = f"trial_time is {trial_time:g} s, more than the {own.max_time:g} s of the whole sweep (--max-time)."
        raise OptionError(msg)
    space = parse_search(search)
    sets = _parse_set(settled, {dimension.name for dimension in space})
    values, origins = settings.resolve(
        TrainingOptions, sets, config_file=Path(config) if config else None, presets=PRESETS, preset=preset
    )
    if values["validation_fraction"] == 0:
        msg = "validation_fraction is 0, but trials are compared by what they reach on the part that is held out."
        raise OptionError(msg)
    resolved = resolve_sources(sources)
    name = name or name_after(resolved.sources[0])
    check_name(name)
    if resolved.dataset and origins["dataset"] == "default":
        values["dataset"], origins["dataset"] = resolved.dataset, f"corpus {resolved.sources[0]}"
    _check_parts(values, space, resolved.paths, catalog)
    plan = Plan(
        name=name,
        sources=resolved.sources,
        paths=resolved.paths,
        values=values,
        origins=origins,
        given={"set": sets, "preset": preset, "config": config},
        space=tuple(space),
        searched=bool(space),
        centre={},
        max_time=own.max_time,
        trial_time=trial_time,
        trials=own.trials,
        random_seed=own.random_seed,
    )
    with _opened(name) as folder:
        if (folder / FILE).exists():
            plan = _same(Plan.read(folder), plan, given)
        elif not space:
            space, centre = _default_space(plan, catalog)
            plan = replace(plan, space=tuple(space), centre=centre)
        plan.write(folder)
        return Sweep(plan, folder, catalog, observer).run()


def resume(
    name: str | None, *, catalog: Catalog, observer: Observer, max_time: Any = None, trials: Any = None
) -> SweepOutcome:
    """Go on with a sweep; None: with the one that was at work last.

    Args:
        name: of the sweep.
        catalog: the parts to choose from.
        observer: follows.
        max_time: may change; None leaves it.
        trials: may change; None leaves it.

    Raises:
        ModelNotFoundError: there is none.
        OptionError: the corpus is not there any more, or a part.
    """
    need_optuna()
    given = {key: value for key, value in {"max_time": max_time, "trials": trials}.items() if value is not None}
    given = checked(SweepOptions, given, where="sweep --resume")
    folders = {each.parent.name: each for each in home.sweeps_folder().glob(f"*/{FILE}")}
    if name is None and folders:
        name = max(folders, key=lambda each: _last_change(folders[each].parent))
    if name not in folders:
        which = f"{name} " if name else ""
        msg = f"There is no sweep {which}to go on with ({home.sweeps_folder()})."
        raise ModelNotFoundError(msg)
    with _opened(name) as folder:
        plan = replace(Plan.read(folder), **given)
        _check_parts(plan.values, plan.space, plan.paths, catalog)
        plan.write(folder)
        return Sweep(plan, folder, catalog, observer).run()


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
        values, origins = self.plan.trial_values(options)
        watcher = _Watcher(self, trial)
        own = self._folder_of(trial.number)
        session = Session(
            self.catalog,
            watcher,
            lambda *_: "",
            callbacks=[watcher],
            training_folder=own / "training",
            registry=Registry(own / "models"),
        )
        outcome: Outcome | None = None
        problem = ""
        try:
            outcome = session.start(self.plan.paths, values, origins, name=self.plan.name)
            if outcome.signal_number is not None:
                return outcome.signal_number
            if outcome.record["validation_loss"] is None:
                problem = "The corpus is too small for a part to be held out."
        except OutputError:
            raise
        except SeqgenError as error:
            problem = str(error).partition("\n")[0]
        except Exception as error:  # noqa: BLE001  a framework out of memory, a plugin's mistake: the others may work
            problem = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
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
        registry = Registry(home.models_folder())
        with files.new_folder(registry.folder / self.plan.name) as new:
            with files.writing(new):
                shutil.copytree(found.folder, new, dirs_exist_ok=True)
            version = self._publish_as(registry, new, best)
        self.study.publish(best.trial, str(version))
        self._keep_best_only()
        return str(version)

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
        write_manifest(folder, lineage)
        return registry.publish(self.plan.name, folder)


@dataclass
class _Watcher(Callback):
    """Follows one trial, as the callback and as the reporter of its session, and ends it where it is behind."""

    sweep: Sweep
    trial: Any
    progress: float = 0.0
    behind: bool = False
    failure: Exception | None = None
    _stage: int = 0

    def on_metrics(self, metrics: Mapping[str, Any]) -> None:
        """Into the study; what fails there is kept for the sweep, since a session goes on without a callback that fails."""
        try:
            self._report(metrics)
        except Exception as error:  # noqa: BLE001  raised again by the sweep
            self.failure = error

    def _report(self, metrics: Mapping[str, Any]) -> None:
        """With the time, so that both are there after a kill."""
        self.sweep.study.spend(self.sweep.seconds)
        self.progress = metrics["progress"]
        if metrics["bits_per_character"] is not None and self.progress < 1.0:
            self._stage, self.behind = report(self.trial, metrics["bits_per_character"], self.progress, self._stage)

    def stop(self) -> str:
        """That it is behind, or cannot be followed any more."""
        return "It does not go on." if self.behind or self.failure else ""

    def note(self, text: str) -> None:
        """Nothing: a sweep has words of its own."""

    def warn(self, text: str) -> None:
        """Nothing: what a run warns of, such as a rate that is too low, is what the search is there to find out."""

    def show(self, status: Status) -> None:
        """On to the sweep's observer."""
        self.sweep.observer.moved(self.sweep.seconds, status.tick.progress)

    def sample(self, text: str) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


def _parse_set(texts: Sequence[str], searched: set[str]) -> dict[str, Any]:
    given: dict[str, str] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            msg = f'--set "{text}" is not OPTION=VALUE.  Write --set hidden-size=256'
            raise OptionError(msg)
        given[key] = value
    values = checked(TrainingOptions, given, where="sweep --set")
    if "max_time" in values:
        msg = "max_time of each trial is --trial-time, and that of the whole sweep --max-time; leave it out of --set."
        raise OptionError(msg)
    if both := searched & values.keys():
        msg = f"{', '.join(sorted(both))} is both in --search and in --set.  Leave one out."
        raise OptionError(msg)
    return values


def _check_parts(
    values: Mapping[str, Any], space: Sequence[Dimension], paths: tuple[str, ...], catalog: Catalog
) -> None:
    """Make every part that trials will name, and read the corpus's beginning: what is wrong is told before any runs."""
    searched = {each.name: each.values for each in space if isinstance(each, Choices)}
    for name in PANELS["Parts"]:
        kind: Kind = name  # type: ignore[assignment]  # the options are called like the kinds
        for spec in searched.get(name, (values[name],)):
            if spec is not None:
                part = catalog.make(kind, spec, **({"sources": paths} if kind == "dataset" else {}))
                if kind == "dataset":
                    next(part.documents(), None)


def _default_space(plan: Plan, catalog: Catalog) -> tuple[list[Dimension], dict[str, Any]]:
    """Around what seqgen chooses for this corpus, leaving out what a person has settled."""
    prepared = prepare(catalog, plan.paths, *plan.trial_values({}), name=plan.name)
    space, centre = around(
        prepared.config.training, {name for name, origin in plan.origins.items() if origin != "default"}
    )
    if not space:
        msg = "Every option that is searched without --search is settled.  Name what to search: --search OPTION=VALUES"
        raise OptionError(msg)
    return space, centre


def _same(before: Plan, plan: Plan, given: Mapping[str, Any]) -> Plan:
    """The plan of a sweep that is gone on with by its own command: only its time and number of trials may change."""
    different = before.differences(plan)
    if "trial_time" in given and plan.trial_time != before.trial_time:
        different.append("trial_time")
    if different:
        msg = (
            f"There is a sweep {plan.name} already, with another {', '.join(different)}.  Go on with it: seqgen sweep "
            f"--resume {plan.name}; or give another --name."
        )
        raise UsageError(msg)
    return replace(before, max_time=plan.max_time, trials=plan.trials)


@contextlib.contextmanager
def _opened(name: str) -> Iterator[Path]:
    """The folder of a sweep, locked against other processes."""
    folder = home.sweeps_folder() / name
    with files.writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout as error:
        msg = f"Another process is at work on sweep {name}.  Wait for it, or give another --name."
        raise UsageError(msg) from error
    try:
        yield folder
    finally:
        lock.release()


def _last_change(folder: Path) -> float:
    return max(path.stat().st_mtime for path in (folder / FILE, folder / JOURNAL) if path.exists())
