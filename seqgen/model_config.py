"""``config.json``, which says of what shape a model is, which parts it needs, and with what options it was trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqgen.core import options
from seqgen.core.errors import DamagedModelError, OptionError
from seqgen.core.spec import ModelSpec
from seqgen.manifest import FORMAT_VERSION, check_format
from seqgen.untrusted import plain, read_json

if TYPE_CHECKING:
    from seqgen.core.part_entry import PartEntry


@dataclass(frozen=True)
class PartRecord:
    """A part as a model folder names it: by its registered name, never by a path to code."""

    name: str
    distribution: str
    version: str
    options: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, entry: PartEntry, part: Any) -> PartRecord:
        """The record of a part in use."""
        return cls(entry.name, entry.plugin.distribution, entry.plugin.version, options.option_values(part))


@dataclass(frozen=True)
class ModelConfig:
    """What ``config.json`` says.

    Attributes:
        model: the shape of the network.
        parts: tokenizer, dataset and backend it was trained with.
        training: every training option with the value used.
        origins: where each of these values came from.
        has_ends: whether the corpus had several documents, so that the tokenizer's end token was learned.
    """

    model: ModelSpec
    parts: dict[str, PartRecord]
    training: dict[str, Any]
    origins: dict[str, str]
    has_ends: bool


def config_to_json(config: ModelConfig) -> dict[str, Any]:
    """``config.json`` as a value."""
    return {"format_version": FORMAT_VERSION, **asdict(config)}


def read_config(path: Path, *, where: str, advice: str = "") -> ModelConfig:
    """``config.json``, checked: unknown keys are refused by name.

    Args:
        path: the file.
        where: how messages name it.
        advice: what a person can do where it is of this format and all the same not what is read here.

    Raises:
        DamagedModelError: all faults.
    """
    value = read_json(path, where=where)
    check_format(value, where=where)
    try:
        return _config_from_json(value)
    except (TypeError, OptionError) as error:
        raise DamagedModelError(advised(f"{where}: {error}", advice)) from error


def _config_from_json(value: dict[str, Any]) -> ModelConfig:
    fields = {"format_version", "model", "parts", "training", "origins", "has_ends"}
    if value.keys() != fields:
        unknown, missing = sorted(value.keys() - fields), sorted(fields - value.keys())
        msg = " and ".join(
            part for part in (unknown and f"unknown key {unknown[0]}", missing and f"missing key {missing[0]}") if part
        )
        raise OptionError(msg)
    for key in ("model", "parts", "training", "origins"):
        if not isinstance(value[key], dict):
            msg = f"{key} is not an object"
            raise OptionError(msg)
    parts = {}
    for kind, record in value["parts"].items():
        if not isinstance(record, dict) or {k: type(v) for k, v in record.items()} != {
            "name": str,
            "distribution": str,
            "version": str,
            "options": dict,
        }:
            msg = f"parts.{kind} is not name, distribution, version and options"
            raise OptionError(msg)
        parts[kind] = PartRecord(**record)
    return ModelConfig(
        model=options.make(ModelSpec, value["model"], where="model"),
        parts=parts,
        training=value["training"],
        origins=value["origins"],
        has_ends=bool(value["has_ends"]),
    )


def written_by(config: Mapping[str, Any]) -> str | None:
    """The version of seqgen that wrote a ``config.json``, as its parts say it; None where they do not.

    Args:
        config: what the file says, be it of another format or damaged.
    """
    parts = config.get("parts")
    for record in parts.values() if isinstance(parts, dict) else ():
        if isinstance(record, dict) and record.get("distribution") == "seqgen" and record.get("version"):
            return plain(str(record["version"]))
    return None


def advised(message: str, advice: str) -> str:
    """What is wrong with a file, and after it what a person can do, if anything."""
    return f"{message.rstrip('.')}.  {advice}" if advice else message
