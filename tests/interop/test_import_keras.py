"""Files that Keras wrote become models that give the same logits; nothing in them reaches beyond the file."""

from __future__ import annotations

import json
import os
import re
import resource
import struct
import time
import warnings
import zipfile

import numpy as np
import pytest

from seqgen.core.errors import DamagedModelError, ModelError, SeqgenWarning
from seqgen.interop.keras_weights import read_stack

h5py = pytest.importorskip("h5py")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
keras = pytest.importorskip("keras")

SYMBOLS = [*"the quickbrownfxjmpsvlazydg\n"]
V = len(SYMBOLS)
CELLS = {"lstm": keras.layers.LSTM, "gru": keras.layers.GRU, "rnn": keras.layers.SimpleRNN}


def stack(architecture="lstm", *, encoding="embedding", width=9, layers=1, bias=True, softmax=True, **options):
    """What tutorials build: Embedding, recurrent layers, Dropout, Dense."""
    keras.utils.set_random_seed(5)
    entering = {"embedding": None, "one-hot": V, "scalar": 1}[encoding]
    parts = [keras.layers.Input((None,) if entering is None else (None, entering))]
    parts += [keras.layers.Embedding(V, width)] if entering is None else []
    for _ in range(layers):
        parts += [CELLS[architecture](12, return_sequences=True, use_bias=bias, **options), keras.layers.Dropout(0.2)]
    model = keras.Sequential([*parts, keras.layers.Dense(V, activation="softmax" if softmax else None, use_bias=bias)])
    generator = np.random.default_rng(6)
    model.set_weights([value + generator.normal(0, 0.2, value.shape) for value in model.get_weights()])
    return model


def rows():
    return np.random.default_rng(0).integers(0, V, (2, 20))


def logits(model):
    """What the model gives before its softmax."""
    inputs = rows()
    if model.layers[0].__class__.__name__ != "Embedding":
        inputs = np.eye(V, dtype=np.float32)[inputs] if model.input_shape[-1] == V else (inputs / V)[..., None]
    model.layers[-1].activation = keras.activations.linear
    return np.asarray(keras.Sequential(model.layers)(inputs, training=False))


def assert_same(adopted, model, vocabulary=SYMBOLS):
    np.testing.assert_allclose(adopted.logits(rows(), vocabulary), logits(model), atol=1e-5)


FORMS = ("net.weights.h5", "net.keras")
WHOLE = ("net.h5", "net.keras")


def save(model, path):
    model.save_weights(path) if path.name.endswith(".weights.h5") else model.save(path)


@pytest.mark.parametrize("bias", [True, pytest.param(False, marks=pytest.mark.slow)])
@pytest.mark.parametrize("architecture", CELLS)
def test_logits_are_those_of_keras(adopted, tmp_path, architecture, bias):
    model = stack(architecture, layers=2, bias=bias)
    for form in FORMS:
        save(model, tmp_path / form)
    expected = logits(model)
    for form in FORMS:
        read = adopted(tmp_path / form)
        assert (read.source.spec.architecture, read.source.spec.num_layers) == (architecture, 2)
        np.testing.assert_allclose(read.logits(rows(), SYMBOLS), expected, atol=1e-5)


@pytest.mark.parametrize("encoding", ["one-hot", pytest.param("scalar", marks=pytest.mark.slow)])
def test_tokens_that_enter_one_hot_or_as_a_number(adopted, tmp_path, encoding):
    model = stack("lstm", encoding=encoding)
    save(model, tmp_path / "net.keras")
    read = adopted(tmp_path / "net.keras", sorted(SYMBOLS))
    assert read.source.spec.input_encoding == encoding
    assert_same(read, model, sorted(SYMBOLS))


def test_the_state_of_the_optimiser_is_passed_over(adopted, tmp_path):
    model = stack("gru", softmax=False)
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    save(model, tmp_path / "net.keras")
    assert_same(adopted(tmp_path / "net.keras"), model)


def test_a_functional_model(adopted, tmp_path):
    model = stack("gru")
    inputs = keras.Input((None,))
    outputs = inputs
    for layer in model.layers:
        outputs = layer(outputs)
    functional = keras.Model(inputs, outputs)
    save(functional, tmp_path / "net.keras")
    assert_same(adopted(tmp_path / "net.keras"), model)


@pytest.mark.parametrize("cells", [("lstm_cell", "lstm_cell_1"), ("lstm_cell_2", "lstm_cell_3")])
def test_the_older_layout_with_layers_by_name(adopted, tmp_path, cells):
    """As tf.keras of TensorFlow 2 wrote it, where a model that was loaded keeps its layers' names and gets new cells."""
    model = stack("lstm", layers=2, width=12)
    first, second = (f"{name}/{name}/{cell}" for name, cell in zip(("lstm", "lstm_1"), cells, strict=True))
    folders = ("embedding/embedding", first, "dropout", second, "dropout_1", "dense/dense")
    with h5py.File(tmp_path / "net.weights.h5", "w") as file:
        for folder, layer in zip(folders, model.layers, strict=True):
            for weight in layer.weights:
                file[f"{folder}/{weight.name}:0"] = np.asarray(weight)
        file.attrs["layer_names"] = [folder.partition("/")[0] for folder in folders]
    assert_same(adopted(tmp_path / "net.weights.h5"), model)


def test_a_checkpoint_of_a_whole_model_as_older_tutorials_keep_it(adopted, tmp_path):
    model = stack("lstm", encoding="scalar")
    with h5py.File(tmp_path / "weights-01-2.9.hdf5", "w") as file:  # as Keras 2 wrote it, without a folder for the cell
        for layer in model.layers:
            for weight in layer.weights:
                file[f"model_weights/{layer.name}_1/{layer.name}_1/{weight.name}:0"] = np.asarray(weight)
        file["optimizer_weights/Adam/iterations:0"] = 3
        file.create_group("model_weights/dropout_1")
    assert_same(adopted(tmp_path / "weights-01-2.9.hdf5", sorted(SYMBOLS)), model, sorted(SYMBOLS))


@pytest.mark.parametrize("functional", [False, True])
def test_a_whole_model_in_hdf5(adopted, tmp_path, functional):
    model = whole = stack("gru", layers=2)
    if functional:
        inputs = outputs = keras.Input((None,))
        for layer in model.layers:
            outputs = layer(outputs)
        whole = keras.Model(inputs, outputs)
    whole.compile("adam", "mse")
    whole.save(tmp_path / "net.h5")
    assert_same(adopted(tmp_path / "net.h5"), model)


@pytest.fixture
def said(weights):
    """Writes what a model says of itself into the file of weights, as Keras does it: as JSON in bytes."""

    def say(value, **more):
        with h5py.File(weights, "r+") as file:
            for name, text in {"keras_version": "2.2.4", **more, "model_config": value}.items():
                file.attrs[name] = (text if isinstance(text, str) else json.dumps(text)).encode()
        return weights

    return say


def layers_of(**options):
    """What Keras says of a model, with these options of its LSTM."""
    named = {"Embedding": {"input_dim": V}, "LSTM": {"units": 12, **options}, "Dense": {"activation": "softmax"}}
    return [{"class_name": kind, "config": {"name": kind.lower(), **config}} for kind, config in named.items()]


@pytest.mark.parametrize("early", [False, True], ids=["", "a list"])
@pytest.mark.parametrize("order", [("class_name", "config"), ("config", "class_name")], ids=str)
def test_a_whole_model_of_an_older_keras_is_refused_by_name_too(adopted, said, early, order):
    layers = layers_of(recurrent_activation="hard_sigmoid")
    value = {"class_name": "Sequential", "config": layers if early else {"name": "s", "layers": layers}}
    optimizer = {"class_name": "Adam", "config": {"name": "}{"}}
    path = said({key: value[key] for key in order}, training_config={"optimizer_config": optimizer})
    assert refused(adopted, path) == (
        'net.weights.h5: layer "lstm" (LSTM) has recurrent_activation=hard_sigmoid, but must have sigmoid.'
    )


@pytest.mark.parametrize(
    "value",
    [
        "",
        "{",
        '{"class_name": "Sequential", "config": {"name": "s"',
        {"class_name": "Sequential"},
        {"class_name": "Sequential", "config": {}},
        {"class_name": "Sequential", "config": "layers"},
        '{"class_name": ' * 100_000,
        '{"class_name": ' + "[" * 100_000 + "]" * 100_000 + "}",
    ],
    ids=lambda value: str(value)[:50],
)
def test_a_whole_model_that_does_not_say_what_it_is_is_refused(adopted, said, value):
    assert "net.weights.h5: model_config is not what Keras writes there" in refused(adopted, said(value))


@pytest.mark.parametrize(
    ("layers", "sentence"),
    [
        ([{"class_name": "CuDNNLSTM", "config": {"name": "fast"}}], 'layer "fast" is CuDNNLSTM, but must be one of '),
        (3, "model_config: it is no list of layers, as Sequential and Functional models have."),
    ],
    ids=["CuDNNLSTM", "no list"],
)
def test_a_whole_model_of_other_layers_is_refused_by_name(adopted, said, layers, sentence):
    path = said({"class_name": "Model", "config": {"layers": layers}})
    assert refused(adopted, path).startswith(f"net.weights.h5: {sentence}")


@pytest.mark.parametrize(("version", "told"), [("2.2.4", True), ("2.0.9", True), ("2.3.1", False), ("2.2.4-tf", False)])
def test_of_weights_alone_that_an_early_keras_wrote_it_is_told_what_their_gates_are_taken_for(
    adopted, weights, version, told
):
    with h5py.File(weights, "r+") as file:
        file.attrs["keras_version"], file.attrs["backend"] = version.encode(), b"tensorflow"
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        adopted(weights)
    sentences = [str(each.message) for each in caught if issubclass(each.category, SeqgenWarning)]
    assert len(sentences) == told
    assert all(f"which Keras {version} wrote.  Up to Keras 2.2 the recurrent_activation" in each for each in sentences)


def test_a_text_that_claims_far_more_than_the_file_has_takes_no_memory(weights, said):
    """HDF5 would clear four gigabytes for it before it looks whether they are there."""
    path = said("x" * 1001)
    content = path.read_bytes()
    assert content.count(struct.pack("<L", 1001)) == 2  # where it lies, and where the attribute says so
    for each in re.finditer(re.escape(struct.pack("<L", 1001)), content):
        content = content[: each.start()] + struct.pack("<L", 0xF0000000) + content[each.start() + 4 :]
    path.write_bytes(content)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(DamagedModelError, match="model_config is not what Keras writes there"):
        read_stack(path, where="net")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000


def refused(adopted, path):
    with pytest.raises((ModelError, DamagedModelError)) as error:
        adopted(path)
    sentence = str(error.value)
    assert sentence.startswith(path.name)
    return sentence


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"activation": "relu"}, "(LSTM) has activation=relu, but must have tanh."),
        (
            {"recurrent_activation": "hard_sigmoid"},
            "(LSTM) has recurrent_activation=hard_sigmoid, but must have sigmoid.",
        ),
        ({"go_backwards": True}, "(LSTM) has go_backwards=True, but must have False."),
    ],
)
@pytest.mark.parametrize("form", WHOLE)
def test_what_a_layer_computes_otherwise_is_refused_by_name(adopted, tmp_path, form, options, sentence):
    save(stack("lstm", **options), tmp_path / form)
    assert sentence in refused(adopted, tmp_path / form)


@pytest.mark.parametrize("form", FORMS)
def test_a_gru_that_resets_before_is_refused(adopted, tmp_path, form):
    save(stack("gru", reset_after=False), tmp_path / form)
    assert "reset_after=False" in refused(adopted, tmp_path / form)


def test_layers_of_other_kinds_are_refused_by_name(adopted, tmp_path):
    model = keras.Sequential(
        [
            keras.layers.Input((None,)),
            keras.layers.Embedding(V, 9),
            keras.layers.LayerNormalization(),
            keras.layers.LSTM(12),
            keras.layers.Dense(V),
        ]
    )
    save(model, tmp_path / "net.keras")
    assert "is LayerNormalization, but must be one of InputLayer, Embedding, LSTM" in refused(
        adopted, tmp_path / "net.keras"
    )
    save(model, tmp_path / "net.weights.h5")
    assert "has no place between an embedding, recurrent layers and one dense layer" in refused(
        adopted, tmp_path / "net.weights.h5"
    )
    both = keras.Sequential(
        [keras.layers.Input((None, V)), keras.layers.Bidirectional(keras.layers.LSTM(12)), keras.layers.Dense(V)]
    )
    save(both, tmp_path / "both.weights.h5")
    assert "is bidirectional" in refused(adopted, tmp_path / "both.weights.h5")


@pytest.fixture
def weights(tmp_path):
    """A file of weights that is right, and how to change it."""
    path = tmp_path / "net.weights.h5"
    with h5py.File(path, "w") as file:
        file["layers/embedding/vars/0"] = np.zeros((V, 9), np.float32)
        file["layers/lstm/cell/vars/0"] = np.zeros((9, 48), np.float32)
        file["layers/lstm/cell/vars/1"] = np.zeros((12, 48), np.float32)
        file["layers/lstm/cell/vars/2"] = np.zeros(48, np.float32)
        file["layers/dense/vars/0"] = np.zeros((12, V), np.float32)
        file["layers/dense/vars/1"] = np.zeros(V, np.float32)
    return path


@pytest.mark.parametrize(
    ("array", "shape", "sentence"),
    [
        ("layers/lstm/cell/vars/1", (12, 50), 'the transpose of array "layers/lstm/cell[1]" has shape (50, 12), but must be G·H by H'),
        ("layers/lstm/cell/vars/0", (9, 36), 'tensor "layers/lstm/cell[0]" has shape (9, 36), but must have (9, 48): all layers must be lstm of 12 units'),
        ("layers/lstm/cell/vars/0", (), 'tensor "layers/lstm/cell[0]" has shape (), but must have (in, G·H): it is the kernel of a recurrent layer of 12 units.'),
        ("layers/lstm/cell/vars/2", (), 'tensor "layers/lstm/cell[2]" has shape (), but must have (48,)'),
        ("layers/lstm/cell/vars/2", (47,), 'tensor "layers/lstm/cell[2]" has shape (47,), but must have (48,)'),
        ("layers/dense/vars/0", (13, V), f'tensor "layers/dense[0]" has shape (13, {V}), but must have (12, {V}): it takes what the last layer gives.'),
        ("layers/embedding/vars/0", (V, 8), f'tensor "layers/embedding" has shape ({V}, 8), but must have ({V}, 9)'),
    ],
)  # fmt: skip
def test_a_shape_that_does_not_fit_is_named_with_what_it_must_be(adopted, weights, array, shape, sentence):
    with h5py.File(weights, "r+") as file:
        del file[array]
        file[array] = np.zeros(shape, np.float32)
    assert sentence in refused(adopted, weights)


def external_link(file, path):
    secret = path.with_name("secret.h5")
    with h5py.File(secret, "w") as other:
        other["a"] = np.zeros((V, 9), np.float32)
    del file["layers/embedding/vars/0"]
    file["layers/embedding/vars/0"] = h5py.ExternalLink(secret, "/a")


def soft_link(file, path):
    del file["layers/embedding/vars/0"]
    file["layers/embedding/vars/0"] = h5py.SoftLink("/layers/dense/vars/0")


def loop(file, path):
    file["layers/again"] = file["layers"]


def references(file, path):
    file["layers/embedding/vars/1"] = np.array([file["layers"].ref], dtype=h5py.ref_dtype)


def strings(file, path):
    file["layers/embedding/vars/1"] = "text"


def elsewhere(file, path):
    outside = path.with_name("secret.bin")
    outside.write_bytes(bytes(4 * V * 9))
    del file["layers/embedding/vars/0"]
    file.create_dataset("layers/embedding/vars/0", (V, 9), "f4", external=[(outside, 0, h5py.h5f.UNLIMITED)])


def virtual(file, path):
    layout = h5py.VirtualLayout((V, 9), "f4")
    layout[:] = h5py.VirtualSource(path.with_name("secret.h5"), "a", (V, 9))
    del file["layers/embedding/vars/0"]
    file.create_virtual_dataset("layers/embedding/vars/0", layout)


def compressed(file, path):
    file.create_dataset("layers/huge", (4096, 4096), "f4", compression="gzip")


def unwritten(file, path):
    file.create_dataset("layers/huge", (1 << 20, 1 << 20), "f4")


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (external_link, '"layers/embedding/vars/0" is a link to somewhere else; not followed.'),
        (soft_link, '"layers/embedding/vars/0" is a link to somewhere else; not followed.'),
        (loop, "is there twice, or there are too many entries; not read."),
        (references, 'array "layers/embedding/vars/1" is object of shape (1,), and no weight.'),
        (strings, 'array "layers/embedding/vars/1" is object of shape (), and no weight.'),
        (elsewhere, 'array "layers/embedding/vars/0" does not lie in the file as it is'),
        (virtual, 'array "layers/embedding/vars/0" does not lie in the file as it is'),
        (compressed, 'array "layers/huge" does not lie in the file as it is'),
        (unwritten, 'array "layers/huge" claims 4,398,046,511,104 bytes, more than the file has; not read.'),
    ],
)
def test_a_file_that_reaches_beyond_itself_or_claims_more_than_it_has_is_refused(adopted, weights, spoil, sentence):
    with h5py.File(weights, "r+") as file:
        spoil(file, weights)
    assert sentence in refused(adopted, weights)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("content", [b"", b"\x89HDF\r\n\x1a\n", b"PK\x03\x04 no zip", b"text"])
def test_what_is_no_such_file_is_refused_in_a_sentence(adopted, tmp_path, form, content):
    (tmp_path / form).write_bytes(content)
    refused(adopted, tmp_path / form)


def test_a_zip_that_unpacks_to_more_than_it_should_is_refused_before_it_is_unpacked(adopted, tmp_path):
    with zipfile.ZipFile(tmp_path / "net.keras", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", "{}")
        archive.writestr("model.weights.h5", bytes(1 << 24))
    sentence = refused(adopted, tmp_path / "net.keras")
    assert "net.keras/model.weights.h5: 16,777,216 bytes are more than it can have; not read." in sentence


@pytest.mark.parametrize("kind", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_zip_of_which_zipfile_would_unpack_all_at_once_is_refused(adopted, tmp_path, kind):
    path = tmp_path / "net.keras"
    with zipfile.ZipFile(path, "w", kind) as archive:
        archive.writestr("config.json", bytes(1 << 20))
    content, claimed = bytearray(path.read_bytes()), struct.pack("<L", 100)
    content[22:26] = content[(place := content.find(b"PK\x01\x02") + 24) : place + 4] = claimed
    path.write_bytes(content)
    assert "net.keras/config.json: it is packed as Keras packs nothing; not read." in refused(adopted, path)


def test_a_zip_with_a_directory_of_very_many_entries_is_refused_unread(adopted, tmp_path):
    with zipfile.ZipFile(tmp_path / "net.keras", "w") as archive:
        for number in range(3000):
            entry = zipfile.ZipInfo(f"{number:050}")
            entry.header_offset = entry.CRC = entry.file_size = entry.compress_size = 0
            archive.filelist.append(entry)
        archive._didModify = True
    assert "directory claims" in refused(adopted, tmp_path / "net.keras")


@pytest.mark.parametrize(
    "config", [[], {}, {"config": {"layers": [1]}}, {"config": {"layers": [{"class_name": ["x"], "config": {}}]}}]
)
def test_a_configuration_that_lists_no_layers_is_refused(adopted, weights, tmp_path, config):
    with zipfile.ZipFile(tmp_path / "net.keras", "w") as archive:
        archive.writestr("config.json", json.dumps(config))
        archive.write(weights, "model.weights.h5")
    refused(adopted, tmp_path / "net.keras")


def test_a_layer_that_names_code_is_refused_and_the_code_is_not_looked_up(adopted, weights, tmp_path, monkeypatch):
    (tmp_path / "evil.py").write_text("raise SystemExit('it ran')")
    monkeypatch.syspath_prepend(tmp_path)
    layer = {
        "module": "evil",
        "class_name": "Lambda",
        "config": {"name": "l", "function": "evil:run"},
        "registered_name": "evil>L",
    }
    with zipfile.ZipFile(tmp_path / "net.keras", "w") as archive:
        archive.writestr("config.json", json.dumps({"module": "evil", "config": {"layers": [layer]}}))
        archive.write(weights, "model.weights.h5")
    assert 'layer "l" is Lambda' in refused(adopted, tmp_path / "net.keras")


@pytest.mark.slow
def test_a_file_with_bytes_that_were_changed_is_read_or_refused_in_a_sentence(weights):
    """2,000 files, most bytes changed being those of HDF5's own structures, which a C library reads."""
    good = weights.read_bytes()
    structure = [place for place, byte in enumerate(good) if byte]  # the arrays are zeros
    generator = np.random.default_rng(8)
    outcomes = {"read": 0, "refused": 0}
    for _ in range(2000):
        content = bytearray(good)
        for place in generator.choice(structure, int(generator.integers(1, 4))):
            content[place : place + 1] = bytes([generator.integers(256)]) * int(generator.choice([1, 1, 1, 1, 1, 8]))
        weights.write_bytes(content[: len(good) if generator.random() < 0.9 else int(generator.integers(len(good)))])
        began = time.process_time()
        try:
            read_stack(weights, where="net")
            outcomes["read"] += 1
        except (ModelError, DamagedModelError):
            outcomes["refused"] += 1
        assert time.process_time() - began < 1
    assert min(outcomes.values()) > 50, outcomes
