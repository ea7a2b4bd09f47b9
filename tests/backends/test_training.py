"""Training is the same function of the canonical weights in each framework."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from seqgen.core.spec import OptimizerSpec
from seqgen.core.types import Batch

# Without clipping and at rate 1, sgd takes the gradient itself off the weights.
GRADIENT = OptimizerSpec(name="sgd", grad_clip=1e9)

RATES = {"adamw": 1e-2, "adam": 1e-2, "rmsprop": 3e-3, "sgd": 0.5}


def train(model, batches, learning_rate):
    return [float(model.train_step(batch, learning_rate)) for batch in batches]


@pytest.mark.parametrize(
    ("architecture", "shape"),
    [
        ("lstm", {"num_layers": 2}),
        ("gru", {"num_layers": 2}),
        ("rnn", {"num_layers": 2}),
        ("gru", {"tie_embeddings": True}),
        ("lstm", {"input_encoding": "one-hot"}),
        ("rnn", {"input_encoding": "scalar"}),
    ],
)
def test_the_gradient_equals_finite_differences_of_the_reference(
    trainer, architecture, shape, small_spec, random_weights, random_batch, reference
):
    spec = small_spec(architecture, **shape)
    weights = {name: value.astype(np.float64) for name, value in random_weights(spec).items()}
    model = trainer.build(spec, optimizer=GRADIENT, weights=random_weights(spec), precision="float32")
    batch = random_batch(3, 7)
    loss = float(model.train_step(batch, 1.0))
    assert loss == pytest.approx(reference.loss(spec, weights, batch), rel=1e-5)
    generator = np.random.default_rng(0)
    for name, after in model.weights().items():
        gradient = weights[name] - after
        direction, small = generator.normal(size=gradient.shape), 1e-5
        up = reference.loss(spec, weights | {name: weights[name] + small * direction}, batch)
        down = reference.loss(spec, weights | {name: weights[name] - small * direction}, batch)
        assert (gradient * direction).sum() == pytest.approx((up - down) / (2 * small), abs=3e-6), name


def test_a_mask_and_the_last_step_alone_are_trained_as_the_reference_scores_them(
    trainer, small_spec, random_weights, random_batch, reference
):
    spec = small_spec("gru")
    weights = random_weights(spec)
    batch = random_batch(3, 6)
    mask = (np.arange(18).reshape(3, 6) % 3 == 0).astype(np.float32)
    for scored in (dataclasses.replace(batch, weights=mask), dataclasses.replace(batch, last_step_only=True)):
        model = trainer.build(spec, optimizer=GRADIENT, weights=weights, precision="float32")
        assert float(model.train_step(scored, 1.0)) == pytest.approx(reference.loss(spec, weights, scored), rel=1e-5)
        # The gradient of the output bias, by the same route.
        small = np.eye(11)[4] * 1e-4
        up = reference.loss(spec, {**weights, "output.bias": weights["output.bias"] + small}, scored)
        down = reference.loss(spec, {**weights, "output.bias": weights["output.bias"] - small}, scored)
        found = (weights["output.bias"] - model.weights()["output.bias"])[4]
        assert found == pytest.approx((up - down) / 2e-4, abs=1e-5)


def test_a_batch_with_nothing_to_score_changes_nothing(trainer, small_spec, random_weights, random_batch):
    spec = small_spec(num_layers=2)
    weights = random_weights(spec)
    model = trainer.build(spec, optimizer=GRADIENT, weights=weights, precision="float32")
    batch = dataclasses.replace(random_batch(3, 7), weights=np.zeros((3, 7), dtype=np.float32))
    assert float(model.train_step(batch, 1.0)) == 0
    for name, value in model.weights().items():
        np.testing.assert_array_equal(value, weights[name])


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
@pytest.mark.parametrize("architecture", ["lstm", "gru", "rnn"])
def test_torch_and_keras_train_alike_for_20_steps(backends, architecture, optimizer, small_spec, stream):
    spec = small_spec(architecture, num_layers=2 if architecture == "gru" else 1)
    losses, weights = {}, {}
    for name in ("torch", "keras"):
        model = backends[name].build(spec, optimizer=OptimizerSpec(name=optimizer, grad_clip=0.5), precision="float32")
        losses[name] = train(model, stream(20), RATES[optimizer])
        weights[name] = model.weights()
    np.testing.assert_allclose(losses["keras"], losses["torch"], rtol=1e-4)
    for name, value in weights["torch"].items():
        np.testing.assert_allclose(weights["keras"][name], value, atol=2e-4, err_msg=name)


@pytest.mark.parametrize("optimizer", RATES)
def test_the_first_updates_are_those_of_the_formulas(trainer, optimizer, small_spec, random_weights, random_batch):
    """Three updates by the rules of seqgen.backends.updates in float64, from the gradients that the model itself has."""
    spec = small_spec("gru")
    rule = OptimizerSpec(name=optimizer, weight_decay=0.1, grad_clip=0.2)
    model = trainer.build(spec, optimizer=rule, weights=random_weights(spec), precision="float32")
    first, second = {}, {}
    for step in (1, 2, 3):
        batch = random_batch(3, 6, random_seed=step)
        before = model.weights()
        probe = trainer.build(spec, optimizer=GRADIENT, weights=before, precision="float32")
        probe.train_step(batch, 1e4)  # so large that what is taken off drowns in no weight's rounding
        gradients = {name: (before[name].astype(np.float64) - value) / 1e4 for name, value in probe.weights().items()}
        norm = np.sqrt(sum((gradient**2).sum() for gradient in gradients.values()))
        assert norm > 0.2
        model.train_step(batch, 0.01)
        for name, after in model.weights().items():
            gradient = gradients[name] * 0.2 / (norm + 1e-6)
            first[name] = 0.9 * first.get(name, 0) + 0.1 * gradient
            second[name] = 0.99 * second.get(name, 0) + 0.01 * gradient**2
            match optimizer:
                case "sgd":
                    change = gradient
                case "rmsprop":
                    change = gradient / (np.sqrt(second[name]) + 1e-8)
                case _:
                    change = first[name] / (1 - 0.9**step) / (np.sqrt(second[name] / (1 - 0.99**step)) + 1e-8)
            decay = 0.1 if optimizer == "adamw" and name.endswith("weight") else 0
            expected = before[name] - 0.01 * (decay * before[name] + change)
            np.testing.assert_allclose(after, expected, atol=1e-6, err_msg=name)


@pytest.mark.parametrize(
    ("architecture", "precision"), [("lstm", "float32"), ("lstm", "bfloat16"), ("gru", "float32"), ("rnn", "float32")]
)
def test_the_loss_falls_on_a_sequence_that_can_be_learnt(build, architecture, precision, small_spec, stream):
    spec = small_spec(architecture, hidden_size=16, dropout=0.1)
    model = build(spec, optimizer=OptimizerSpec(), precision=precision)
    losses = train(model, stream(80), 0.02)
    assert losses[0] == pytest.approx(np.log(11), abs=0.6)
    assert np.mean(losses[-10:]) < 0.6
    assert {value.dtype for value in model.weights().values()} == {np.dtype(np.float32)}


@pytest.mark.parametrize("architecture", ["lstm", "gru", "rnn"])
def test_bfloat16_trains_as_float32_to_two_digits(build, architecture, small_spec, stream):
    losses = {}
    for precision in ("float32", "bfloat16"):
        model = build(small_spec(architecture), optimizer=OptimizerSpec(), precision=precision)
        assert model.precision == precision
        losses[precision] = train(model, stream(10), 0.01)
    assert losses["bfloat16"] != losses["float32"]
    np.testing.assert_allclose(losses["bfloat16"], losses["float32"], rtol=1e-2)


def test_the_carried_state_is_that_of_the_text_so_far(trainer, small_spec, random_batch):
    spec = small_spec("lstm", num_layers=2)
    whole = random_batch(2, 9)
    first, second = (Batch(whole.inputs[:, part], whole.targets[:, part]) for part in (slice(0, 4), slice(4, 9)))
    model = trainer.build(spec, optimizer=OptimizerSpec(name="sgd"), precision="float32")
    nats = 4 * train(model, [first], 0.0)[0]  # at rate 0 the weights stay
    nats += 5 * train(model, [dataclasses.replace(second, carry=True)], 0.0)[0]
    assert nats / 9 == pytest.approx(train(model, [whole], 0.0)[0], rel=1e-5)


def test_generation_follows_training_at_once(trainer, small_spec, stream, reference):
    spec = small_spec("gru")
    model = trainer.build(spec, optimizer=OptimizerSpec(), precision="float32")
    ids = np.array([[3, 1, 4]])
    for batch in stream(3):
        model.prefill(ids, model.initial_state(1))
        model.train_step(batch, 0.05)
    logits, _ = model.prefill(ids, model.initial_state(1))
    np.testing.assert_allclose(logits, reference.logits(spec, model.weights(), ids)[:, -1], atol=1e-5)


def test_dropout_zeroes_in_training_and_is_fixed_by_the_random_seed(trainer, small_spec, random_batch):
    batches = [random_batch(4, 8, random_seed=number) for number in range(3)]

    def losses(dropout, random_seed):
        weights = trainer.build(small_spec(), random_seed=0).weights()
        model = trainer.build(
            small_spec(dropout=dropout), optimizer=OptimizerSpec(), random_seed=random_seed, weights=weights
        )
        return train(model, batches, 0.01)

    expected = losses(0.5, 1)
    assert losses(0.5, 1) == expected
    assert losses(0.5, 2) != expected
    assert losses(0.0, 1) != expected


def test_dropout_keeps_the_expected_output(trainer, small_spec, random_batch, random_weights, reference):
    """Half of the outputs are zeroed and the rest doubled, so the mean over many sequences stays."""
    spec = small_spec("lstm", hidden_size=64, dropout=0.5)
    weights = random_weights(spec)
    model = trainer.build(spec, optimizer=OptimizerSpec(name="sgd"), weights=weights)
    batch = random_batch(64, 32)
    with_dropout = np.mean([float(model.train_step(batch, 0.0)) for _ in range(5)])
    assert with_dropout == pytest.approx(reference.loss(spec, weights, batch), rel=0.05)


def test_the_loss_is_a_detached_scalar(trainer, small_spec, random_batch):
    model = trainer.build(small_spec("gru"), optimizer=OptimizerSpec(), precision="float32")
    loss = model.train_step(random_batch(4, 8), 0.01)
    assert tuple(loss.shape) == ()
    assert not getattr(loss, "requires_grad", False)


def test_a_model_without_an_optimizer_does_not_train(trainer, small_spec, random_batch):
    with pytest.raises(TypeError, match="without an optimizer"):
        trainer.build(small_spec()).train_step(random_batch(2, 3), 0.01)
