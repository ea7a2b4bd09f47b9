"""Models with random weights, in folders of their own: what the exports read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from seqgen.checkpoint import (
    CONFIG,
    TOKENIZER,
    WEIGHTS,
    ModelConfig,
    PartRecord,
    SavedModel,
    config_to_json,
    write_manifest,
    write_weights,
)
from seqgen.core.canonical import initial_weights
from seqgen.core.catalog import Catalog
from seqgen.core.options import option_values
from seqgen.core.spec import ModelSpec
from seqgen.core.tokenizer import Tokenizer
from seqgen.files import write_json
from seqgen.installed import installed_catalog
from seqgen.interop.source import Source


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    return installed_catalog()


def model_folder(folder: Path, tokenizer: Tokenizer, name: str, *, has_ends: bool = False, **shape: object) -> Path:
    """Write a model folder with fresh weights, and biases that are not zero."""
    spec = ModelSpec(vocab_size=tokenizer.vocab_size, **shape)
    generator = np.random.default_rng(1)
    weights = {  # recurrent ones no larger: the state of what amplifies differences is chaos, in which no two agree
        tensor: value * 0.9 if tensor.endswith("recurrent_weight") else value + generator.normal(0, 0.3, value.shape).astype(np.float32)
        for tensor, value in initial_weights(spec, random_seed=2).items()
    }
    parts = {
        "tokenizer": PartRecord(name, "seqgen", "0", option_values(tokenizer)),
        "dataset": PartRecord("text", "seqgen", "0"),
        "backend": PartRecord("numpy", "seqgen", "0"),
    }
    folder.mkdir(parents=True)
    write_weights(folder / WEIGHTS, weights)
    config = ModelConfig(spec, parts, {"batching": "stream", "seq_len": 16}, {}, has_ends)
    write_json(folder / CONFIG, config_to_json(config))
    write_json(folder / TOKENIZER, tokenizer.state())
    write_manifest(folder, {"name": "made", "created": "2026-01-02T03:04:05+00:00", "results": {}, "corpus": {}})
    return folder


@pytest.fixture
def make_source(tmp_path: Path, catalog: Catalog) -> Callable[..., Source]:
    """The source of a model with this tokenizer and shape."""

    def make(tokenizer: Tokenizer, name: str, **options: object) -> Source:
        folder = model_folder(tmp_path / f"model-{len(list(tmp_path.iterdir()))}", tokenizer, name, **options)
        return Source.of(SavedModel.open(folder, where="made:1"), catalog)

    return make
