"""The recurrent layers of the keras backend on a CPU: Keras' own, with the same gradients, in less time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("keras")

from seqgen.backends.keras import engine, recurrence
from seqgen.backends.keras.network import Network
from seqgen.backends.keras.weights import to_keras
from seqgen.backends.states import PARTS
from seqgen.core.canonical import initial_weights
from seqgen.core.spec import ModelSpec

pytestmark = pytest.mark.skipif(engine.name() not in recurrence.ENGINES, reason="layers are Keras' own on this engine")


def example(spec, rows, steps, random_seed=0):
    """Weights as Keras has them, a batch in which some targets weigh nothing, and a state that is not zero."""
    generator = np.random.default_rng(random_seed)
    values = engine.tensors(
        {name: to_keras(name, value, spec.architecture) for name, value in initial_weights(spec, random_seed).items()}
    )
    ids = generator.integers(0, spec.vocab_size, (2, steps, rows))
    batch = {
        "inputs": engine.tensor(ids[0], "int32"),
        "targets": engine.tensor(ids[1], "int32"),
        "weights": engine.tensor(generator.integers(0, 3, (steps, rows)), "float32"),
    }
    names = [f"layers.{layer}.{part}" for layer in range(spec.num_layers) for part in PARTS[spec.architecture]]
    state = {name: generator.normal(size=(rows, spec.hidden_size)) for name in names}
    return values, batch, engine.tensors(state)


def learned(spec, device, values, batch, state, precision="float32"):
    """{name: array} of the nats, the state after and the gradients of all weights; devices other than cpu take Keras' layers."""
    network = Network(spec, device, precision)
    (nats, after), gradients = engine.value_and_gradients(
        lambda values: network.nats(values, batch, state, last_step_only=False), values
    )
    return {"nats": float(nats)} | {name: engine.array(value) for name, value in {**after, **gradients}.items()}


@settings(max_examples=settings.default.max_examples // 4, deadline=None)
@given(
    architecture=st.sampled_from(sorted(PARTS)),
    num_layers=st.integers(1, 2),
    hidden_size=st.integers(1, 9),
    embedding_size=st.integers(1, 5),
    rows=st.integers(1, 4),
    steps=st.integers(1, 7),
    random_seed=st.integers(0, 99),
)
def test_it_computes_the_nats_states_and_gradients_of_keras_own_layers(
    architecture, num_layers, hidden_size, embedding_size, rows, steps, random_seed
):
    shape = {"embedding_size": embedding_size, "hidden_size": hidden_size, "num_layers": num_layers}
    spec = ModelSpec(vocab_size=7, architecture=architecture, **shape)
    given = example(spec, rows, steps, random_seed)
    ours, theirs = learned(spec, "cpu", *given), learned(spec, "cuda:0", *given)
    assert ours.keys() == theirs.keys()
    for name, expected in theirs.items():
        np.testing.assert_allclose(ours[name], expected, rtol=1e-4, atol=1e-5, err_msg=name)


@pytest.mark.parametrize("rows", [4, 1024], ids=["few rows", "many rows"])
@pytest.mark.parametrize("architecture", PARTS)
def test_in_bfloat16_it_computes_the_same_to_two_digits(architecture, rows):
    spec = ModelSpec(vocab_size=7, architecture=architecture, embedding_size=5, hidden_size=32, num_layers=2)
    given = example(spec, rows, 9)
    exact, lower = learned(spec, "cpu", *given), learned(spec, "cpu", *given, precision="bfloat16")
    for name, expected in exact.items():
        error = np.linalg.norm(lower[name] - expected)
        assert 0 < error < 0.02 * np.linalg.norm(expected), name


def test_one_compiled_step_serves_sequences_of_any_length():
    spec = ModelSpec(vocab_size=7, hidden_size=4)
    network = Network(spec, "cpu")
    compiled = engine.compiled(lambda *inputs: network.nats(*inputs, last_step_only=False)[0])
    for steps in (5, 8, 3, 1):
        given = example(spec, 2, steps)
        assert float(compiled(*given)) == pytest.approx(learned(spec, "cuda:0", *given)["nats"], rel=1e-5)
    if engine.name() == "tensorflow":
        assert compiled.experimental_get_tracing_count() == 2
