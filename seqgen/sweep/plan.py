"""What a sweep was told, as a file from which it goes on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any

from annotated_doc import Doc
from annotated_types import Ge, Lt

from seqgen import files
from seqgen.core.errors import DamagedModelError, OptionError, SeqgenError
from seqgen.core.options import checked, options_of
from seqgen.core.shell import command_line
from seqgen.model_config import advised
from seqgen.origins import SWEEP
from seqgen.registry import check_name
from seqgen.sweep.space import Dimension, from_json
from seqgen.training.chosen import ChosenOptions
from seqgen.training.options import Duration, TrainingOptions, unused
from seqgen.untrusted import are_texts, read_json, shown

TRIALS = 12
"""Trials that the time is shared out to, where neither their number nor their time is given."""

SHARE = 0.95
"""Of the time is shared out: the rest is for reading the corpus and building the models."""

FILE = "sweep.json"

ADVICE = "The sweep cannot go on: put back what was there, or give another --name."
"""What a person can do where that file was changed."""

_KINDS: Mapping[str, type] = MappingProxyType(
    {
        "name": str,
        **dict.fromkeys(("sources", "paths", "space"), list),
        **dict.fromkeys(("values", "origins", "given", "centre"), dict),
        "searched": bool,
    }
)
"""Fields of a plan that are no numbers, and what each is in the file."""


@dataclass(frozen=True, kw_only=True)
class SweepOptions:
    """Options of a sweep itself."""

    max_time: Annotated[Duration, Doc("wall-clock time of the whole search: 90s, 5m, 1h30m")] = 1800.0
    trial_time: (
        Annotated[Duration, Doc("training time of each trial; default: the whole time shared out to the trials")] | None
    ) = None
    trials: (
        Annotated[int, Ge(1), Doc("most trials; default: as many as the time allows, 12 if none is stopped early")]
        | None
    ) = None
    random_seed: Annotated[int, Ge(0), Lt(2**63), Doc("fixes which options are tried")] = 0


@dataclass(frozen=True)
class Plan:
    """Everything that a sweep goes by.

    Attributes:
        name: of the sweep, and of the model that it gives.
        sources, paths: of the corpus, as named and as found.
        values, origins: every option of training, and where it came from; what is searched comes over it.
        given: the ``--set`` options, ``--preset`` and ``--config`` of the command, to write it again.
        space: what is searched.
        searched: whether a person named the space.
        centre: what is tried first; may be empty.
        max_time: seconds in all.
        trial_time: seconds that each trial trains.
        trials: how many there are at most; None: as many as the time allows.
        random_seed: fixes which options are tried.
    """

    name: str
    sources: tuple[str, ...]
    paths: tuple[str, ...]
    values: Mapping[str, Any]
    origins: Mapping[str, str]
    given: Mapping[str, Any]
    space: tuple[Dimension, ...]
    searched: bool
    centre: Mapping[str, Any]
    max_time: float
    trial_time: float
    trials: int | None
    random_seed: int

    def write(self, folder: Path) -> None:
        """Into the sweep's folder, whole or not at all."""
        value = {**asdict(self), "space": [dimension.to_json() for dimension in self.space]}
        files.replace_bytes(folder / FILE, files.json_bytes(value))

    @classmethod
    def read(cls, folder: Path) -> Plan:
        """What ``write`` wrote.

        Raises:
            DamagedModelError: it is not that, or of a seqgen that has other options; says what to do.
        """
        where = str(folder / FILE)
        value = read_json(folder / FILE, where=where)
        if value.keys() != {field.name for field in fields(cls)}:
            msg = f"{where}: not the file of a sweep."
            raise DamagedModelError(msg)
        try:
            return cls(**_checked(value))
        except SeqgenError as error:
            raise DamagedModelError(advised(f"{where}: {error}", ADVICE)) from error

    def differences(self, other: Plan) -> list[str]:
        """In what two plans would give trials that cannot stand beside each other."""
        found = ["corpus"] if self.paths != other.paths else []
        found += ["random_seed"] if self.random_seed != other.random_seed else []
        if self.searched != other.searched or (self.searched and self.space != other.space):
            found.append("search")
        return found + [name for name, value in self.values.items() if value != other.values[name]]

    @property
    def chosen(self) -> ChosenOptions:
        """``values`` and ``origins``."""
        return ChosenOptions(TrainingOptions(**self.values), self.origins)

    def of_trial(self, options: Mapping[str, Any]) -> ChosenOptions:
        """Every option of a trial, and where it came from."""
        return self.chosen.take(SWEEP, **{**options, "max_time": self.trial_time})

    def train_command(self, options: Mapping[str, Any]) -> str:
        """The command that trains with these options for as long as the whole sweep may take."""
        words = ["seqgen", "train", *(self.paths if "-" in self.sources else self.sources)]
        for name in ("preset", "config"):
            if self.given.get(name):
                words += [f"--{name}", str(self.given[name])]
        settled = {name: value for name, value in self.given["set"].items() if name not in ("max_steps", "epochs")}
        own = {**settled, **options}
        without = unused({**self.values, **own})  # train refuses what would change nothing
        for name, value in own.items():
            words += _flag(name, value) if name not in without else []
        return command_line([*words, "--max-time", duration(self.max_time), "--name", self.name])


def _checked(value: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a plan from what a file says under their names, each held against what a sweep writes there.

    Raises:
        SeqgenError: one of them is not that.
    """
    for name, kind in _KINDS.items():
        _hold(name, type(value[name]) is kind)
    check_name(value["name"])
    for name in ("sources", "paths"):
        _hold(name, bool(value[name]) and are_texts(value[name]))
    names = {option.name for option in options_of(TrainingOptions)}
    for name in ("values", "origins"):
        if other := value[name].keys() ^ names:
            msg = f"{name}.{shown(min(other))} is missing or unknown to this seqgen"
            raise OptionError(msg)
    _hold("origins", are_texts(value["origins"].values()))
    given, centre = value["given"], value["centre"]
    _hold("given", given.keys() == {"set", "preset", "config"} and isinstance(given["set"], dict))
    _hold("given", all(isinstance(given[name], str | None) for name in ("preset", "config")))
    space = {dimension.name: dimension for dimension in map(from_json, value["space"])}
    _hold("space", 0 < len(space) == len(value["space"]))
    _hold("centre", not centre or centre.keys() == space.keys())
    _hold("centre", all(space[name].has(number) for name, number in centre.items()))
    own = {option.name: value[option.name] for option in options_of(SweepOptions)}
    _hold("trial_time", own["trial_time"] is not None)
    return {
        **value,
        **checked(SweepOptions, own, where="sweep"),
        "sources": tuple(value["sources"]),
        "paths": tuple(value["paths"]),
        "values": checked(TrainingOptions, value["values"], where="values"),
        "given": {**given, "set": checked(TrainingOptions, given["set"], where="given")},
        "space": tuple(space.values()),
    }


def _hold(name: str, right: bool) -> None:
    """Refuse a field that is not right."""
    if not right:
        msg = f"{name} is not what a sweep writes there"
        raise OptionError(msg)


def shared_out(max_time: float, trials: int | None) -> float:
    """Seconds for each trial."""
    return SHARE * max_time / (trials or TRIALS)


def duration(seconds: float) -> str:
    """Seconds as they are written in options: ``90s``, ``30m``, ``2h``."""
    for unit, size in (("h", 3600), ("m", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g}{unit}"
    return f"{seconds:.4g}s" if seconds < 1000 else f"{seconds:.0f}s"


def _flag(name: str, value: Any) -> Sequence[str]:
    option = name.replace("_", "-")
    if isinstance(value, bool):
        return [f"--{option}" if value else f"--no-{option}"]
    return [f"--{option}", str(value)]
