"""A model in use from Python."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor

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
    parts = {kind: PartRecord(name, "seqgen", "0") for kind, name in (("tokenizer", "char"), ("dataset", "text"))}
    config = ModelConfig(spec, parts, {"batching": "stream", "seq_len": 8}, {}, has_ends=False)
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


def test_texts_that_threads_score_at_once_score_as_they_do_alone(model, tmp_path, seqgen_home):
    files = [tmp_path / f"{number}.txt" for number in range(4)]
    for number, file in enumerate(files):
        file.write_text(f"{'a cat sat on a mat'[number:]} " * 60)
    alone = [model.score(file).nats for file in files]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(4) as pool:
            assert [score.nats for score in pool.map(model.score, files * 3)] == alone * 3
    finally:
        sys.setswitchinterval(before)
