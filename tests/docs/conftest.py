"""What the tests of the pages share."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from seqgen import checkpoint, files, manifest, model_config
from seqgen.core.canonical import initial_weights
from seqgen.core.spec import ModelSpec
from seqgen.registry import Registry
from seqgen.tokenizers.char import CharTokenizer

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="session")
def load_script() -> Callable[[str], ModuleType]:
    """A Python file of docs/ as a module, by its path there."""

    def load(path: str) -> ModuleType:
        file = ROOT / "docs" / path
        spec = importlib.util.spec_from_file_location(f"docs_{file.stem}", file)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture
def publish(seqgen_home: Path) -> Callable[..., Path]:
    """Publishes an untrained model in the registry, as the page about the format says; gives its folder."""

    def publish(name: str, *, text: str = "the ice lay still", random_seed: int = 0, **shape: object) -> Path:
        tokenizer = CharTokenizer().fit([text])
        spec = ModelSpec(vocab_size=tokenizer.vocab_size, **{"embedding_size": 8, "hidden_size": 8, **shape})
        parts = {
            kind: model_config.PartRecord(part, "seqgen", "0.1.0", {})
            for kind, part in {"tokenizer": "char", "dataset": "text", "backend": "torch"}.items()
        }
        registry = Registry(seqgen_home / "models")
        with registry.new_folder() as folder:
            checkpoint.write_weights(folder / manifest.WEIGHTS, initial_weights(spec, random_seed))
            config = model_config.ModelConfig(spec, parts, training={}, origins={}, has_ends=False)
            files.write_json(folder / manifest.CONFIG, model_config.config_to_json(config))
            files.write_json(folder / manifest.TOKENIZER, tokenizer.state())
            manifest.write_manifest(folder, {"name": name, "created": "2026-01-01T00:00:00+00:00"})
            return registry.publish(name, folder).folder

    return publish
