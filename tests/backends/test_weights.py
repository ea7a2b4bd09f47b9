"""The canonical form in and out."""

from __future__ import annotations

import numpy as np
import pytest

from seqgen.core.canonical import canonical_shapes

SHAPES = [
    pytest.param({"architecture": a, "num_layers": 2, **extra}, id=f"{a}-{name}")
    for a in ("lstm", "gru", "rnn")
    for name, extra in {
        "embedding": {},
        "tied": {"tie_embeddings": True},
        "one-hot": {"input_encoding": "one-hot"},
        "scalar": {"input_encoding": "scalar"},
    }.items()
]


@pytest.mark.parametrize("shape", SHAPES)
def test_weights_come_back_bit_for_bit_and_in_order(backend, shape, small_spec, random_weights):
    spec = small_spec(**shape)
    weights = random_weights(spec)
    found = backend.build(spec, weights=weights).weights()
    assert {name: value.shape for name, value in found.items()} == canonical_shapes(spec)
    assert list(found) == list(canonical_shapes(spec))
    for name, value in found.items():
        assert value.dtype == np.float32
        assert value.flags.c_contiguous
        np.testing.assert_array_equal(value, weights[name])


def test_weights_are_copies(backend, small_spec, random_weights):
    spec = small_spec()
    given = random_weights(spec)
    kept = {name: value.copy() for name, value in given.items()}
    model = backend.build(spec, weights=given)
    given["output.bias"] += 1
    model.weights()["layers.0.bias"][:] = 0
    for name, value in model.weights().items():
        np.testing.assert_array_equal(value, kept[name])


def test_weights_from_a_read_only_file_are_taken(backend, small_spec, random_weights):
    spec = small_spec("gru")
    weights = random_weights(spec)
    for value in weights.values():
        value.setflags(write=False)
    model = backend.build(spec, weights=weights)
    model.load_weights(weights)
    np.testing.assert_array_equal(model.weights()["layers.0.bias"], weights["layers.0.bias"])


def test_loading_other_weights_changes_what_is_generated(backend, small_spec, random_weights, random_batch, reference):
    spec = small_spec("gru")
    model = backend.build(spec, weights=random_weights(spec, random_seed=1))
    ids = random_batch(2, 1).inputs
    model.next_logits(ids[:, 0], model.initial_state(2))
    model.load_weights(random_weights(spec, random_seed=2))
    logits, _ = model.next_logits(ids[:, 0], model.initial_state(2))
    expected = reference.logits(spec, random_weights(spec, random_seed=2), ids)[:, 0]
    np.testing.assert_allclose(logits, expected, atol=1e-5)


def test_the_gates_of_a_gru_change_places_for_keras():
    """Canonical r z n, Keras z r h: frozen, since two wrongs would make a round trip right."""
    from seqgen.backends.keras.weights import from_keras, to_keras

    bias = np.array([1, 2, 3, 4, 5, 6], dtype=np.float32)  # H = 2: r r z z n n
    assert to_keras("layers.0.bias", bias, "gru").tolist() == [3, 4, 1, 2, 5, 6]
    assert from_keras("layers.0.bias", to_keras("layers.0.bias", bias, "gru"), "gru").tolist() == bias.tolist()
    weight = np.arange(6, dtype=np.float32)[:, None] + np.array([[0.0, 0.5]], dtype=np.float32)  # (3H, in) = (6, 2)
    assert to_keras("layers.0.input_weight", weight, "gru").tolist() == [
        [2, 3, 0, 1, 4, 5],
        [2.5, 3.5, 0.5, 1.5, 4.5, 5.5],
    ]
    assert to_keras("layers.0.bias", np.arange(8.0), "lstm").tolist() == [0, 1, 2, 3, 4, 5, 6, 7]
