"""A foreign model as a model folder: weights in the canonical form, the tokenizer ``char``, and where it came from."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np

from seqgen import __version__, files
from seqgen.checkpoint import write_weights
from seqgen.core.errors import DamagedModelError, UsageError
from seqgen.core.options import options_of
from seqgen.core.spec import ModelSpec
from seqgen.core.types import Weights
from seqgen.interop import keras_weights, torch_weights
from seqgen.interop.stack import Stack, to_canonical
from seqgen.interop.vocabulary import Vocabulary, read_vocabulary
from seqgen.manifest import CARD, CONFIG, TOKENIZER, WEIGHTS, write_manifest
from seqgen.model_config import ModelConfig, PartRecord, config_to_json
from seqgen.origins import DEFAULT
from seqgen.training.naming import spelled
from seqgen.training.options import TrainingOptions

Reader: TypeAlias = Callable[..., Stack]

READERS: Mapping[str, tuple[str, Reader]] = MappingProxyType(
    {
        ".safetensors": ("the state dict of a torch.nn module", torch_weights.read_stack),
        ".h5": ("the weights of a Keras model", keras_weights.read_stack),
        ".hdf5": ("the weights of a Keras model", keras_weights.read_stack),  # as checkpoints are called in tutorials
        ".keras": ("a Keras model", keras_weights.read_stack),
    }
)
"""Suffix, in lower case, to what such a file is and what reads it."""

SEQ_LEN = 64
"""Time steps that a text is scored in at a time."""


def adopt(source: Path, folder: Path, vocabulary: Path | None, name: str | None = None) -> None:
    """Write a foreign model into an empty folder as a whole model folder.

    Args:
        source: a file of one of ``READERS``.
        folder: where to write.
        vocabulary: says which character each token is (:func:`seqgen.interop.vocabulary.read_vocabulary`).
        name: of the model; None: after the file.

    Raises:
        UsageError: no vocabulary is given, or it does not fit.
        ModelError: the file is of another network than has a canonical form.
        DamagedModelError: it is damaged, or not what its name says.
        MissingDependencyError: a package that reads it is not installed.
    """
    what, read = READERS[source.suffix.lower()]
    stack = read(source, where=source.name)
    if vocabulary is None:
        raise UsageError(
            f"{source.name} is {what}, which does not say what its {stack.vocab_size:,} tokens are.  Give them with --vocabulary FILE, "
            "a JSON list of characters or a text file of them, in the order of their ids"
        )
    known = read_vocabulary(vocabulary, stack.vocab_size)
    spec, weights = to_canonical(stack, known, where=source.name)
    for key, tensor in weights.items():
        if not np.isfinite(tensor).all():
            raise DamagedModelError(
                f'{source.name}: what becomes tensor "{key}" has values that are not finite numbers.'
            )
    _write(folder, spec, weights, stack, known, {"file": source.name, "form": what}, source, name or name_of(source))


def name_of(source: Path) -> str:
    """A model name after a file: ``my lstm.weights.h5`` gives ``my-lstm``."""
    return spelled(source.name.split(".", 1)[0]) or "imported"


def _write(
    folder: Path,
    spec: ModelSpec,
    weights: Weights,
    stack: Stack,
    known: Vocabulary,
    origin: dict[str, Any],
    source: Path,
    name: str,
) -> None:
    state = known.state()
    options = {key: state[key] for key in ("lowercase", "normalization", "min_count")}
    parts = {
        "tokenizer": PartRecord("char", "seqgen", __version__, options),
        "dataset": PartRecord("text", "seqgen", __version__),
        "backend": PartRecord(stack.framework, "seqgen", __version__),
    }
    shape = {option.name: getattr(spec, option.name) for option in options_of(ModelSpec) if option.name != "vocab_size"}
    training = replace(TrainingOptions(), backend=stack.framework, batching="stream", seq_len=SEQ_LEN, **shape)
    origins = {**dict.fromkeys(asdict(training), DEFAULT), **dict.fromkeys(shape, f"imported from {source.name}")}
    config = ModelConfig(spec, parts, asdict(training), origins, has_ends=False)
    lineage = {
        "name": name,
        "created": datetime.now(UTC).isoformat(timespec="microseconds"),
        "results": {
            "parameters": sum(tensor.size for tensor in weights.values()),
            "backend": stack.framework,
            "bits_per_character": None,
        },
        "corpus": {},
        "parent": None,
        "imported": {
            **origin,
            "bytes": source.stat().st_size,
            "sha256": files.sha256(source),
            "vocabulary": known.name,
        },
        "versions": {"seqgen": __version__, "python": platform.python_version()},
        "machine": {"system": platform.platform(), "processor": platform.machine()},
    }
    write_weights(folder / WEIGHTS, weights)
    files.write_json(folder / CONFIG, config_to_json(config))
    files.write_json(folder / TOKENIZER, state)
    files.write_bytes(folder / CARD, _card(lineage, spec).encode("utf-8", "backslashreplace"))
    write_manifest(folder, lineage)


def _card(lineage: Mapping[str, Any], spec: ModelSpec) -> str:
    """A model card that says what is known: where it came from."""
    imported = lineage["imported"]
    return f"""---
library_name: seqgen
pipeline_tag: text-generation
tags: [seqgen, {spec.architecture}, char]
---
# {lineage["name"]}

Architecture `{spec.architecture}`, {spec.num_layers} x {spec.hidden_size} units, over {spec.vocab_size:,} tokens of the tokenizer `char`.

It was not trained with seqgen: it is `{imported["file"]}`, {imported["form"]}, imported on {lineage["created"][:10]} by seqgen
{lineage["versions"]["seqgen"]}.  Its SHA-256 is `{imported["sha256"]}`.  What it was trained on is not known.

    seqgen generate --model {lineage["name"]}
"""
