"""Whatever is in a model folder, reading it ends with a sentence or a model: soon, in little memory, and nothing is run."""

from __future__ import annotations

import json
import os
import struct
from random import Random

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seqgen.backends.numpy.backend import NumpyBackend
from seqgen.checkpoint import SavedModel, read_weights, write_weights
from seqgen.core.canonical import canonical_shapes, initial_weights
from seqgen.core.catalog import load_catalog
from seqgen.core.errors import DamagedModelError
from seqgen.core.spec import ModelSpec
from seqgen.files import write_json
from seqgen.manifest import write_manifest
from seqgen.model_config import ModelConfig, PartRecord, config_to_json
from seqgen.ngrams.counting import count_ngrams
from seqgen.ngrams.mixture import WEIGHTS as MIXING
from seqgen.ngrams.mixture import weights_shape
from seqgen.registry import Registry
from seqgen.tokenizers.bpe import BpeTokenizer
from seqgen.tokenizers.byte import ByteTokenizer
from seqgen.tokenizers.char import CharTokenizer
from seqgen.tokenizers.word import WordTokenizer
from tests.conftest import sealed

from .conftest import NASTY, mutations

TEXT = "a cat sat on a mat, and the cat ate a rat and that was that\n" * 3
TOKENIZERS = {
    "char": CharTokenizer().fit([TEXT]),
    "byte": ByteTokenizer(),
    "word": WordTokenizer().fit([TEXT]),
    "bpe": BpeTokenizer(vocab_size=270).fit([TEXT]),
}
FILES = ("model.safetensors", "ngrams.safetensors", "config.json", "tokenizer.json", "manifest.json")
CATALOG = load_catalog()


@pytest.fixture
def make_model(tmp_path):
    """The folder of a whole model with a tokenizer of this name."""

    def make(name="char"):
        folder = tmp_path / "models" / name / "1"
        folder.mkdir(parents=True)
        tokenizer = TOKENIZERS[name]
        spec = ModelSpec(vocab_size=tokenizer.vocab_size, embedding_size=3, hidden_size=4, architecture="gru")
        write_weights(folder / "model.safetensors", initial_weights(spec, 0))
        parts = {"tokenizer": PartRecord(name, "seqgen", "0", {})}
        config = ModelConfig(spec, parts, training={"epochs": 1.0}, origins={"epochs": "default"}, has_ends=False)
        ngrams = count_ngrams(np.arange(40) % tokenizer.vocab_size, tokenizer.vocab_size, 3)
        mixing = np.full(weights_shape(3), 0.5, np.float32)
        write_weights(folder / "ngrams.safetensors", {**ngrams.tensors(), MIXING: mixing})
        write_json(folder / "config.json", config_to_json(config))
        write_json(folder / "tokenizer.json", tokenizer.state())
        results = {"bits_per_character": 2.0, "parameters": 9, "backend": "torch", "seconds": 1.0}
        write_manifest(
            folder, {"created": "2026-01-01", "results": results, "corpus": {"sources": ["a"], "characters": 9}}
        )
        return folder

    return make


def use(folder):
    """All that seqgen reads of a folder before it writes the first token, and that token."""
    registry = Registry(folder.parent.parent)
    registry.latest()
    registry.find(f"{folder.parent.name}@best")
    saved = SavedModel.open(folder, where="m:1")
    tokenizer = saved.tokenizer(CATALOG)
    weights = saved.weights(NumpyBackend())
    model = saved.mixed(NumpyBackend().build(saved.config.model, weights=weights))
    logits, _ = model.next_logits(np.zeros(1, np.int64), model.initial_state(1))
    return tokenizer.decode(logits.argmax(axis=-1))


def tamper(folder, name, random):
    """Change one file, and mostly the manifest with it."""
    path = folder / name
    content = path.read_bytes()
    path.write_bytes(random.choice(mutations(name))(content, random))
    if name != "manifest.json" and random.random() < 0.9:
        sealed(folder)


def run_cases(folder, watch, count, start=0):
    whole = {name: (folder / name).read_bytes() for name in FILES}
    for seed in range(start, start + count):
        random = Random(seed)
        name = random.choice(FILES)
        tamper(folder, name, random)
        try:
            with watch(memory=seed % 50 == 0):
                use(folder)
        except Exception as error:
            error.add_note(f"case {seed}, {name}: {(folder / name).read_bytes()[:300]!r}")
            raise
        for each in FILES:
            (folder / each).write_bytes(whole[each])


@pytest.mark.parametrize("name", TOKENIZERS)
def test_a_whole_model_is_used_within_the_same_bounds(make_model, watch, name):
    folder = make_model(name)
    with watch(memory=True):
        assert isinstance(use(folder), str)
    assert watch.refused == 0


@pytest.mark.parametrize("name", TOKENIZERS)
def test_a_tampered_model_is_refused_or_used(make_model, watch, name):
    run_cases(make_model(name), watch, 60)


@pytest.mark.slow
@pytest.mark.parametrize("name", TOKENIZERS)
def test_thousands_of_tampered_models_are_refused_or_used(make_model, watch, name):
    run_cases(make_model(name), watch, 4000, start=1000)
    assert watch.refused > 3000


@pytest.mark.parametrize("name", FILES)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=400))
def test_bytes_of_any_kind_are_refused_or_used(make_model, watch, name, content):
    folder = watch.root / "models" / "char" / "1"
    whole = {each: (folder / each).read_bytes() for each in FILES} if folder.exists() else None
    folder = folder if whole else make_model()
    original = (folder / name).read_bytes()
    (folder / name).write_bytes(content)
    if name != "manifest.json":
        sealed(folder)
    with watch():
        use(folder)
    (folder / name).write_bytes(original)
    sealed(folder)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("number", range(len(NASTY)))
def test_another_file_in_its_place_is_refused(make_model, watch, name, number):
    folder = make_model()
    (folder / name).write_bytes(NASTY[number])
    if name != "manifest.json":
        sealed(folder)
    with watch(memory=True):
        use(folder)
    assert watch.refused == 1


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("target", ["outside", "/dev/zero", "/dev/stdin", "pipe", "itself"])
def test_what_is_no_file_of_the_folder_is_not_read(make_model, watch, tmp_path, name, target):
    folder = make_model()
    path = folder / name
    (tmp_path / "outside").write_bytes(path.read_bytes())
    path.unlink()
    match target:
        case "outside":
            path.symlink_to(tmp_path / "outside")
        case "pipe":
            os.mkfifo(path)
        case "itself":
            path.symlink_to(path)
        case _:
            path.symlink_to(target)
    with watch(memory=True):
        use(folder)
    assert watch.refused == 1


@pytest.mark.parametrize(
    ("key", "value"),
    [("vocab_size", 10**12), ("num_layers", 10**12), ("hidden_size", 10**12), ("embedding_size", 10**400)],
    ids=["vocab_size", "num_layers", "hidden_size", "embedding_size"],
)
def test_a_size_that_no_machine_has_room_for_is_refused_unallocated(make_model, watch, key, value):
    folder = make_model()
    config = json.loads((folder / "config.json").read_text())
    config["model"][key] = value
    (folder / "config.json").write_text(json.dumps(config))
    sealed(folder)
    with watch(memory=True):
        use(folder)
    assert watch.refused == 1
    assert watch.megabytes < 5


def sparse(path, content, size):
    """A file of this size that takes no room on the disk."""
    path.write_bytes(content)
    os.truncate(path, size)


def test_weights_of_another_shape_are_refused_before_they_are_read(tmp_path, watch):
    count = 10**9
    header = {"output.bias": {"dtype": "F32", "shape": [count], "data_offsets": [0, 4 * count]}}
    text = json.dumps(header).encode()
    sparse(tmp_path / "w", struct.pack("<Q", len(text)) + text, 8 + len(text) + 4 * count)
    with watch(memory=True), pytest.raises(DamagedModelError, match="has shape"):
        read_weights(tmp_path / "w", canonical_shapes(ModelSpec(vocab_size=4)), where="m:1")
    assert watch.megabytes < 5


def test_a_header_of_gigabytes_is_refused_unread(tmp_path, watch):
    sparse(tmp_path / "w", struct.pack("<Q", 2**32), 2**32 + 8)
    with watch(memory=True), pytest.raises(DamagedModelError, match="a header of 4,294,967,296 bytes"):
        read_weights(tmp_path / "w", {}, where="m:1")
    assert watch.megabytes < 5


def test_words_of_many_symbols_are_held_against_them_in_one_pass(watch):
    symbols = "".join(map(chr, range(0x4E00, 0x9E00)))
    state = {
        "lowercase": False,
        "min_count": 1,
        "vocab_size": len(symbols) + 20_001,
        "symbols": symbols,
        "words": [symbols[n] + symbols[n + 1] for n in range(20_000)],
    }
    with watch():
        assert WordTokenizer.from_state(state).vocab_size == len(symbols) + 20_001
