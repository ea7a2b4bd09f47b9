"""A trained model as a folder: weights, configuration, tokenizer.  ``docs/reference/checkpoint-format.md`` describes it.

Nothing in a folder is executed, and nothing is believed before it is checked: sizes against the file, names and shapes
against the specification, hashes against the manifest.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from seqgen import __version__, files
from seqgen.core import options
from seqgen.core.canonical import GATES, check_weights
from seqgen.core.distributions import upgrade
from seqgen.core.errors import DamagedModelError, MissingDependencyError, OptionError, PluginError
from seqgen.core.options import PartSpec
from seqgen.core.spec import ModelSpec
from seqgen.core.types import Weights
from seqgen.manifest import CONFIG, FORMAT_VERSION, NGRAMS, TOKENIZER, WEIGHTS, check_format, read_manifest, verify
from seqgen.untrusted import (
    MAX_JSON_BYTES,
    MAX_TOKENIZER_BYTES,
    map_tensors,
    read_header,
    read_json,
    read_tensors,
    refuse_larger,
    shown,
)

if TYPE_CHECKING:
    from seqgen.core.backend import Backend, Model
    from seqgen.core.catalog import Catalog, PartEntry
    from seqgen.core.tokenizer import Tokenizer

CHECKED_ON_LOAD_BYTES = 64 * 2**20
"""Weights up to this are hashed whenever they are loaded (some 50 ms); larger ones by ``models verify``."""


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
        format_version: of this file.
    """

    model: ModelSpec
    parts: dict[str, PartRecord]
    training: dict[str, Any]
    origins: dict[str, str]
    has_ends: bool
    format_version: int = FORMAT_VERSION


def write_weights(path: Path, weights: Mapping[str, npt.NDArray[Any]]) -> None:
    """Write tensors as safetensors, in the given order, flushed to the disk."""
    from safetensors.numpy import save

    files.write_bytes(path, save({name: np.asarray(tensor, order="C") for name, tensor in weights.items()}))


def read_weights(path: Path, shapes: Mapping[str, tuple[int, ...]], *, where: str) -> Weights:
    """A copy of the weights in a file, which may then change; see :func:`map_weights`."""
    return {name: tensor.copy() for name, tensor in map_weights(path, shapes, where=where).items()}


def map_weights(path: Path, shapes: Mapping[str, tuple[int, ...]], *, where: str) -> Weights:
    """Weights as read-only views of their file, checked against what their backend states.

    Of a file above ``CHECKED_ON_LOAD_BYTES`` the numbers are not looked at, so that a large model starts as fast as a
    small one.

    Raises:
        DamagedModelError: the file holds other tensors, or numbers that are not finite.
    """
    header = read_header(path, where=where)
    if unknown := [name for name in header if name not in shapes]:
        msg = f'{where}: tensor "{unknown[0]}" is unknown.'
        raise DamagedModelError(msg)
    faults = []
    for name, entry in header.items():
        if entry["shape"] != list(shapes[name]):
            faults.append(
                f'tensor "{name}" has shape {shown(tuple(entry["shape"]))}, but must have {shown(shapes[name])}'
            )
        elif entry.get("dtype") != "F32":
            faults.append(f'tensor "{name}" is {shown(entry.get("dtype"))}, but must be F32')
    if faults:
        raise DamagedModelError(f"{where}: " + "; ".join(faults) + ".")
    weights = map_tensors(path, where=where)
    check_weights(weights, shapes, where=where)
    small = path.stat().st_size <= CHECKED_ON_LOAD_BYTES
    if small and (faulty := [name for name, tensor in weights.items() if not np.isfinite(tensor).all()]):
        msg = f'{where}: tensor "{faulty[0]}" holds values that are not finite numbers.'
        raise DamagedModelError(msg)
    return weights


def config_to_json(config: ModelConfig) -> dict[str, Any]:
    """``config.json`` as a value."""
    return {
        "format_version": config.format_version,
        **{k: v for k, v in asdict(config).items() if k != "format_version"},
    }


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
        raise DamagedModelError(_advised(f"{where}: {error}", advice)) from error


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
            return _plain(str(record["version"]))
    return None


@dataclass(frozen=True)
class SavedModel:
    """A model folder, read and checked."""

    folder: Path
    where: str
    config: ModelConfig
    manifest: Mapping[str, Any]

    @classmethod
    def open(cls, folder: Path, *, where: str) -> SavedModel:
        """Read configuration and manifest; weights and tokenizer come when asked for.

        Args:
            folder: the model folder.
            where: how messages name it, for example ``novel:3``.

        Raises:
            ModelNotFoundError, DamagedModelError: see ``read_manifest`` and ``read_config``.
        """
        manifest = read_manifest(folder, where=where)
        refuse_larger(folder / CONFIG, MAX_JSON_BYTES, where=f"{where}/{CONFIG}")  # before it is hashed
        verify(folder, CONFIG, manifest, where=where)
        advice = upgrade("seqgen", __version__, manifest.get("versions", {}).get("seqgen"))
        return cls(folder, where, read_config(folder / CONFIG, where=f"{where}/{CONFIG}", advice=advice), manifest)

    @property
    def name(self) -> str:
        """What it is called in the registry; of a folder elsewhere, what it was published as."""
        if self.where == f"{self.folder.parent.name}:{self.folder.name}":
            return self.folder.parent.name
        return str(self.manifest.get("name", self.folder.name))

    def weights(self, backend: Backend) -> Weights:
        """The weights, as this backend states them for the model's shape, as read-only views of their file."""
        path = self.folder / WEIGHTS
        tensors, spec = len(read_header(path, where=f"{self.where}/{WEIGHTS}")), self.config.model
        # Before as many shapes are stated; other architectures may have all their layers in one tensor.
        if spec.architecture in GATES and spec.num_layers > tensors:
            msg = f"{self.where}/{CONFIG}: {shown(spec.num_layers)} layers, but {WEIGHTS} has {tensors} tensors."
            raise DamagedModelError(msg)
        if path.stat().st_size <= CHECKED_ON_LOAD_BYTES:
            verify(self.folder, WEIGHTS, self.manifest, where=self.where)
        return map_weights(path, backend.weight_shapes(spec), where=f"{self.where}/{WEIGHTS}")

    @property
    def has_ngrams(self) -> bool:
        """Whether the model is a mixture of its network and n-grams."""
        return NGRAMS in self.manifest["files"]

    def mixed(self, network: Model) -> Model:
        """The model that this network and what else is in the folder are: the network, or a mixture of it and n-grams."""
        if not self.has_ngrams:
            return network
        from seqgen.ngrams.mixture import Mixture

        where = f"{self.where}/{NGRAMS}"
        read_header(self.folder / NGRAMS, where=where, filled=True)  # before it is hashed
        verify(self.folder, NGRAMS, self.manifest, where=self.where)
        return Mixture.of(network, read_tensors(self.folder / NGRAMS, where=where), where=where)

    def tokenizer(self, catalog: Catalog) -> Tokenizer:
        """The tokenizer, by its registered name.

        Raises:
            MissingDependencyError: its plugin is not installed; says which distribution has it.
            DamagedModelError: see :func:`make_tokenizer`.
        """
        # Each token has a row in the weights, so that a long vocabulary comes with large weights.
        limit = min(MAX_TOKENIZER_BYTES, MAX_JSON_BYTES + (self.folder / WEIGHTS).stat().st_size)
        refuse_larger(self.folder / TOKENIZER, limit, where=f"{self.where}/{TOKENIZER}")  # before it is hashed
        verify(self.folder, TOKENIZER, self.manifest, where=self.where)
        state = read_json(self.folder / TOKENIZER, where=f"{self.where}/{TOKENIZER}", limit=limit)
        entry = find_recorded(catalog, "tokenizer", self.config, where=self.where)
        return make_tokenizer(entry, state, self.config, where=self.where)


def find_recorded(catalog: Catalog, kind: Any, config: ModelConfig, *, where: str) -> PartEntry:
    """The catalog's entry for a part that a model folder names.

    Raises:
        DamagedModelError: the folder names no such part.
        MissingDependencyError: the part's plugin is not installed; says which distribution the folder names, and
            advises a command only where that is a name and nothing else.
        PluginError: it is installed and fails, or a person turned plugins off.
    """
    record = config.parts.get(kind)
    if record is None:
        msg = f"{where}/{CONFIG}: names no {kind}."
        raise DamagedModelError(msg)

    def recorded() -> list[PartEntry]:
        named = (record.distribution, record.name)
        return [entry for entry in catalog.entries(kind) if (entry.plugin.distribution, entry.name) == named]

    found = recorded()
    if not found and catalog.wait():
        found = recorded()
    if found:
        return found[0]
    needs = f"Model {where} needs the {kind} {_quoted(record.name)} of {_plain(record.distribution)}"
    owners = [plugin for plugin in catalog.plugins if plugin.distribution == record.distribution]
    for plugin in owners:
        if plugin.problem or plugin.disabled:
            why = plugin.problem or f"{plugin.disabled} disables it"
            raise PluginError(f"{needs}, which cannot be used: {why}")
    if catalog.bundled_only and not owners:
        raise PluginError(f"{needs}, which cannot be used: --no-plugins or SEQGEN_NO_PLUGINS leaves out all plugins")
    needs += f" {_plain(record.version)}"
    if not _NAME.fullmatch(record.distribution):
        raise MissingDependencyError(f"{needs}, which is no name of a distribution, so that nothing can be installed.")
    if re.sub(r"[-_.]+", "-", record.distribution).lower() == "seqgen":  # whose name on PyPI is another project's
        raise MissingDependencyError(
            f"{needs}, which this seqgen ({__version__}) does not have.  A newer seqgen is needed."
        )
    raise MissingDependencyError(f"{needs}, which is not installed.  pip install {record.distribution}")


def make_recorded(catalog: Catalog, kind: Any, config: ModelConfig, *, where: str, **fixed: Any) -> Any:
    """A part that a model folder names, made with the options that it records.

    Args:
        catalog: has it.
        kind: of the part.
        config: of the folder.
        where: how messages name the folder.
        **fixed: what belongs to the part besides its options, such as the ``sources`` of a dataset.

    Raises:
        SeqgenError: as for :func:`find_recorded`, or it cannot be made with these options.
    """
    entry, record = find_recorded(catalog, kind, config, where=where), config.parts[kind]
    try:
        return catalog.make(kind, PartSpec(f"{record.distribution}/{record.name}", record.options), **fixed)
    except OptionError as error:
        if advice := _upgrade_of(entry, record):
            raise OptionError(_advised(f"{where}/{CONFIG}: {error}", advice)) from error
        raise


def with_recorded_options(catalog: Catalog, kind: Any, spec: PartSpec, config: ModelConfig) -> PartSpec:
    """A part as a person names it; where a model folder names the same part, with the options that the folder records.

    A model may depend on options that its weights do not tell, such as how many heads a transformer has.

    Args:
        catalog: has it.
        kind: of the part.
        spec: names it; its own options count, and not what is recorded of those.
        config: of the folder.

    Raises:
        UnknownPartError, AmbiguousPartError: there is no such part, or there are several.
    """
    entry, record = catalog.find(kind, spec.name), config.parts.get(kind)
    if record is None or (record.distribution, record.name) != (entry.plugin.distribution, entry.name):
        return spec
    return PartSpec(spec.name, {**record.options, **spec.values})


def make_tokenizer(entry: PartEntry, state: Mapping[str, Any], config: ModelConfig, *, where: str) -> Tokenizer:
    """A tokenizer as a folder has it.

    Args:
        entry: of the catalog, for the tokenizer that ``config`` records.
        state: what the folder's ``tokenizer.json`` says.
        config: of the folder.
        where: how messages name the folder.

    Raises:
        DamagedModelError: that is no state of it, or not that of the network beside it.
    """
    try:
        tokenizer: Tokenizer = entry.load().from_state(state)
    except DamagedModelError as error:
        message = _advised(f"{where}/{TOKENIZER}: {error}", _upgrade_of(entry, config.parts["tokenizer"]))
        raise DamagedModelError(message) from error
    check_vocabulary(tokenizer, config, where=where)
    return tokenizer


def check_vocabulary(tokenizer: Tokenizer, config: ModelConfig, *, where: str) -> None:
    """Hold the tokenizer of a folder against its network.

    Raises:
        DamagedModelError: they have other numbers of tokens.
    """
    if tokenizer.vocab_size != config.model.vocab_size:
        raise DamagedModelError(
            f"{where}/{TOKENIZER}: {tokenizer.vocab_size} tokens, but the model has {shown(config.model.vocab_size)}."
        )


def _upgrade_of(entry: PartEntry, record: PartRecord) -> str:
    return upgrade(entry.plugin.distribution, entry.plugin.version, record.version)


def _advised(message: str, advice: str) -> str:
    return f"{message.rstrip('.')}.  {advice}" if advice else message


_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,78}[A-Za-z0-9])?")
"""What packaging calls a name (PEP 508), of a length that a person would read."""


def _quoted(text: str) -> str:
    """What a stranger's file says, so that no sentence and no command can hide in it."""
    return json.dumps(shown(text))


def _plain(text: str) -> str:
    """A name or a version as it is; anything else quoted."""
    return text if re.fullmatch(r"[A-Za-z0-9._+!-]{1,80}", text) else _quoted(text)
