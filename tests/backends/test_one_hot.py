"""With one-hot input a token gives a row of the weights: a vector for each token would take V x V numbers."""

from __future__ import annotations

import importlib

import numpy as np
import pytest

from seqgen.core.canonical import initial_weights
from seqgen.core.spec import ModelSpec

SPEC = ModelSpec(vocab_size=9, hidden_size=5, input_encoding="one-hot")


def refuse(*_):
    raise AssertionError


@pytest.mark.parametrize("name", ["torch", "keras"])
def test_stepping_makes_no_one_hot_vectors(name, monkeypatch):
    pytest.importorskip(name)
    weights = initial_weights(SPEC, 1)
    ids, expected = np.array([3, 8]), None
    for encoded in (True, False):
        if name == "torch":
            from seqgen.backends.torch.backend import TorchBackend
            from seqgen.backends.torch.network import Network

            if not encoded:
                monkeypatch.setattr(Network, "encode", refuse)
            model = TorchBackend().build(SPEC, device="cpu", weights=weights)
        else:
            generator = importlib.import_module("seqgen.backends.keras.generator")
            if not encoded:
                monkeypatch.setattr(generator, "encode", refuse)
            model = generator.EngineGenerator(SPEC, weights, "cpu")
        logits, _ = model.next_logits(ids, model.initial_state(2))
        expected = logits if expected is None else expected
        np.testing.assert_array_equal(logits, expected)
