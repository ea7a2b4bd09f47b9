"""Generating on Keras' engine, as on a GPU."""

from __future__ import annotations

import numpy as np
import pytest

from seqgen.backends.keras import generator
from seqgen.backends.keras.backend import KerasBackend
from seqgen.backends.keras.generator import EngineGenerator
from seqgen.ngrams.counting import count_ngrams
from seqgen.ngrams.mixture import Mixture, weights_shape


@pytest.mark.parametrize("mixed", [False, True], ids=["alone", "with n-grams"])
def test_a_state_that_goes_on_stays_on_the_device(mixed, monkeypatch, small_spec, random_weights):
    spec = small_spec(num_layers=2)
    model = EngineGenerator(spec, random_weights(spec), "cpu")
    if mixed:
        table = count_ngrams(np.arange(50) % spec.vocab_size, spec.vocab_size, 3)
        network = KerasBackend().build(spec, weights=random_weights(spec))
        network._generator = model
        model = Mixture(network, table, np.ones(weights_shape(table.order), np.float32))
    ids = np.array([3])
    _, state = model.next_logits(ids, model.initial_state(1))
    expected, _ = model.next_logits(ids, dict(state))  # of NumPy arrays, as the core joins them

    def moved(*_):
        raise AssertionError("moved")

    monkeypatch.setattr(generator, "tensors", moved)
    logits, _ = model.next_logits(ids, state)
    np.testing.assert_array_equal(logits, expected)
