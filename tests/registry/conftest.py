"""A registry of small models: whole folders, as their manifests say, whose tensors nobody needs."""

from __future__ import annotations

from pathlib import Path

import pytest

from seqgen import files, manifest
from seqgen.registry import Registry


def write_model(folder: Path, *, content: str = "weights", bits: float | None = 2.0, **lineage: object) -> None:
    """Write the files of a model folder."""
    (folder / manifest.WEIGHTS).write_text(content)
    parts = {"tokenizer": {"name": "char", "distribution": "seqgen", "version": "0.1.0", "options": {}}}
    files.write_json(folder / manifest.CONFIG, {"model": {"hidden_size": 8, "num_layers": 2}, "parts": parts})
    files.write_json(folder / manifest.TOKENIZER, {})
    results = {"bits_per_character": bits, "validation_loss": bits, "parameters": 1200, "backend": "torch"}
    corpus = {"sources": ["/texts/sea.txt"], "fingerprint": "f" * 64, "characters": 500}
    manifest.write_manifest(
        folder,
        {"name": "novel", "created": "2026-01-01T00:00:00+00:00", "results": results, "corpus": corpus, **lineage},
    )


def publish_one(registry: Registry, name: str = "novel", *, made_now: bool = False, **facts: object):
    """Publish a model of that name."""
    with registry.new_folder() as folder:
        write_model(folder, **facts)
        return registry.publish(name, folder, made_now=made_now)


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    """An empty one."""
    return Registry(tmp_path / "models")


@pytest.fixture
def publish(registry: Registry):
    """Publishes a model: ``publish("novel", bits=2.1)``."""
    return lambda name="novel", **facts: publish_one(registry, name, **facts)


@pytest.fixture
def fill():
    """Writes the files of a model into a folder: ``fill(folder, bits=2.1)``."""
    return write_model
