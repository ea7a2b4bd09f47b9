"""Small model folders, made without training."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from seqgen.checkpoint import SavedModel, write_weights
from seqgen.core.canonical import initial_weights
from seqgen.core.catalog import load_catalog
from seqgen.core.spec import ModelSpec
from seqgen.files import write_bytes, write_json
from seqgen.manifest import write_manifest
from seqgen.model_config import ModelConfig, PartRecord, config_to_json
from seqgen.registry import ModelVersion, Registry
from seqgen.tokenizers.char import CharTokenizer

CATALOG = load_catalog()


def write_model(folder: Path, *, name: str = "novel", seed: int = 0, hidden_size: int = 4) -> Path:
    """A whole model folder; another seed gives other weights of the same size."""
    folder.mkdir(parents=True)
    tokenizer = CharTokenizer().fit(["a cat sat on a mat"])
    spec = ModelSpec(vocab_size=tokenizer.vocab_size, embedding_size=3, hidden_size=hidden_size)
    write_weights(folder / "model.safetensors", initial_weights(spec, seed))
    parts = {"tokenizer": PartRecord("char", "seqgen", "0", {})}
    write_json(folder / "config.json", config_to_json(ModelConfig(spec, parts, {}, {}, has_ends=False)))
    write_json(folder / "tokenizer.json", tokenizer.state())
    write_bytes(folder / "README.md", b"# novel\n")
    results = {"bits_per_character": 2.0, "parameters": 9, "backend": "torch", "seconds": 1.0}
    write_manifest(folder, {"name": name, "created": "2026-01-01", "results": results, "corpus": {"characters": 9}})
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Version 1 of the model ``novel`` of a registry."""
    return write_model(tmp_path / "mine" / "novel" / "1")


@pytest.fixture
def saved(folder: Path) -> SavedModel:
    """The same, opened."""
    return ModelVersion("novel", 1, folder).open()


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    """An empty registry."""
    return Registry(tmp_path / "theirs")


def files_of(folder: Path) -> dict[str, bytes]:
    """The content of each file of a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def edit_manifest(folder: Path, **changes: object) -> None:
    """Change keys of a manifest."""
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.fixture
def s3_url(s3_bucket: str) -> str:
    """A folder of an empty bucket, on a server on this machine that speaks S3."""
    return f"{s3_bucket}/models"
