"""The ONNX file computes what seqgen computes, in a runtime that knows nothing of seqgen."""

from __future__ import annotations

import json
from itertools import product

import numpy as np
import pytest

from seqgen.backends.numpy.model import NumpyModel
from seqgen.core.errors import UsageError
from seqgen.interop import onnx as to_onnx
from seqgen.interop.exported_model import ExportedModel
from seqgen.tokenizers.byte import ByteTokenizer
from seqgen.tokenizers.char import CharTokenizer
from seqgen.tokenizers.word import WordTokenizer

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

CHARS = CharTokenizer().fit(["the ice was thick, and it sang."])
SHAPES = [
    {"architecture": architecture, "input_encoding": encoding, "num_layers": layers, "tie_embeddings": tied}
    for architecture, encoding, layers, tied in product(
        ("lstm", "gru", "rnn"), ("embedding", "one-hot", "scalar"), (1, 3), (False, True)
    )
    if encoding == "embedding" or not tied
]


@pytest.fixture
def exported(make_model, catalog, tmp_path):
    """Exports a model; gives what the runtime made of the file, and the model itself."""

    def export(tokenizer, name, **options):
        saved = make_model(tokenizer, name, **options)
        to_onnx.export_onnx(saved, tmp_path / "model.onnx", catalog)
        source = ExportedModel.of(saved, catalog)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(tmp_path / "model.onnx", options, providers=["CPUExecutionProvider"])
        return session, NumpyModel(source.spec, source.weights)

    return export


def run(session, ids, state):
    """The logits (B, T, V) after each of the ids (B, T), and the state after them."""
    names = [output.name for output in session.get_outputs()]
    values = session.run(names, {"token_ids": ids, **{f"state.{name}": value for name, value in state.items()}})
    after = {name.removeprefix("next_state."): value for name, value in zip(names[1:], values[1:], strict=True)}
    return values[0], after


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: "-".join(map(str, shape.values())))
def test_logits_are_ours_over_200_steps(exported, shape):
    width = 24 if shape["tie_embeddings"] else 12
    session, model = exported(CHARS, "char", hidden_size=24, embedding_size=width, **shape)
    ids = np.random.default_rng(3).integers(0, CHARS.vocab_size, (2, 200))
    ours, theirs = model.initial_state(2), model.initial_state(2)
    largest = 0.0
    for step in range(200):
        expected, ours = model.next_logits(ids[:, step], ours)
        logits, theirs = run(session, ids[:, step : step + 1], theirs)
        largest = max(largest, float(np.abs(logits[:, 0] - expected).max()))
    assert largest < 1e-4
    assert ours.keys() == theirs.keys()
    for name, value in ours.items():
        np.testing.assert_allclose(theirs[name], value, atol=1e-4)


def test_many_steps_at_once_are_the_same_as_one_after_another(exported):
    session, model = exported(CHARS, "char", hidden_size=24, num_layers=2)
    ids = np.random.default_rng(4).integers(0, CHARS.vocab_size, (3, 20))
    at_once, after = run(session, ids, model.initial_state(3))
    assert at_once.shape == (3, 20, CHARS.vocab_size)
    state = model.initial_state(3)
    for step in range(20):
        logits, state = run(session, ids[:, step : step + 1], state)
        np.testing.assert_allclose(at_once[:, step : step + 1], logits, atol=1e-5)
    np.testing.assert_allclose(after["layers.1.cell"], state["layers.1.cell"], atol=1e-5)


def test_the_file_says_what_each_id_stands_for_and_how_a_text_ends(exported):
    session, _ = exported(CHARS, "char", hidden_size=8, has_ends=True)
    about = session.get_modelmeta().custom_metadata_map
    assert json.loads(about["vocabulary"]) == [*CHARS.symbols, ""]
    assert (json.loads(about["has_ends"]), json.loads(about["end_id"])) == (True, CHARS.end_id)
    assert json.loads(about["tokenizer"]) == {"name": "char", "distribution": "seqgen", "state": CHARS.state()}
    assert about["name"] == "made:1"
    assert about["created"] == "2026-01-02T03:04:05+00:00"


@pytest.mark.parametrize(("order", "left_out"), [(0, None), (3, "n-grams that the network was mixed with")])
def test_the_file_says_that_it_is_the_network_alone_where_the_model_is_more(exported, order, left_out):
    session, _ = exported(CHARS, "char", hidden_size=8, ngram_order=order)
    assert session.get_modelmeta().custom_metadata_map.get("left_out") == left_out


def test_a_byte_that_is_no_character_is_written_as_a_number(exported):
    session, _ = exported(ByteTokenizer(), "byte", hidden_size=8)
    vocabulary = json.loads(session.get_modelmeta().custom_metadata_map["vocabulary"])
    assert (len(vocabulary), vocabulary[65], vocabulary[200], vocabulary[256]) == (257, "A", [200], "")


def test_words_are_in_the_vocabulary(exported):
    tokenizer = WordTokenizer(min_count=1).fit(["ice and ice"])
    session, _ = exported(tokenizer, "word", hidden_size=8)
    vocabulary = json.loads(session.get_modelmeta().custom_metadata_map["vocabulary"])
    assert vocabulary[-3:] == ["ice", "and", ""]


def test_exporting_twice_writes_the_same_bytes(make_model, catalog, tmp_path):
    saved = make_model(CHARS, "char", hidden_size=8)
    for name in ("one.onnx", "two.onnx"):
        to_onnx.export_onnx(saved, tmp_path / name, catalog)
    assert (tmp_path / "one.onnx").read_bytes() == (tmp_path / "two.onnx").read_bytes()


def test_weights_larger_than_the_form_can_hold_are_refused_with_their_size(make_model, catalog, tmp_path, monkeypatch):
    monkeypatch.setattr(to_onnx, "LARGEST", 1000)
    with pytest.raises(UsageError, match=r"made:1 has [\d,]+ bytes of weights, but an ONNX file holds at most 1,000\."):
        to_onnx.export_onnx(make_model(CHARS, "char", hidden_size=8), tmp_path / "model.onnx", catalog)
    assert not (tmp_path / "model.onnx").exists()
