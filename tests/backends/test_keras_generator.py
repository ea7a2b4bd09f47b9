"""Generating on Keras' engine, as on a GPU."""

from __future__ import annotations

import numpy as np

from seqgen.backends.keras import generator
from seqgen.backends.keras.generator import EngineGenerator


def test_a_state_that_goes_on_stays_on_the_device(monkeypatch, small_spec, random_weights):
    spec = small_spec(num_layers=2)
    model = EngineGenerator(spec, random_weights(spec), "cpu")
    ids = np.array([3])
    _, state = model.next_logits(ids, model.initial_state(1))
    expected, _ = model.next_logits(ids, dict(state))  # of NumPy arrays, as the core joins them

    def moved(*_):
        raise AssertionError("moved")

    monkeypatch.setattr(generator, "tensors", moved)
    logits, _ = model.next_logits(ids, state)
    np.testing.assert_array_equal(logits, expected)
