"""What a run was started with, read back and checked: nothing in its files is believed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from seqgen import __version__
from seqgen.core.errors import DamagedModelError, OptionError, SeqgenError, UsageError
from seqgen.core.options import checked, options_of
from seqgen.core.redact import redacted
from seqgen.manifest import CONFIG
from seqgen.model_config import ModelConfig, written_by
from seqgen.origins import CHOSEN, RESUME
from seqgen.training.options import SETTLED, TrainingOptions
from seqgen.training.run import Run
from seqgen.untrusted import shown

OPTIONS_OF_BEFORE: Mapping[str, Any] = MappingProxyType(
    {
        "auto_batch": False,
        "beta_2": 0.99,
        "keep": 2,
        "ngram_order": 0,
        "output_bias": "zero",
        "unseen": "refuse",
        "weight_average": 0.0,
    }
)
"""Options that runs of before do not have, each with the value of what was done then; the default may be another."""


LIMITS = ("epochs", "max_steps", "max_time")
"""Options of which one ends a run."""


@dataclass(frozen=True)
class About:
    """What ``run.json`` says.

    Attributes:
        sources: what the dataset reads.
        fingerprint: of the corpus.
        log_to: callbacks.
        parent: the model that it goes on from, or None.
    """

    sources: tuple[str, ...]
    fingerprint: str
    log_to: tuple[str, ...]
    parent: str | None


@contextlib.contextmanager
def way_on(run: Run) -> Iterator[None]:
    """Say of what keeps a run from being gone on with how to go on all the same.

    ``--resume`` comes to this run as long as it is the newest; and after an upgrade it may be whole, and another version's.
    """
    try:
        yield
    except DamagedModelError as error:
        begun, without = None, f"remove {run.folder}"
        with contextlib.suppress(DamagedModelError):
            begun = written_by(run.read(CONFIG))
        if begun in (None, __version__):
            raise DamagedModelError(f"{error}  To do without the run, {without}") from error
        versions = f"The run was begun with seqgen {begun}, and this is seqgen {__version__}"
        raise DamagedModelError(
            f"{error}  {versions}: go on with that one; where it does not either, {without}"
        ) from error


@contextlib.contextmanager
def way_on_with_another(run: Run, log_to: Sequence[str]) -> Iterator[None]:
    """Say how a run goes on where a callback that it was begun with cannot be made any more.

    Args:
        run: the run.
        log_to: what it was begun with; none where a person has named others now, whose fault it then is.
    """
    try:
        yield
    except SeqgenError as error:
        if not log_to:
            raise
        begun = " ".join(f"--log-to {redacted(spec)}" for spec in log_to)
        raise UsageError(
            f"{error}\nThe run of {run.name} was begun with {begun}.  To go on with another: seqgen train --resume {run.name} "
            "--log-to csv"
        ) from error


def read_about(run: Run) -> About:
    """What ``run.json`` says.

    Raises:
        DamagedModelError: it is not what a run writes; says what to do.
    """
    with way_on(run):
        return _about(run)


def _about(run: Run) -> About:
    value = run.read("run.json")
    expected = {
        "sources": list,
        "fingerprint": str,
        "log_to": list,
        **dict.fromkeys(("parent", "parent_sha256"), str | None),
    }
    faults = [name for name, kind in expected.items() if name not in value or not isinstance(value[name], kind)]
    faults += [name for name in ("sources", "log_to") if name not in faults and not _texts(value[name])]
    if unknown := value.keys() - expected.keys():
        faults.append(min(unknown))
    if faults:
        raise DamagedModelError(f"{run.folder}/run.json: {faults[0]} is not what a run writes there; it cannot go on.")
    return About(tuple(value["sources"]), value["fingerprint"], tuple(value["log_to"]), value["parent"])


def read_settings(run: Run, given: Mapping[str, Any]) -> ModelConfig:
    """What ``config.json`` says, with the options that were given now.

    Raises:
        DamagedModelError: it is not what a run writes; says what to do.
        OptionError: what was given takes away the last limit.
    """
    with way_on(run):
        return _settings(run, given)


def _settings(run: Run, given: Mapping[str, Any]) -> ModelConfig:
    config = run.config()
    where = f"{run.folder}/config.json"
    names = {option.name for option in options_of(TrainingOptions)}
    lacking = names - config.training.keys()
    for wrong, what in (
        (config.training.keys() - names, "unknown to this seqgen"),
        (lacking - OPTIONS_OF_BEFORE.keys(), "missing"),
    ):
        if wrong:
            raise DamagedModelError(f"{where}: training.{shown(min(wrong))} is {what}; the run cannot go on.")
    before = {name: OPTIONS_OF_BEFORE[name] for name in lacking}
    try:
        values = {**before, **config.training, **dict.fromkeys(_superseded(config, given)), **given}
        training = checked(TrainingOptions, values, where=f"{where}: training")
    except OptionError as error:
        raise DamagedModelError(str(error)) from error
    empty = [name for name in SETTLED if training[name] is None]
    if not any(training[name] for name in LIMITS):
        if taken := [name for name in LIMITS if name in given]:
            msg = f"Without {' and '.join(taken)} nothing ends the run of {run.name}: give one of {', '.join(LIMITS)}."
            raise OptionError(msg)
        empty.append("max_time")
    if empty:
        raise DamagedModelError(f"{where}: training.{empty[0]} is empty, which no run leaves; it cannot go on.")
    for kind in ("tokenizer", "dataset", "backend"):
        if kind not in config.parts:
            raise DamagedModelError(f"{where}: names no {kind}; the run cannot go on.")
    return replace(config, training=training, origins={**config.origins, **dict.fromkeys((*before, *given), RESUME)})


def _superseded(config: ModelConfig, given: Mapping[str, Any]) -> list[str]:
    """Limits that nobody has set, where steps or passes are counted now: as in a run that begins with these, there are none then."""
    if not (given.get("epochs") or given.get("max_steps")):
        return []
    return [name for name in LIMITS if config.origins.get(name) == CHOSEN]


def _texts(values: list[Any]) -> bool:
    return all(type(value) is str for value in values)
