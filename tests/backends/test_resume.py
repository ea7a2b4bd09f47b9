"""Going on where training stopped: here bit for bit, and in the other framework."""

from __future__ import annotations

import numpy as np
import pytest
from safetensors.numpy import load, save

from seqgen.core.spec import OptimizerSpec

OPTIMIZERS = ["adamw", "adam", "rmsprop", "sgd"]


def train(model, batches, learning_rate=0.01):
    return [float(model.train_step(batch, learning_rate)) for batch in batches]


def stored(state):
    """As a checkpoint keeps it."""
    return load(save(state))


@pytest.mark.parametrize(
    ("architecture", "optimizer"),
    [("lstm", "adamw"), ("gru", "adamw"), ("rnn", "adamw"), ("gru", "adam"), ("gru", "rmsprop"), ("gru", "sgd")],
)
def test_resuming_equals_never_having_stopped_bit_for_bit(trainer, architecture, optimizer, small_spec, stream):
    spec = small_spec(architecture, num_layers=2 if architecture == "lstm" else 1, dropout=0.3)
    rule = OptimizerSpec(name=optimizer)
    model = trainer.build(spec, optimizer=rule, random_seed=5)
    train(model, stream(5))
    weights, state = stored(model.weights()), stored(model.training_state())
    expected = train(model, stream(6, start=5))
    resumed = trainer.build(spec, optimizer=rule, random_seed=6, weights=weights)
    resumed.load_training_state(state)
    assert train(resumed, stream(6, start=5)) == expected
    for name, value in model.weights().items():
        np.testing.assert_array_equal(resumed.weights()[name], value)


def test_bfloat16_resumes_bit_for_bit_too(build, small_spec, stream):
    spec = small_spec("lstm", dropout=0.3)
    model = build(spec, optimizer=OptimizerSpec(), precision="bfloat16")
    train(model, stream(3))
    resumed = build(spec, optimizer=OptimizerSpec(), precision="bfloat16", weights=stored(model.weights()))
    resumed.load_training_state(stored(model.training_state()))
    assert train(resumed, stream(4, start=3)) == train(model, stream(4, start=3))


@pytest.mark.parametrize("random", [np.zeros(1, np.uint8), np.zeros((0, 3), np.float32)], ids=["short", "empty"])
def test_a_random_state_that_is_none_of_its_own_is_refused_for_nobody_else_can_judge_it(trainer, small_spec, random):
    model = trainer.build(small_spec("gru", dropout=0.3), optimizer=OptimizerSpec())
    state = model.training_state()
    (name,) = (name for name in state if name.startswith("random."))
    with pytest.raises((RuntimeError, TypeError, ValueError)):
        model.load_training_state(state | {name: random})


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_training_state_names_moments_in_the_canonical_form(trainer, optimizer, small_spec, stream):
    spec = small_spec("gru", dropout=0.3)
    model = trainer.build(spec, optimizer=OptimizerSpec(name=optimizer))
    shapes = {name: value.shape for name, value in model.weights().items()}
    moments = {"adamw": ("first", "second"), "adam": ("first", "second"), "rmsprop": ("second",), "sgd": ()}[optimizer]
    expected = {"step": ()} | {f"{m}_moment.{name}": shape for m in moments for name, shape in shapes.items()}
    for step in range(2):
        state = model.training_state()
        assert int(state["step"]) == step
        own = {name: value.shape for name, value in state.items() if not name.startswith(("carry.", "random."))}
        assert own == expected
        train(model, stream(1))
    assert state["carry.layers.0.hidden"].shape == (4, 8)
    assert sum(name.startswith("random.") for name in state) == 1


def test_a_model_that_does_not_train_has_no_training_state(backend, small_spec):
    model = backend.build(small_spec())
    assert model.training_state() == {}
    model.load_training_state({"step": np.array(3)})


def test_where_dropout_stands_is_named_after_what_drew_it_for_no_other_can_go_on_there(backends, small_spec):
    spec, found = small_spec("lstm", dropout=0.3), {}
    for name in ("torch", "keras"):
        state = backends[name].build(spec, device="cpu", optimizer=OptimizerSpec()).training_state()
        (found[name],) = (key for key in state if key.startswith("random."))
    keras = pytest.importorskip("keras")
    assert found == {"torch": "random.torch-cpu", "keras": f"random.keras-{keras.backend.backend()}"}


@pytest.mark.parametrize("optimizer", ["adamw", "rmsprop"])
@pytest.mark.parametrize(("first", "second"), [("torch", "keras"), ("keras", "torch")])
def test_the_other_framework_goes_on_as_if_it_had_trained_all_along(
    backends, first, second, optimizer, small_spec, stream
):
    """Moments and the carried state are the same in both, so that without dropout the losses are, too."""
    spec = small_spec("gru")
    rule = OptimizerSpec(name=optimizer)
    model = backends[first].build(spec, optimizer=rule, precision="float32")
    train(model, stream(10))
    other = backends[second].build(spec, optimizer=rule, weights=model.weights(), precision="float32")
    other.load_training_state(stored(model.training_state()))
    expected = train(model, stream(10, start=10))
    np.testing.assert_allclose(train(other, stream(10, start=10)), expected, rtol=1e-4)
    np.testing.assert_array_equal(other.training_state()["step"], 20)


@pytest.mark.parametrize(
    ("first", "second", "architecture"),
    [("torch", "keras", "lstm"), ("keras", "torch", "lstm"), ("torch", "keras", "gru"), ("keras", "torch", "rnn")],
)
def test_the_validation_loss_goes_on_in_the_other_framework(backends, first, second, architecture, small_spec, stream):
    spec = small_spec(architecture, dropout=0.2)
    (validation,) = stream(1, rows=8, steps=32)

    def validation_loss(model):
        nats, scored = model.evaluate(validation)
        return float(nats) / scored

    model = backends[first].build(spec, optimizer=OptimizerSpec())
    train(model, stream(40))
    before = validation_loss(model)
    other = backends[second].build(spec, optimizer=OptimizerSpec(), weights=model.weights())
    other.load_training_state(model.training_state())
    assert validation_loss(other) == pytest.approx(before, rel=1e-5)
    losses = []
    for batch in stream(10, start=40):
        other.train_step(batch, 0.001)
        losses.append(validation_loss(other))
    assert max(losses) <= before * 1.02
    assert losses[-1] < before


def test_names_that_a_backend_does_not_know_are_skipped(trainer, small_spec, stream):
    spec = small_spec("gru")
    model = trainer.build(spec, optimizer=OptimizerSpec(), precision="float32")
    train(model, stream(2))
    strange = {"carry.layers.0.memory": np.zeros((4, 3), np.float32), "random.other": np.zeros(3, np.uint8)}
    resumed = trainer.build(spec, optimizer=OptimizerSpec(), precision="float32", weights=model.weights())
    resumed.load_training_state({**model.training_state(), **strange})
    assert train(resumed, stream(1, start=2)) == train(model, stream(1, start=2))


def test_moments_of_another_optimiser_are_not_taken_for_ones_own(trainer, small_spec, stream):
    spec = small_spec("gru")
    model = trainer.build(spec, optimizer=OptimizerSpec(name="rmsprop"), precision="float32")
    train(model, stream(4))
    adam = trainer.build(spec, optimizer=OptimizerSpec(), precision="float32", weights=model.weights())
    adam.load_training_state(model.training_state())
    state = adam.training_state()
    assert int(state["step"]) == 0
    assert not state["second_moment.output.weight"].any()


def test_another_batch_size_starts_from_zeros(trainer, small_spec, stream):
    spec = small_spec(num_layers=2, dropout=0.3)
    model = trainer.build(spec, optimizer=OptimizerSpec())
    train(model, stream(3))
    (batch,) = stream(1, rows=2, start=3)
    assert batch.carry
    assert np.isfinite(train(model, [batch])[0])
    assert model.training_state()["carry.layers.0.hidden"].shape == (2, 8)
