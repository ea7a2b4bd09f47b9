"""Gradients that are computed for a few sequences at a time and added up are those of the whole batch."""

import numpy as np
import pytest

from seqgen.core.spec import ModelSpec, OptimizerSpec
from seqgen.core.types import Batch

ROWS, STEPS, VOCAB = 7, 6, 9


def batch_of(seed, **how):
    ids = np.random.default_rng(seed).integers(VOCAB, size=(2, ROWS, STEPS))
    return Batch(*ids, **how)


def masked():
    """Weights by which rows have unlike numbers of scored targets, and the last row none."""
    lengths = np.array([6, 1, 3, 2, 5, 4, 0])
    return (np.arange(STEPS) < lengths[:, None]).astype(np.float32)


@pytest.mark.parametrize("how", ["all scored", "some scored", "the last step"])
@pytest.mark.parametrize("size", [1, 3, 6])
def test_groups_of_rows_give_the_update_of_the_whole(trainer, how, size):
    # A single update by plain gradients, so that weights tell of the gradients themselves; it is not clipped.
    spec = ModelSpec(vocab_size=VOCAB, embedding_size=4, hidden_size=5, num_layers=2)
    optimizer = OptimizerSpec(name="sgd", grad_clip=1e9)
    given = {"all scored": {}, "some scored": {"weights": masked()}, "the last step": {"last_step_only": True}}[how]
    whole, groups = (
        trainer.build(spec, device="cpu", precision="float32", random_seed=1, optimizer=optimizer) for _ in range(2)
    )
    assert groups.accumulates
    groups.micro_batch_size = size
    for number in range(2):  # in the second, the state that the first left is carried
        batch = batch_of(number, carry=number > 0, **given)
        losses = [float(model.train_step(batch, 1.0)) for model in (whole, groups)]
        assert losses[0] == pytest.approx(losses[1], abs=1e-6)
        assert float(whole.gradient_norm) == pytest.approx(float(groups.gradient_norm), rel=1e-5)
    for name, tensor in whole.weights().items():
        np.testing.assert_allclose(groups.weights()[name], tensor, atol=2e-6, err_msg=name)
    state, of_whole = groups.training_state(), whole.training_state()
    for name in (name for name in of_whole if name.startswith("carry.")):
        np.testing.assert_allclose(state[name], of_whole[name], atol=1e-6, err_msg=name)


@pytest.mark.parametrize("how", [{}, {"weights": masked()}, {"last_step_only": True}])
def test_groups_of_rows_are_evaluated_as_the_whole(trainer, how):
    spec = ModelSpec(vocab_size=VOCAB, embedding_size=4, hidden_size=5, num_layers=2)
    whole, groups = (trainer.build(spec, device="cpu", random_seed=1) for _ in range(2))
    groups.micro_batch_size = 3
    for number in range(2):
        batch = batch_of(number, carry=number > 0, **how)
        (expected, scored), (found, also) = (model.evaluate(batch) for model in (whole, groups))
        assert (float(found), also) == (pytest.approx(float(expected), rel=1e-6), scored)


def test_dropout_draws_for_every_group(trainer):
    spec = ModelSpec(vocab_size=VOCAB, embedding_size=4, hidden_size=32, dropout=0.5)
    model = trainer.build(spec, device="cpu", precision="float32", optimizer=OptimizerSpec())
    model.micro_batch_size = 2
    before = model.training_state()
    losses = {float(model.train_step(batch_of(0), 0.0)) for _ in range(4)}
    assert len(losses) == 4
    random = [name for name in before if name.startswith("random.")]
    assert any(not np.array_equal(before[name], model.training_state()[name]) for name in random)
