"""A model folder is read only after every size, name and hash in it has been checked."""

from __future__ import annotations

import json
import math
import os
import struct
import tracemalloc
from types import SimpleNamespace

import numpy as np
import pytest

from seqgen import __version__
from seqgen.backends.numpy.backend import NumpyBackend
from seqgen.checkpoint import SavedModel, map_weights, read_weights, write_weights
from seqgen.core.canonical import canonical_shapes, initial_weights
from seqgen.core.catalog import load_catalog
from seqgen.core.errors import DamagedModelError, ModelNotFoundError, SeqgenError
from seqgen.core.part_entry import PartEntry
from seqgen.core.plugin import Plugin
from seqgen.core.spec import ModelSpec
from seqgen.files import write_json
from seqgen.manifest import CONFIG, WEIGHTS, write_manifest
from seqgen.model_config import ModelConfig, PartRecord, config_to_json
from seqgen.tokenizers.char import CharTokenizer

SPEC = ModelSpec(vocab_size=4, embedding_size=3, hidden_size=5)


@pytest.fixture
def folder(tmp_path):
    """A whole model folder: three characters and the end token."""
    tokenizer = CharTokenizer().fit(["abc"])
    write_weights(tmp_path / WEIGHTS, initial_weights(SPEC, 0))
    config = ModelConfig(
        model=SPEC,
        parts={"tokenizer": PartRecord("char", "seqgen", "0", {})},
        training={"epochs": 1.0},
        origins={"epochs": "default"},
        has_ends=False,
    )
    write_json(tmp_path / CONFIG, config_to_json(config))
    write_json(tmp_path / "tokenizer.json", tokenizer.state())
    write_manifest(tmp_path, {"created": "2026-01-01"})
    return tmp_path


def rewrite(folder, name, change):
    """Alter a file and list it in the manifest as if it had been written so."""
    path = folder / name
    path.write_bytes(change(path.read_bytes()))
    (folder / "manifest.json").unlink()
    write_manifest(folder, {})


def safetensors(header: object, data: bytes = b"") -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def test_what_was_written_is_read_back(folder):
    saved = SavedModel.open(folder, where="m:1")
    assert saved.config.model == SPEC
    assert saved.tokenizer(load_catalog()).vocab_size == 4
    expected = initial_weights(SPEC, 0)
    weights = saved.weights(NumpyBackend())
    assert list(weights) == sorted(expected)
    assert all(np.array_equal(weights[name], expected[name]) for name in expected)


def test_an_architecture_of_a_plugin_may_have_all_its_layers_in_one_tensor(folder):
    config = json.loads((folder / CONFIG).read_text())
    config["model"] |= {"architecture": "transformer", "num_layers": 12}
    write_json(folder / CONFIG, config)
    stacked = np.ones((12, 5, 5), np.float32)
    write_weights(folder / WEIGHTS, {"layers.weight": stacked})
    write_manifest(folder, {})
    backend = SimpleNamespace(weight_shapes=lambda spec: {"layers.weight": (spec.num_layers, 5, 5)})
    assert np.array_equal(SavedModel.open(folder, where="m:1").weights(backend)["layers.weight"], stacked)


def test_more_layers_than_tensors_are_refused_before_their_shapes_are_stated(folder):
    config = json.loads((folder / CONFIG).read_text())
    config["model"]["num_layers"] = 1000
    write_json(folder / CONFIG, config)
    write_manifest(folder, {})
    with pytest.raises(DamagedModelError, match="m:1/config.json: 1000 layers, but model.safetensors has 6 tensors"):
        SavedModel.open(folder, where="m:1").weights(NumpyBackend())


def test_the_canonical_table_of_an_lstm_is_frozen():
    assert canonical_shapes(SPEC) == {
        "embedding.weight": (4, 3),
        "layers.0.input_weight": (20, 3),
        "layers.0.recurrent_weight": (20, 5),
        "layers.0.bias": (20,),
        "output.weight": (4, 5),
        "output.bias": (4,),
    }


def test_a_folder_that_is_no_model_is_said_to_be_none(tmp_path):
    with pytest.raises(ModelNotFoundError, match="is not a model"):
        SavedModel.open(tmp_path, where="here")


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json", "manifest.json"])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(DamagedModelError, match=rf"m:1/{name}: the file is missing"):
        SavedModel.open(folder, where="m:1")


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json"])
def test_a_truncated_file_is_named_with_both_sizes(folder, name):
    path = folder / name
    path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(DamagedModelError, match=rf"m:1/{name}: [\d,]+ bytes, but \d+ were written"):
        SavedModel.open(folder, where="m:1")


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json"])
def test_one_flipped_bit_is_noticed(folder, name):
    path = folder / name
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)
    with pytest.raises(DamagedModelError, match=rf"m:1/{name}: its bytes are not those"):
        saved = SavedModel.open(folder, where="m:1")
        saved.weights(NumpyBackend())
        saved.tokenizer(load_catalog())


def test_a_manifest_cannot_name_files_outside_the_folder(folder):
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"]["../../etc/passwd"] = {"sha256": "0", "bytes": 1}
    write_json(folder / "manifest.json", manifest)
    with pytest.raises(DamagedModelError, match="is not a file of this folder"):
        SavedModel.open(folder, where="m:1")


def tensor(shape, begin, end, dtype="F32"):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00" * 7,
        struct.pack("<Q", 2**63) + b"{}",
        struct.pack("<Q", 10) + b"{}",
        struct.pack("<Q", 3) + b"[1]",
        struct.pack("<Q", 2) + b"{]",
        struct.pack("<Q", 200_000) + b"[" * 200_000,
        safetensors({"output.bias": tensor([10**12], 0, 4 * 10**12)}),
        safetensors({"output.bias": tensor([4], 0, 2**60)}, b"\x00" * 16),
        safetensors({"output.bias": tensor([4], 8, 4)}, b"\x00" * 16),
        safetensors({"output.bias": tensor([-4], 0, 16)}, b"\x00" * 16),
        safetensors({"output.bias": tensor([2**40, 2**40], 0, 16)}, b"\x00" * 16),
        safetensors({"output.bias": {"dtype": "F32", "shape": "4"}}, b"\x00" * 16),
        safetensors({"output.bias": 7}),
        safetensors({"output.bias": tensor([4], 0, 16, "I64")}, b"\x00" * 16),
        safetensors({"output.bias": tensor([4], 0, 16)}, b"\x00" * 16),
        safetensors({"rnn.kernel": tensor([4], 0, 16)}, b"\x00" * 16),
    ],
)
def test_weights_with_a_header_that_lies_are_refused_with_a_sentence(tmp_path, content):
    (tmp_path / WEIGHTS).write_bytes(content)
    with pytest.raises(DamagedModelError, match=r"^m:1: "):
        read_weights(tmp_path / WEIGHTS, canonical_shapes(SPEC), where="m:1")


def test_weights_that_are_not_finite_are_refused(tmp_path):
    weights = initial_weights(SPEC, 0)
    weights["output.bias"][1] = np.nan
    write_weights(tmp_path / WEIGHTS, weights)
    with pytest.raises(DamagedModelError, match='tensor "output.bias" holds values that are not finite'):
        read_weights(tmp_path / WEIGHTS, canonical_shapes(SPEC), where="m:1")


@pytest.mark.parametrize(
    ("distribution", "advice"),
    [
        (
            "seqgen-up",
            (
                "  It was written by seqgen-up 0.1.0, and this is seqgen-up 0.2.0, which may not read it.  "
                "pip install seqgen-up==0.1.0"
            ),
        ),
        ("seqgen-other", ""),  # which never wrote it
    ],
)
def test_other_tensors_than_a_version_of_the_backend_has_ask_for_the_version_that_wrote_them(
    folder, distribution, advice
):
    class Skipping(NumpyBackend):
        def weight_shapes(self, spec):
            return {**super().weight_shapes(spec), "layers.0.skip_bias": (5,)}

    def change(text):
        recorded = {**config_to_json(SavedModel.open(folder, where="m:1").config)}
        record = {"name": "skip", "distribution": "seqgen-up", "version": "0.1.0", "options": {}}
        return json.dumps(recorded | {"parts": {"backend": record}}).encode()

    rewrite(folder, CONFIG, change)
    plugin = Plugin("skip", "skip", distribution, "0.2.0", object)
    entry = PartEntry("backend", "skip", "skip:Skipping", "a toy", (), "", plugin)
    with pytest.raises(DamagedModelError) as error:
        SavedModel.open(folder, where="m:1").weights(Skipping(), entry)
    assert str(error.value) == f'm:1/model.safetensors: tensor "layers.0.skip_bias" is missing.{advice}'


def test_a_large_model_is_loaded_without_being_read(tmp_path):
    spec = ModelSpec(vocab_size=2**20, embedding_size=128, hidden_size=8)  # an embedding of 512 MB
    shapes = canonical_shapes(spec)
    header, end = {}, 0
    for name, shape in shapes.items():
        begin, end = end, end + 4 * math.prod(shape)
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    (tmp_path / WEIGHTS).write_bytes(struct.pack("<Q", len(text)) + text)
    os.truncate(tmp_path / WEIGHTS, 8 + len(text) + end)  # zeros that take no room on the disk
    tracemalloc.start()
    try:
        weights = map_weights(tmp_path / WEIGHTS, shapes, where="m:1")
        NumpyBackend().build(spec, weights=weights)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert list(weights) == list(shapes)
    assert not weights["embedding.weight"].flags.writeable
    assert peak < 2 * 2**20


@pytest.mark.parametrize(
    ("offsets", "sentence"),
    [
        ({"a": [0, 8], "b": [8, 16]}, None),
        ({"a": [8, 16], "b": [0, 8]}, None),
        ({"a": [0, 8], "b": [0, 8]}, 'tensor "b" is described wrongly'),
        ({"a": [0, 8], "b": [4, 12]}, 'tensor "b" is described wrongly'),
        ({"a": [4, 12], "b": [12, 20]}, 'tensor "a" is described wrongly'),
        ({"a": [0, 12], "b": [12, 20]}, 'tensor "a" is described wrongly'),
        ({"a": [0, 8]}, "8 bytes belong to no tensor"),
    ],
)
def test_tensors_fill_the_file_one_after_another(tmp_path, offsets, sentence):
    text = json.dumps(
        {n: {"dtype": "F32", "shape": [2], "data_offsets": place} for n, place in offsets.items()}
    ).encode()
    size = max([16, *(end for _, end in offsets.values())])
    (tmp_path / WEIGHTS).write_bytes(struct.pack("<Q", len(text)) + text + bytes(size))
    shapes = dict.fromkeys(offsets, (2,))
    if sentence is None:
        assert set(map_weights(tmp_path / WEIGHTS, shapes, where="m:1")) == set(offsets)
    else:
        with pytest.raises(DamagedModelError, match=f"^m:1: .*{sentence}"):
            map_weights(tmp_path / WEIGHTS, shapes, where="m:1")


@pytest.mark.parametrize("name", ["manifest.json", "config.json"])
@pytest.mark.parametrize(
    ("version", "advice"),
    [(99, "Upgrade seqgen."), *((other, "The model was altered or damaged.") for other in (None, "1", 0))],
)
def test_a_file_of_another_format_is_refused_in_one_sentence(folder, name, version, advice):
    write_json(folder / name, json.loads((folder / name).read_text()) | {"format_version": version})
    if name == CONFIG:
        write_manifest(folder, {})
    with pytest.raises(DamagedModelError) as error:
        SavedModel.open(folder, where="m:1")
    assert str(error.value) == f"m:1/{name}: format version {version} is not 1, the one this seqgen reads.  {advice}"


def test_a_configuration_with_more_in_it_that_a_later_seqgen_wrote_asks_for_that(folder):
    write_json(folder / CONFIG, json.loads((folder / CONFIG).read_text()) | {"surprise": 1})
    for versions, advice in (
        ({"seqgen": "999.0"}, f".  It was written by seqgen 999.0, and this is seqgen {__version__}.  Upgrade seqgen."),
        ({"seqgen": __version__}, ""),
        ({}, ""),
    ):
        write_manifest(folder, {"versions": versions})
        with pytest.raises(DamagedModelError) as error:
            SavedModel.open(folder, where="m:1")
        assert str(error.value) == f"m:1/config.json: unknown key surprise{advice}"


@pytest.mark.parametrize(
    ("version", "advice"),
    [
        ("999.0", f"  It was written by seqgen 999.0, and this is seqgen {__version__}.  Upgrade seqgen."),
        (__version__, ""),
    ],
)
def test_a_tokenizer_with_more_in_it_names_its_file_and_asks_for_a_later_version_that_wrote_it(folder, version, advice):
    config, state = (json.loads((folder / name).read_text()) for name in (CONFIG, "tokenizer.json"))
    config["parts"]["tokenizer"]["version"] = version
    write_json(folder / CONFIG, config)
    write_json(folder / "tokenizer.json", state | {"new_feature": True})
    write_manifest(folder, {})
    with pytest.raises(DamagedModelError) as error:
        SavedModel.open(folder, where="m:1").tokenizer(load_catalog())
    assert str(error.value) == (
        f"m:1/tokenizer.json: The state of tokenizer char has unknown values: new_feature.{advice}"
    )


def test_a_vocabulary_of_another_size_is_refused(folder):
    config = json.loads((folder / CONFIG).read_text())
    config["model"]["vocab_size"] = 10**12
    write_json(folder / CONFIG, config)
    write_manifest(folder, {})
    with pytest.raises(DamagedModelError, match=r"4 tokens, but the model has 1000000000000"):
        SavedModel.open(folder, where="m:1").tokenizer(load_catalog())


def test_every_refusal_is_a_seqgen_error(folder):
    (folder / CONFIG).write_bytes(b"\xff\xfe garbage")
    with pytest.raises(SeqgenError):
        SavedModel.open(folder, where="m:1")
