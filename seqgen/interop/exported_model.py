"""What every export begins with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy.typing as npt

from seqgen import __version__
from seqgen.checkpoint import SavedModel
from seqgen.core.catalog import Catalog
from seqgen.core.errors import UsageError
from seqgen.core.spec import ModelSpec
from seqgen.core.tokenizer import Tokenizer
from seqgen.core.types import Weights
from seqgen.ngrams.mixture import Mixture

CANONICAL = "seqgen/numpy"
"""A backend that knows the canonical form and no other."""


@dataclass(frozen=True)
class ExportedModel:
    """A trained model as an export sees it.

    Attributes:
        name: how people name it, such as ``novel:3``.
        spec: the shape of the network.
        weights: in the canonical form.
        tokenizer: as it was fitted.
        tokenizer_name, tokenizer_distribution: how the catalog knows it.
        has_ends: whether the end token was learned.
        about: what is known of where the model came from, in words.
        ngrams: the tensors of ``ngrams.safetensors``, where the network is mixed with n-grams.
    """

    name: str
    spec: ModelSpec
    weights: Weights
    tokenizer: Tokenizer
    tokenizer_name: str
    tokenizer_distribution: str
    has_ends: bool
    about: dict[str, str]
    ngrams: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)

    @classmethod
    def of(cls, saved: SavedModel, catalog: Catalog) -> ExportedModel:
        """Read a model folder.

        Raises:
            UsageError: the model's architecture has no canonical form, so that only its own backend can run it.
            DamagedModelError, MissingDependencyError: see :class:`seqgen.checkpoint.SavedModel`.
        """
        backend = catalog.make("backend", CANONICAL)
        spec = saved.config.model
        if spec.architecture not in backend.architectures():
            raise UsageError(
                f'{saved.where} has the architecture "{spec.architecture}", which only its own backend can run.  Other '
                f"forms are written for {', '.join(backend.architectures())}; its folder goes anywhere: --format safetensors"
            )
        weights = saved.weights(backend)
        model = saved.mixed(backend.build(spec, weights=weights))
        tokenizer = saved.tokenizer(catalog)
        record = saved.config.parts["tokenizer"]
        return cls(
            # Never a path, which says where somebody keeps things.
            name=str(saved.version or saved.manifest.get("name", "model")),
            spec=spec,
            weights=weights,
            tokenizer=tokenizer,
            tokenizer_name=record.name,
            tokenizer_distribution=record.distribution,
            has_ends=saved.config.has_ends,
            about={
                "exported_by": f"seqgen {__version__}",
                "created": str(saved.manifest.get("created", "")),
                "corpus_fingerprint": str(saved.manifest.get("corpus", {}).get("fingerprint", "")),
            },
            ngrams=model.tensors() if isinstance(model, Mixture) else {},
        )

    def state(self) -> dict[str, Any]:
        """The tokenizer as one JSON-able value: what ``tokenizer.json`` says, and whose it is."""
        return {
            "name": self.tokenizer_name,
            "distribution": self.tokenizer_distribution,
            "state": self.tokenizer.state(),
        }
