"""Fresh weights: what they are drawn as, and that their draws are everybody's."""

from __future__ import annotations

import numpy as np
import pytest

from seqgen.core.canonical import GATES, canonical_shapes, initial_weights
from seqgen.core.spec import ModelSpec

H = 48


@pytest.fixture(params=GATES)
def spec(request):
    return ModelSpec(vocab_size=300, architecture=request.param, embedding_size=H, hidden_size=H, num_layers=2)


def test_the_recurrent_weights_of_each_gate_are_orthogonal_and_no_two_the_same(spec):
    weights = initial_weights(spec, 3)
    blocks = [
        block
        for layer in range(spec.num_layers)
        for block in np.split(weights[f"layers.{layer}.recurrent_weight"], GATES[spec.architecture])
    ]
    for block in blocks:
        np.testing.assert_allclose(block @ block.T, np.eye(H), atol=1e-5)
    assert len({block.tobytes() for block in blocks}) == len(blocks)


def test_biases_are_zero_but_for_the_forget_gates_which_are_one(spec):
    biases = {name: value for name, value in initial_weights(spec, 3).items() if name.endswith("bias")}
    for name, bias in biases.items():
        forget = slice(H, 2 * H) if spec.architecture == "lstm" and name.startswith("layers") else slice(0)
        assert (bias[forget] == 1).all(), name
        assert np.count_nonzero(bias) == len(bias[forget]), name


def test_the_other_weights_spread_as_far_as_they_should(spec):
    weights = initial_weights(spec, 3)
    for layer in range(spec.num_layers):
        bound = np.sqrt(6 / (H + H))  # of one gate: (H, in)
        found = abs(weights[f"layers.{layer}.input_weight"]).max()
        assert 0.99 * bound < found <= np.float32(bound)
    assert 0.99 < abs(weights["output.weight"]).max() / np.sqrt(6 / (300 + H)) <= 1 + 1e-6
    assert weights["embedding.weight"].std() == pytest.approx(1, rel=0.03)
    tied = ModelSpec(vocab_size=300, embedding_size=H, hidden_size=H, tie_embeddings=True)
    assert initial_weights(tied, 3)["embedding.weight"].std() == pytest.approx(H**-0.5, rel=0.03)


def test_a_random_seed_gives_the_same_weights_and_another_others(spec):
    first, again, other = (initial_weights(spec, seed) for seed in (3, 3, 4))
    assert {name: value.shape for name, value in first.items()} == canonical_shapes(spec)
    for name, value in first.items():
        np.testing.assert_array_equal(value, again[name])
        assert name.endswith("bias") or not np.array_equal(value, other[name])
