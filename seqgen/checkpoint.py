"""A trained model as a folder: weights, configuration, tokenizer.  ``docs/reference/checkpoint-format.md`` describes it.

Nothing in a folder is executed, and nothing is believed before it is checked: sizes against the file, names and shapes
against the specification, hashes against the manifest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from seqgen import __version__, files
from seqgen.core.canonical import GATES, check_weights
from seqgen.core.distributions import upgrade
from seqgen.core.errors import DamagedModelError
from seqgen.core.types import Weights
from seqgen.manifest import CONFIG, NGRAMS, TOKENIZER, WEIGHTS, read_manifest, verify
from seqgen.model_config import ModelConfig, advised, read_config
from seqgen.recorded_parts import find_recorded, make_tokenizer, version_advice
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
    from seqgen.core.catalog import Catalog
    from seqgen.core.part_entry import PartEntry
    from seqgen.core.tokenizer import Tokenizer
    from seqgen.registry.store import ModelVersion

CHECKED_ON_LOAD_BYTES = 64 * 2**20
"""Weights up to this are hashed whenever they are loaded (some 50 ms); larger ones by ``models verify``."""


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


@dataclass(frozen=True)
class SavedModel:
    """A model folder, read and checked.

    Attributes:
        folder: where it lies.
        where: how messages name it; nothing but they follows from it.
        config: what the model is and how it was made.
        manifest: what else is recorded of it.
        version: of the registry, which it was opened as; None for a folder that was named by its path.
    """

    folder: Path
    where: str
    config: ModelConfig
    manifest: Mapping[str, Any]
    version: ModelVersion | None = None

    @classmethod
    def open(cls, folder: Path, *, where: str, version: ModelVersion | None = None) -> SavedModel:
        """Read configuration and manifest; weights and tokenizer come when asked for.

        Args:
            folder: the model folder.
            where: how messages name it, for example ``novel:3``.
            version: given by :meth:`seqgen.registry.ModelVersion.open` alone.

        Raises:
            ModelNotFoundError, DamagedModelError: see ``read_manifest`` and ``read_config``.
        """
        manifest = read_manifest(folder, where=where)
        refuse_larger(folder / CONFIG, MAX_JSON_BYTES, where=f"{where}/{CONFIG}")  # before it is hashed
        verify(folder, CONFIG, manifest, where=where)
        advice = upgrade("seqgen", __version__, manifest.get("versions", {}).get("seqgen"))
        config = read_config(folder / CONFIG, where=f"{where}/{CONFIG}", advice=advice)
        return cls(folder, where, config, manifest, version)

    @property
    def name(self) -> str:
        """What it is called in the registry; of a folder that was named by its path, what it was published as."""
        if self.version is not None:
            return self.version.name
        return str(self.manifest.get("name", self.folder.name))

    def weights(self, backend: Backend, entry: PartEntry | None = None) -> Weights:
        """The weights, as this backend states them for the model's shape, as read-only views of their file.

        Args:
            backend: computes with them.
            entry: of the catalog, for that backend; then it is said where another version of it wrote other tensors.

        Raises:
            DamagedModelError: see :func:`map_weights`.
        """
        path = self.folder / WEIGHTS
        tensors, spec = len(read_header(path, where=f"{self.where}/{WEIGHTS}")), self.config.model
        # Before as many shapes are stated; other architectures may have all their layers in one tensor.
        if spec.architecture in GATES and spec.num_layers > tensors:
            msg = f"{self.where}/{CONFIG}: {shown(spec.num_layers)} layers, but {WEIGHTS} has {tensors} tensors."
            raise DamagedModelError(msg)
        if path.stat().st_size <= CHECKED_ON_LOAD_BYTES:
            verify(self.folder, WEIGHTS, self.manifest, where=self.where)
        try:
            return map_weights(path, backend.weight_shapes(spec), where=f"{self.where}/{WEIGHTS}")
        except DamagedModelError as error:
            advice = version_advice(entry, self.config.parts.get("backend")) if entry is not None else ""
            raise DamagedModelError(advised(str(error), advice)) from error

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
