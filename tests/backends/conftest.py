"""The backends, the float64 reference of seqgen.testing, small models and batches."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest

import seqgen.testing.reference
from seqgen.core.canonical import initial_weights
from seqgen.core.errors import OptionError
from seqgen.core.spec import ModelSpec
from seqgen.core.types import Batch

KEPT_BY_THE_KIT = {"test_evaluation_between_two_training_steps_changes_nothing_of_training"}
"""A law of seqgen.testing asserts the same, and tests/testing/test_bundled_backends.py holds Keras to it."""

OF_ANY_ARCHITECTURE = {
    "test_a_batch_of_another_size_starts_from_zeros",
    "test_nats_are_those_of_the_logits_that_stepping_gives",
    "test_reading_at_once_equals_stepping",
    "test_the_last_step_alone_equals_a_mask_of_it",
    "test_threads_may_go_on_with_one_model_at_the_same_time",
    "test_what_a_mask_leaves_out_does_not_count",
}
"""What is asked here is done in Keras by code that knows no architecture, of which test_parity.py holds each to the reference."""


def pytest_collection_modifyitems(items):
    """Of the cases of a test that trains in Keras, the first runs always and the rest with ``--slow``.

    TensorFlow traces each kind of model anew, for seconds.  Where any architecture will do, it is an LSTM, which has two states.
    """
    seen = set()
    for item in items:
        parameters = item.callspec.params if hasattr(item, "callspec") else {}
        if parameters.get("trainer") == "keras":
            test = item.path, item.originalname
            if test in seen or item.originalname in KEPT_BY_THE_KIT:
                item.add_marker(pytest.mark.slow)
            seen.add(test)
        traced = parameters.get("backend") == "keras" or parameters.get("any_generator") == "keras-engine"
        of_any = item.originalname in OF_ANY_ARCHITECTURE and parameters.get("steps", 300) == 300
        if traced and of_any and parameters["model"] != "lstm":
            item.add_marker(pytest.mark.slow)


def _make(name):
    # Imported here, so that a test of one backend waits for no other framework.
    match name:
        case "numpy":
            from seqgen.backends.numpy.backend import NumpyBackend as BackendClass
        case "numba":
            from seqgen.backends.numba.backend import NumbaBackend as BackendClass
        case "torch":
            import torch

            from seqgen.backends.torch.backend import TorchBackend as BackendClass

            torch.set_num_threads(1)  # models this small have no work for more
        case "keras":
            from seqgen.backends.keras import functions
            from seqgen.backends.keras.backend import KerasBackend as BackendClass

            # There are more kinds of models in these tests.
            if functions._kept.cache_info().maxsize == functions.KEPT:
                functions._kept = lru_cache(maxsize=64)(functions._kept.__wrapped__)
    return BackendClass()


@pytest.fixture(scope="session", params=["numpy", "torch", "keras"])
def backend(request):
    """Each of the backends."""
    return _make(request.param)


@pytest.fixture(scope="session", params=["numpy", "torch", "keras", "keras-engine"])
def generator(request):
    """``generator(spec, weights)``: what generates in each backend that rounds no weights, for keras also as on a GPU."""
    return _generator(request.param)


@pytest.fixture(scope="session", params=["numpy", "numba", "torch", "keras", "keras-engine"])
def any_generator(request):
    """The same, and those that do."""
    return _generator(request.param)


def _generator(name):
    if name == "keras-engine":
        from seqgen.backends.keras.generator import EngineGenerator

        return lambda spec, weights: EngineGenerator(spec, weights, "cpu")
    backend = _make(name)
    return lambda spec, weights: backend.build(spec, weights=weights)


@pytest.fixture(scope="session", params=["torch", "keras"])
def trainer(request):
    """Each of the backends that train."""
    return _make(request.param)


@pytest.fixture(scope="session")
def build(trainer):
    """``trainer.build``, but skips the test where this processor does not compute in the precision asked for."""

    def make(*arguments, **options):
        try:
            return trainer.build(*arguments, **options)
        except OptionError as error:
            pytest.skip(str(error))

    return make


@pytest.fixture(scope="session")
def backends():
    """The backends by name."""
    return {name: _make(name) for name in ("numpy", "torch", "keras")}


@pytest.fixture(scope="session")
def small_spec():
    """A small model: V = 11, E = 6, H = 8, whatever is not given."""

    def spec(architecture="lstm", **shape):
        sizes = {"embedding_size": 8 if shape.get("tie_embeddings") else 6, "hidden_size": 8}
        return ModelSpec(**{"vocab_size": 11, "architecture": architecture, **sizes, **shape})

    return spec


@pytest.fixture(scope="session")
def random_weights():
    """Weights of a model in which no tensor is zero, so that each one counts."""

    def weights(spec, random_seed=0):
        noise = np.random.default_rng(random_seed)
        return {
            name: (value + noise.normal(0, 0.2 if name.endswith("bias") else 0.05, value.shape)).astype(np.float32)
            for name, value in initial_weights(spec, random_seed).items()
        }

    return weights


@pytest.fixture(scope="session")
def random_batch():
    """A batch of random inputs and targets, so that none can be guessed from another."""

    def batch(rows, steps, random_seed=0, vocab_size=11, **fields):
        inputs, targets = np.random.default_rng(random_seed).integers(0, vocab_size, (2, rows, steps), dtype=np.uint16)
        return Batch(inputs, targets, **fields)

    return batch


@pytest.fixture(scope="session")
def stream():
    """Batches that follow on one another in a sequence in which each token but one settles the next."""

    def batches(count, rows=4, steps=8, start=0):
        cycle = np.array([0, 3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 10], dtype=np.int64)
        for number in range(start, start + count):
            places = number * steps + np.arange(steps + 1) + 5 * np.arange(rows)[:, None]  # (B, T + 1)
            ids = cycle[places % len(cycle)]
            yield Batch(ids[:, :-1], ids[:, 1:], carry=number > 0)

    return batches


@pytest.fixture(scope="session")
def reference():
    """``logits(spec, weights, ids (B, T))`` (B, T, V) and ``loss(spec, weights, batch)``, in float64, from the formulas."""
    return seqgen.testing.reference
