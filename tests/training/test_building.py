"""From options to a model: all of them reach the backend that builds it."""

from __future__ import annotations

import pytest

from seqgen.backends.torch.backend import TorchBackend
from seqgen.core.spec import ModelSpec, OptimizerSpec
from seqgen.training.building import build_model
from seqgen.training.options import TrainingOptions

HOW = {"device": "cpu", "precision": "float32", "random_seed": 7, "deterministic": True}
UPDATED = {"beta_2": 0.9, "weight_decay": 0.25, "grad_clip": 0.5, "weight_average": 0.3}


@pytest.mark.parametrize("given", [False, True], ids=["fresh", "with weights"])
def test_a_model_is_built_by_every_option_that_says_how(monkeypatch, given):
    asked, build = [], TorchBackend.build

    def noted(self, spec, **how):
        asked.append((spec, how))
        return build(self, spec, **how)

    monkeypatch.setattr(TorchBackend, "build", noted)
    spec = ModelSpec(vocab_size=5, embedding_size=3, hidden_size=4)
    options = TrainingOptions(optimizer="rmsprop", **HOW, **UPDATED)
    weights = build_model(TorchBackend(), spec, options).weights() if given else None
    build_model(TorchBackend(), spec, options, weights=weights)
    assert asked[-1] == (spec, {**HOW, "optimizer": OptimizerSpec(name="rmsprop", **UPDATED), "weights": weights})
