"""Scoring text: masks, the last step only, and the state that is carried."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from seqgen.core.spec import OptimizerSpec
from seqgen.core.types import Batch


@pytest.fixture(params=["lstm", "gru", "rnn"])
def model(request, backend, small_spec, random_weights):
    # With dropout, which evaluation must not use.
    spec = small_spec(request.param, num_layers=2, dropout=0.5)
    return backend.build(spec, weights=random_weights(spec))


def evaluated(model, batch):
    """What ``evaluate`` gives, its lazy sum of nats read."""
    nats, scored = model.evaluate(batch)
    return float(nats), scored


def test_nats_are_those_of_the_logits_that_stepping_gives(model, random_batch):
    batch = random_batch(2, 12)
    state, expected = model.initial_state(2), 0.0
    for step in range(12):
        logits, state = model.next_logits(batch.inputs[:, step], state)
        logits = np.asarray(logits, dtype=np.float64)
        chosen = logits[np.arange(2), batch.targets[:, step]]
        expected += (np.log(np.exp(logits).sum(axis=-1)) - chosen).sum()
    nats, scored = evaluated(model, batch)
    assert scored == 24
    assert nats == pytest.approx(expected, rel=1e-5)


def test_what_a_mask_leaves_out_does_not_count(model, random_batch):
    batch = random_batch(2, 10)
    weights = np.zeros((2, 10), dtype=np.float32)
    weights[0, :4] = weights[1, 7] = 1
    masked = dataclasses.replace(batch, weights=weights)
    # The targets that the mask leaves out may be anything.
    other = dataclasses.replace(masked, targets=np.where(weights, batch.targets, 0))
    nats, scored = evaluated(model, masked)
    assert scored == 5
    assert evaluated(model, other) == (pytest.approx(nats), 5)
    first = Batch(batch.inputs[:1, :4], batch.targets[:1, :4])
    last = Batch(batch.inputs[1:, :8], batch.targets[1:, :8])
    before = Batch(batch.inputs[1:, :7], batch.targets[1:, :7])
    expected = evaluated(model, first)[0] + evaluated(model, last)[0] - evaluated(model, before)[0]
    assert nats == pytest.approx(expected, rel=1e-4)


def test_the_last_step_alone_equals_a_mask_of_it(model, random_batch):
    batch = random_batch(2, 10)
    weights = np.zeros((2, 10), dtype=np.float32)
    weights[:, -1] = 1
    expected, _ = evaluated(model, dataclasses.replace(batch, weights=weights))
    assert evaluated(model, dataclasses.replace(batch, last_step_only=True)) == (pytest.approx(expected, rel=1e-5), 2)


def test_a_carried_state_makes_two_halves_one_text(model, random_batch):
    batch = random_batch(2, 20)
    whole, _ = evaluated(model, batch)
    first, _ = evaluated(model, Batch(batch.inputs[:, :7], batch.targets[:, :7]))
    second, _ = evaluated(model, Batch(batch.inputs[:, 7:], batch.targets[:, 7:], carry=True))
    fresh, _ = evaluated(model, Batch(batch.inputs[:, 7:], batch.targets[:, 7:]))
    assert first + second == pytest.approx(whole, rel=1e-5)
    assert first + fresh != pytest.approx(whole, rel=1e-5)


def test_a_batch_of_another_size_starts_from_zeros(model, random_batch):
    model.evaluate(random_batch(2, 5))
    batch = random_batch(3, 5)
    carried, _ = evaluated(model, dataclasses.replace(batch, carry=True))
    assert carried == pytest.approx(evaluated(model, batch)[0])


@pytest.mark.parametrize("architecture", ["lstm", "gru"])
def test_evaluation_between_two_training_steps_changes_nothing_of_training(
    trainer, architecture, small_spec, stream, random_batch
):
    spec = small_spec(architecture, dropout=0.3)

    def losses(*, evaluate):
        model = trainer.build(spec, optimizer=OptimizerSpec())
        found = []
        for batch in stream(6):
            found.append(float(model.train_step(batch, 0.01)))
            if evaluate:
                model.evaluate(random_batch(batch.inputs.shape[0], 5))
        return found

    assert losses(evaluate=True) == losses(evaluate=False)
