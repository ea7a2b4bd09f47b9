"""Begins a sweep from what a person asks for, or goes on with one; what is wrong is told before anything runs."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from seqgen import files, home, locks
from seqgen.core.catalog import Catalog
from seqgen.core.errors import ModelNotFoundError, OptionError, SeqgenWarning, UsageError
from seqgen.core.kinds import Kind
from seqgen.core.options import checked, make
from seqgen.origins import COMMAND_LINE, DEFAULT, ENVIRONMENT, SWEEP, in_brackets
from seqgen.registry import check_name
from seqgen.sweep.observer import Observer
from seqgen.sweep.plan import FILE, Plan, SweepOptions, shared_out
from seqgen.sweep.runner import Sweep, SweepOutcome
from seqgen.sweep.space import Choices, Dimension, around, parse_search
from seqgen.sweep.study import JOURNAL, need_optuna
from seqgen.training.chosen import ChosenOptions, resolve_options
from seqgen.training.contradictions import check_used
from seqgen.training.inheritance import choose_dataset
from seqgen.training.mixing import check_mixing
from seqgen.training.naming import name_after
from seqgen.training.options import PANELS, TrainingOptions
from seqgen.training.parts import part_meant
from seqgen.training.preparation import prepare
from seqgen.training.sources import resolve_sources


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
    chosen = _only_of_the_sweep(resolve_options(sets, preset=preset, config=config))
    if chosen.options.validation_fraction == 0:
        msg = "validation_fraction is 0, but trials are compared by what they reach on the part that is held out."
        raise OptionError(msg)
    resolved = resolve_sources(sources)
    name = name_after(resolved.sources[0]) if name is None else name
    check_name(name)
    chosen = choose_dataset(chosen, resolved, None)
    _check_options(chosen, space)
    _check_parts(chosen, space, resolved.paths, catalog)
    plan = Plan(
        name=name,
        sources=resolved.sources,
        paths=resolved.paths,
        values=chosen.values,
        origins=chosen.origins,
        given={"set": sets, "preset": preset, "config": config},
        space=tuple(space),
        searched=bool(space),
        centre={},
        max_time=own.max_time,
        trial_time=trial_time,
        trials=own.trials,
        random_seed=own.random_seed,
    )
    # Before there is a folder, which a refusal would leave.
    if not space and not (home.sweeps_folder() / name / FILE).exists():
        space, centre = _default_space(plan, catalog)
        plan = replace(plan, space=tuple(space), centre=centre)
    with _opened(name) as folder:
        if (folder / FILE).exists():
            plan = _same(Plan.read(folder), plan, given)
        _write(plan, folder)
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
        _check_parts(plan.chosen, plan.space, plan.paths, catalog)
        _write(plan, folder)
        return Sweep(plan, folder, catalog, observer).run()


def _parse_set(texts: Sequence[str], searched: set[str]) -> dict[str, Any]:
    given: dict[str, str] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            msg = f'--set "{text}" is not OPTION=VALUE.  Write --set hidden-size=256'
            raise OptionError(msg)
        if key in given:
            msg = f"--set gives {key} twice.  Leave one out."
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


def _only_of_the_sweep(chosen: ChosenOptions) -> ChosenOptions:
    """Pass over the time of a training in the environment, which is there for all that is trained, and say so.

    Raises:
        OptionError: a configuration file has it.
    """
    if not chosen.given("max_time"):
        return chosen
    if (origin := chosen.origins["max_time"]) != ENVIRONMENT:
        msg = f"max_time{in_brackets(origin)} is that of a training.  Leave it out there: the time of a sweep is --max-time."
        raise OptionError(msg)
    warnings.warn(
        "SEQGEN_MAX_TIME in the environment is the time of a training and is passed over: that of a sweep is --max-time.",
        SeqgenWarning,
        stacklevel=3,
    )
    return chosen.take(DEFAULT, max_time=None)


def _check_options(chosen: ChosenOptions, space: Sequence[Dimension]) -> None:
    """Refuse what each trial with it would refuse.

    Raises:
        OptionError: as a training does.
    """
    tried = {each.name: each.values if isinstance(each, Choices) else (each.low,) for each in space}
    check_used(chosen, tried=tried)
    for name, values in tried.items():
        for value in values:
            check_mixing(chosen.take(COMMAND_LINE, **{name: value}).options)


def _check_parts(chosen: ChosenOptions, space: Sequence[Dimension], paths: tuple[str, ...], catalog: Catalog) -> None:
    """Make every part that trials will name, and read the corpus's beginning: what is wrong is told before any runs."""
    searched = {each.name: each.values for each in space if isinstance(each, Choices)}
    for name in PANELS["Parts"]:
        kind: Kind = name  # type: ignore[assignment]  # the options are called like the kinds
        origin = SWEEP if name in searched else chosen.origins[name]
        for text in searched.get(name, (getattr(chosen.options, name),)):
            if text is not None:
                spec = part_meant(catalog, kind, text, origin=origin)
                if kind == "dataset":
                    next(catalog.make(kind, spec, sources=paths).documents(), None)
                else:
                    catalog.make(kind, spec)


def _default_space(plan: Plan, catalog: Catalog) -> tuple[list[Dimension], dict[str, Any]]:
    """Around what seqgen chooses for this corpus, leaving out what a person has settled."""
    prepared, chosen = prepare(catalog, plan.paths, plan.of_trial({}), name=plan.name), plan.chosen
    space, centre = around(prepared.config.training, {name for name in chosen.origins if chosen.given(name)})
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
    refusal = f"Another process is at work on sweep {name}.  Wait for it, or give another --name."
    with locks.locked(folder / ".lock", refusal):
        yield folder


def _write(plan: Plan, folder: Path) -> None:
    """Write the plan of a sweep that goes to work now, which makes it the last one, whatever the clock says."""
    plan.write(folder)
    others = (each for name in (FILE, JOURNAL) for each in folder.parent.glob(f"*/{name}") if each.parent != folder)
    files.keep_newest(folder / FILE, others)


def _last_change(folder: Path) -> int:
    return max(path.stat().st_mtime_ns for path in (folder / FILE, folder / JOURNAL) if path.exists())
