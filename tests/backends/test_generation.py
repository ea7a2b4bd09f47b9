"""Stepping, reading at once, and states that the core may slice and join."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest


@pytest.fixture(params=["lstm", "gru", "rnn"])
def model(request, any_generator, small_spec, random_weights):
    spec = small_spec(request.param, num_layers=2)
    return any_generator(spec, random_weights(spec))


def copied(state):
    return {name: np.asarray(part).copy() for name, part in state.items()}


@pytest.mark.parametrize("steps", [1, 5, 300])
def test_reading_at_once_equals_stepping(model, random_batch, steps):
    ids = random_batch(2, steps).inputs
    logits, state = model.prefill(ids, model.initial_state(2))
    stepped = model.initial_state(2)
    for step in range(steps):
        expected, stepped = model.next_logits(ids[:, step], stepped)
    np.testing.assert_allclose(logits, expected, atol=1e-5)
    for name, part in stepped.items():
        np.testing.assert_allclose(state[name], part, atol=1e-5)


def test_a_row_does_not_depend_on_the_others(model, random_batch):
    ids = random_batch(16, 30).inputs
    state, alone = model.initial_state(16), model.initial_state(1)
    for step in range(30):
        logits, state = model.next_logits(ids[:, step], state)
        expected, alone = model.next_logits(ids[5:6, step], alone)
    np.testing.assert_allclose(np.asarray(logits)[5:6], expected, atol=1e-5)


def test_rows_of_a_state_go_on_as_before(model, random_batch):
    ids = random_batch(4, 6).inputs
    _, state = model.prefill(ids[:, :5], model.initial_state(4))
    expected, _ = model.next_logits(ids[:, 5], state)
    rows = np.array([3, 1])
    taken = {name: part[rows] for name, part in state.items()}
    logits, _ = model.next_logits(ids[rows, 5], taken)
    np.testing.assert_allclose(logits, np.asarray(expected)[rows], atol=1e-5)


def test_every_part_of_a_state_has_a_row_for_each_sequence(model):
    state = model.initial_state(3)
    if set(state) == {"layers"}:  # all in one
        assert state["layers"].shape == (3, 2, 2 if model.spec.architecture == "lstm" else 1, 8)
        return
    assert set(state) in (
        {"layers.0.hidden", "layers.0.cell", "layers.1.hidden", "layers.1.cell"},
        {"layers.0.hidden", "layers.1.hidden"},
    )
    assert {name: tuple(part.shape) for name, part in state.items()} == dict.fromkeys(state, (3, 8))


def test_the_state_handed_in_is_not_modified(model, random_batch):
    ids = random_batch(2, 3).inputs
    _, state = model.prefill(ids, model.initial_state(2))
    before = copied(state)
    model.next_logits(ids[:, 0], state)
    model.prefill(ids, state)
    for name, part in before.items():
        np.testing.assert_array_equal(state[name], part)


def test_the_state_given_out_stays_as_it_was(model, random_batch):
    ids = random_batch(2, 2).inputs
    _, state = model.next_logits(ids[:, 0], model.initial_state(2))
    before = copied(state)
    model.next_logits(ids[:, 1], state)
    model.next_logits(ids[:, 1], model.initial_state(2))
    for name, part in before.items():
        np.testing.assert_array_equal(state[name], part)


@pytest.mark.usefixtures("threads_take_turns_often")
def test_threads_may_go_on_with_one_model_at_the_same_time(model, random_batch):
    ids = random_batch(8, 50).inputs

    def last_logits(row):
        state = model.initial_state(1)
        for step in range(ids.shape[1]):
            logits, state = model.next_logits(ids[row : row + 1, step], state)
        return np.array(logits)

    expected = [last_logits(row) for row in range(8)]
    with ThreadPoolExecutor(8) as pool:
        for row, logits in enumerate(pool.map(last_logits, range(8))):
            np.testing.assert_array_equal(logits, expected[row])


def test_logits_stay_as_they_were_given(model, random_batch):
    """A sampler may still hold them when the next step is made."""
    ids = random_batch(2, 2).inputs
    logits, state = model.next_logits(ids[:, 0], model.initial_state(2))
    before = np.array(logits)
    model.next_logits(ids[:, 1], state)
    np.testing.assert_array_equal(logits, before)


def test_ids_of_any_integer_type_and_read_only_arrays_are_taken(model):
    expected = None
    for dtype in (np.int64, np.int32, np.uint16, np.uint8):
        ids = np.array([[3, 1, 4]], dtype=dtype)
        ids.setflags(write=False)
        logits, state = model.prefill(ids, model.initial_state(1))
        logits, _ = model.next_logits(ids[:, 0], state)
        expected = logits if expected is None else expected
        np.testing.assert_array_equal(logits, expected)


class Interrupted:
    """The steps of a model, of which one cannot be replaced once."""

    def __init__(self, steps, name):
        vars(self).update(steps=steps, name=name)

    def __getattr__(self, name):
        return getattr(self.steps, name)

    def __setattr__(self, name, value):
        if name == self.name:
            vars(self).update(name=None)
            raise KeyboardInterrupt
        setattr(self.steps, name, value)


@pytest.mark.parametrize("replaced", ["first", "above"])
@pytest.mark.parametrize("name", ["numpy", "torch"])
def test_an_interruption_between_two_numbers_of_sequences_leaves_no_step_of_the_other(
    backends, small_spec, random_weights, random_batch, name, replaced
):
    spec = small_spec(num_layers=2)
    model = backends[name].build(spec, weights=random_weights(spec), device="cpu", precision="float32")
    few, many = random_batch(2, 1).inputs[:, 0], random_batch(3, 1).inputs[:, 0]
    expected = np.array(model.next_logits(few, model.initial_state(2))[0])
    keeper, steps = (model, "_steps") if name == "numpy" else (model._stepper, "_made")
    setattr(keeper, steps, Interrupted(getattr(keeper, steps), replaced))
    with pytest.raises(KeyboardInterrupt):
        model.next_logits(many, model.initial_state(3))
    logits, _ = model.next_logits(few, model.initial_state(2))
    np.testing.assert_array_equal(np.asarray(logits), expected)
