"""What Keras compiles is shared by models that are alike, and knows nothing of any of them."""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import weakref
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

import numpy as np
import pytest

pytest.importorskip("keras")

from seqgen.backends.keras import engine, functions, recurrence
from seqgen.backends.keras.backend import KerasBackend
from seqgen.core.spec import OptimizerSpec

pytestmark = pytest.mark.skipif(engine.name() not in recurrence.ENGINES, reason="nothing is shared on this engine")

SGD = OptimizerSpec(name="sgd")


@contextlib.contextmanager
def nothing_compiled():
    """What other tests have compiled is put aside, and used by them again afterwards."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(functions, "_kept", lru_cache(maxsize=functions.KEPT)(functions._kept.__wrapped__))
        yield


@pytest.fixture(autouse=True)
def _nothing_is_compiled_yet():
    with nothing_compiled():
        yield


@pytest.fixture(scope="module")
def build(small_spec):
    """``build(random_seed)``: a model that is like the others that it builds."""
    how = {"device": "cpu", "precision": "float32", "optimizer": SGD}
    return lambda random_seed: KerasBackend().build(small_spec("rnn", dropout=0.3), **how, random_seed=random_seed)


@pytest.fixture
def traces(monkeypatch):
    """A list that becomes longer by one whenever an update is traced."""
    traced, updated = [], functions.updated
    monkeypatch.setattr(functions, "updated", lambda *arguments: traced.append(1) or updated(*arguments))
    return traced


def test_models_that_are_alike_are_compiled_once(build, random_batch, traces):
    for random_seed in (1, 2):
        build(random_seed).train_step(random_batch(2, 4), 0.1)
    assert len(traces) == 1


def test_models_that_differ_in_anything_share_nothing(small_spec):
    spec, how = small_spec(), {"device": "cpu", "precision": "float32", "optimizer": SGD, "first_rows": 2}
    one = functions.functions_of(spec, **how)
    assert functions.functions_of(dataclasses.replace(spec), **how) is one
    assert functions.functions_of(dataclasses.replace(spec, dropout=0.1), **how) is not one
    for other in (
        {"precision": "bfloat16"},
        {"optimizer": None},
        {"optimizer": dataclasses.replace(SGD, grad_clip=0.5)},
        {"first_rows": 3},
    ):
        assert functions.functions_of(spec, **{**how, **other}) is not one


def test_models_with_variables_of_their_own_share_nothing(small_spec, monkeypatch):
    monkeypatch.setattr(recurrence, "is_used", lambda _: False)  # as on a GPU
    how = {"device": "cpu", "precision": "float32", "optimizer": None, "first_rows": 2}
    assert functions.functions_of(small_spec(), **how) is not functions.functions_of(small_spec(), **how)


def learned(model, random_batch):
    """What a model has and scores, to the bit, as it goes through three steps with dropout and a carried state."""
    for step in range(3):
        batch = random_batch(2, 4, random_seed=step, carry=step > 0)
        yield float(model.train_step(batch, 0.1)), float(model.evaluate(batch)[0])
    yield {name: value.tobytes() for name, value in (model.weights() | model.training_state()).items()}


@pytest.fixture(scope="module")
def alone(build, random_batch):
    """What the models of the random seeds 1 and 2 have learned, each by functions of its own."""
    found = []
    for random_seed in (1, 2):
        with nothing_compiled():
            found.append(tuple(learned(build(random_seed), random_batch)))
    return found


@pytest.mark.usefixtures("threads_take_turns_often")
def test_models_that_are_alike_keep_to_their_own_numbers_in_turns_and_in_threads(build, random_batch, alone):
    assert alone[0] != alone[1]
    in_turns = zip(*(learned(build(random_seed), random_batch) for random_seed in (1, 2)), strict=True)
    assert list(zip(*in_turns, strict=True)) == alone
    functions._kept.cache_clear()
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(lambda seed: tuple(learned(build(seed), random_batch)), (1, 2))) == alone


def test_what_a_model_learns_is_the_same_to_the_bit_whatever_others_have_read(small_spec, random_batch):
    def trained(*shapes):
        optimizer = OptimizerSpec(name="sgd")
        model = KerasBackend().build(small_spec(hidden_size=64), device="cpu", precision="float32", optimizer=optimizer)
        for rows, steps in shapes:
            model.train_step(random_batch(rows, steps), 1.0)
        return model.weights()

    alone = trained((4, 12))
    functions._kept.cache_clear()
    trained(
        (4, 9), (3, 7)
    )  # from the second on TensorFlow knows neither how many rows nor how many steps there will be
    for name, value in trained((4, 12)).items():
        np.testing.assert_array_equal(value, alone[name], err_msg=name)


def test_a_model_that_is_gone_leaves_no_weights_behind(build, random_batch):
    model = build(1)
    model.train_step(random_batch(2, 4), 0.1)
    left = [weakref.ref(each) for each in (model, *model._values.values())]
    del model
    gc.collect()
    assert [each() for each in left] == [None] * len(left)
    assert functions._kept.cache_info().currsize == 1


def test_an_update_that_fails_while_it_is_traced_spoils_nothing(build, random_batch, alone, monkeypatch):
    def fails(*_):
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(functions, "updated", fails)
        with pytest.raises(MemoryError):
            build(2).train_step(random_batch(2, 4), 0.1)
    assert tuple(learned(build(1), random_batch)) == alone[0]
