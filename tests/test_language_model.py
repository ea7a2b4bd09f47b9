"""A model in use from Python."""

from __future__ import annotations

import pytest

import seqgen
from seqgen.checkpoint import ModelConfig, PartRecord, config_to_json, write_weights
from seqgen.core.canonical import initial_weights
from seqgen.core.spec import ModelSpec
from seqgen.files import write_json
from seqgen.manifest import write_manifest
from seqgen.tokenizers.char import CharTokenizer


@pytest.fixture
def model(tmp_path):
    """One that has learned nothing."""
    tokenizer = CharTokenizer().fit(["a cat sat on a mat"])
    spec = ModelSpec(vocab_size=tokenizer.vocab_size, embedding_size=3, hidden_size=4)
    config = ModelConfig(spec, {"tokenizer": PartRecord("char", "seqgen", "0")}, {}, {}, has_ends=False)
    write_weights(tmp_path / "model.safetensors", initial_weights(spec, 0))
    write_json(tmp_path / "config.json", config_to_json(config))
    write_json(tmp_path / "tokenizer.json", tokenizer.state())
    write_manifest(tmp_path, {})
    return seqgen.load(tmp_path)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_it_gives_as_many_texts_as_are_asked_for(model, count):
    texts = model.generate("a cat", num_samples=count, length=4, random_seed=1)
    assert [len(text) for text in texts] == [4] * count
    assert texts[:1] in ([], [model.generate("a cat", length=4, random_seed=1)])
