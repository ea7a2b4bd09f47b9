"""One form of weights, one function: every backend against a float64 reference."""

from __future__ import annotations

import numpy as np
import pytest

ENCODINGS = {
    "embedding": {},
    "tied": {"tie_embeddings": True},
    "one-hot": {"input_encoding": "one-hot"},
    "scalar": {"input_encoding": "scalar"},
}


@pytest.mark.parametrize(
    ("num_layers", "encoding"),
    [
        pytest.param(num_layers, encoding, marks=[] if num_layers == 1 or encoding == "tied" else [pytest.mark.slow])
        for num_layers in (1, 2, 3)
        for encoding in ENCODINGS
    ],
)
@pytest.mark.parametrize("architecture", ["lstm", "gru", "rnn"])
def test_logits_of_every_network_equal_the_reference_over_200_steps(
    generator, architecture, num_layers, encoding, small_spec, random_weights, random_batch, reference
):
    spec = small_spec(architecture, num_layers=num_layers, **ENCODINGS[encoding])
    weights = random_weights(spec)
    ids = random_batch(2, 200).inputs
    expected = reference.logits(spec, weights, ids)
    model = generator(spec, weights)
    state = model.initial_state(2)
    found = []
    for step in range(200):
        logits, state = model.next_logits(ids[:, step], state)
        found.append(logits)
    assert found[0].dtype == np.float32
    error = np.abs(np.stack(found, axis=1) - expected).max()
    assert error <= 1e-4


@pytest.mark.parametrize("architecture", ["lstm", "gru", "rnn"])
def test_reading_a_long_prompt_at_once_equals_the_reference(
    generator, architecture, small_spec, random_weights, random_batch, reference
):
    spec = small_spec(architecture, num_layers=2)
    weights = random_weights(spec)
    ids = random_batch(2, 600).inputs
    model = generator(spec, weights)
    logits, _ = model.prefill(ids, model.initial_state(2))
    np.testing.assert_allclose(logits, reference.logits(spec, weights, ids)[:, -1], atol=1e-4)


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("architecture", ["lstm", "gru", "rnn"])
def test_evaluating_gives_the_nats_of_the_reference(
    backend, architecture, encoding, small_spec, random_weights, random_batch, reference
):
    spec = small_spec(architecture, **ENCODINGS[encoding])
    weights = random_weights(spec)
    batch = random_batch(3, 40)
    nats, scored = backend.build(spec, weights=weights).evaluate(batch)
    assert scored == 120
    assert float(nats) / scored == pytest.approx(reference.loss(spec, weights, batch), rel=1e-5)


def test_fresh_models_are_the_same_on_each_backend(backends, small_spec, random_batch):
    spec = small_spec()
    ids = random_batch(1, 1).inputs[:, 0]
    logits = {}
    for name, backend in backends.items():
        model = backend.build(spec, random_seed=7)
        logits[name], _ = model.next_logits(ids, model.initial_state(1))
    np.testing.assert_allclose(logits["torch"], logits["numpy"], atol=1e-6)
    np.testing.assert_allclose(logits["keras"], logits["numpy"], atol=1e-6)
