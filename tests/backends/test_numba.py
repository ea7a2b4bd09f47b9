"""Weights of 8 bits: how they are rounded, and that compiled products of integers are exact."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqgen.backends.numba import kernels
from seqgen.backends.numba import model as numba_model
from seqgen.backends.numba.backend import NumbaBackend
from seqgen.backends.numba.kernels import BLOCK
from seqgen.backends.numba.weights import levels_of, pack
from seqgen.backends.numpy.backend import NumpyBackend
from seqgen.backends.numpy.weights import prepare
from seqgen.core.canonical import canonical_shapes, initial_weights
from seqgen.core.spec import ModelSpec
from seqgen.core.types import Batch

shapes = st.builds(
    ModelSpec,
    vocab_size=st.sampled_from([1, 5, 64, 65, 130]),
    architecture=st.sampled_from(["lstm", "gru", "rnn"]),
    embedding_size=st.just(3),
    hidden_size=st.sampled_from([1, 2, 7, 16, 33]),
    num_layers=st.integers(1, 3),
)


def unpacked(products, number, rows):
    """The integers (R, C) of one product."""
    columns = products.scale.shape[1]
    blocks, pairs = -(-columns // BLOCK), -(-rows // 2)
    by_block = products.weight[number].reshape(blocks, pairs, BLOCK, 2)
    return by_block.transpose(1, 3, 0, 2).reshape(2 * pairs, blocks * BLOCK)[:rows, :columns]


def outputs_of(prepared):
    """Every product of a layout, as the name of its place in what is packed, its number there, and its weights."""
    layers = prepared.layers
    yield from (("inputs", number, layer.input_weight) for number, layer in enumerate(layers[1:]))
    yield from (("recurrent", number, layer.recurrent_weight) for number, layer in enumerate(layers))
    yield "output", 0, prepared.output_weight


@given(shapes, st.integers(0, 3))
def test_a_weight_is_rounded_to_the_nearest_of_255_in_its_column(spec, random_seed):
    weights = initial_weights(spec, random_seed)
    packed = pack(weights, spec)
    for name, number, weight in outputs_of(prepare(weights, spec)):
        products = getattr(packed, name)
        scale = products.scale[number] * levels_of(spec.hidden_size)
        integers = unpacked(products, number, spec.hidden_size)
        assert np.abs(integers).max(axis=0, initial=0).tolist() == [127 if any(column) else 0 for column in weight.T]
        assert (np.abs(integers * scale - weight) <= 0.5001 * scale).all()


@given(shapes)
def test_what_fills_up_pairs_and_blocks_is_zero(spec):
    weights = initial_weights(spec, 0)
    packed = pack(weights, spec)
    for name, number, _ in outputs_of(prepare(weights, spec)):
        products = getattr(packed, name)
        assert np.count_nonzero(products.weight[number]) == np.count_nonzero(
            unpacked(products, number, spec.hidden_size)
        )


@settings(deadline=None)  # the first call compiles
@given(shapes, st.integers(0, 3))
def test_a_product_is_that_of_the_integers(spec, random_seed):
    packed = pack(initial_weights(spec, random_seed), spec)
    draw = np.random.default_rng(random_seed)
    values = draw.uniform(-1, 1, spec.hidden_size).astype(np.float32)
    expected = np.rint(values * levels_of(spec.hidden_size)).astype(np.int64) @ unpacked(
        packed.output, 0, spec.hidden_size
    ).astype(np.int64)
    found = product_of(packed.output, values, spec)
    np.testing.assert_allclose(found, packed.output.bias[0] + packed.output.scale[0] * expected, rtol=1e-6, atol=1e-7)


def product_of(products, values, spec):
    size = spec.hidden_size
    rounded = np.zeros(size + size % 2, np.int16)
    result = np.empty(products.scale.shape[1], np.float32)
    sums = np.empty(-(-len(result) // BLOCK) * BLOCK, np.int32)
    kernels.to_integers(values, levels_of(size), rounded)
    kernels.product(products, 0, rounded.view(np.int32), sums, result)
    return result


@pytest.mark.parametrize("hidden_size", [2, 512, 513, 5000])
@pytest.mark.parametrize("sign", [1, -1])
def test_the_largest_sum_overflows_nothing(hidden_size, sign):
    spec = ModelSpec(vocab_size=2, architecture="rnn", embedding_size=1, hidden_size=hidden_size)
    weights = {name: np.zeros(shape, np.float32) for name, shape in canonical_shapes(spec).items()}
    weights["output.weight"][:] = sign * 0.1
    found = product_of(pack(weights, spec).output, np.ones(hidden_size, np.float32), spec)
    np.testing.assert_allclose(found, sign * 0.1 * hidden_size, rtol=1e-5)


@pytest.mark.parametrize("architecture", ["lstm", "gru", "rnn"])
@pytest.mark.parametrize("shape", [{}, {"tie_embeddings": True}, {"input_encoding": "one-hot"}, {"num_layers": 3}])
def test_logits_are_near_those_of_the_formulas(architecture, shape, small_spec, random_weights, reference):
    spec = small_spec(architecture, **shape)
    weights = random_weights(spec)
    ids = np.random.default_rng(0).integers(0, spec.vocab_size, (2, 60))
    model = NumbaBackend().build(spec, weights=weights)
    found, _ = model.forward(ids, model.initial_state(2))
    expected = reference.logits(spec, weights, ids)
    assert np.abs(found - expected).max() > 1e-5  # or nothing was rounded
    np.testing.assert_allclose(found, expected, rtol=0.03, atol=0.03)


@pytest.mark.parametrize("width", [1, 7])
def test_a_text_has_nearly_as_many_nats_as_with_the_weights_themselves(width, small_spec, random_weights, random_batch):
    spec = small_spec(num_layers=2)
    weights = random_weights(spec)
    batch = random_batch(3, 50)
    part = np.zeros((3, 50), np.float32)
    part[:, ::width] = 1
    batch = Batch(batch.inputs, batch.targets, part)
    exact, count = NumpyBackend().build(spec, weights=weights).evaluate(batch)
    found, counted = NumbaBackend().build(spec, weights=weights).evaluate(batch)
    assert counted == count == np.count_nonzero(part)
    assert found == pytest.approx(exact, rel=1e-2)


def test_an_evaluation_in_pieces_is_that_of_the_whole(small_spec, random_weights, random_batch, monkeypatch):
    spec = small_spec(num_layers=2)
    model = NumbaBackend().build(spec, weights=random_weights(spec))
    weights = (np.arange(150).reshape(3, 50) % 4 > 0).astype(np.float32)
    batch = random_batch(3, 50, weights=weights)
    expected = model.evaluate(batch)
    monkeypatch.setattr(numba_model, "_AT_ONCE", 7 * 3 * spec.vocab_size)
    found = model.evaluate(batch)
    assert found == (pytest.approx(expected[0]), expected[1])


def test_tanh_is_right_to_a_millionth_and_never_beyond_1():
    values = np.linspace(-12, 12, 10_001, dtype=np.float32)
    found = np.array([kernels.tanh(value) for value in values])
    np.testing.assert_allclose(found, np.tanh(values.astype(np.float64)), atol=2e-6)
    assert np.abs(found).max() <= 1 + 2e-7


FULL_DISK = """
import resource, sys
import numpy as np
from seqgen.backends.numba import kernels
from seqgen.backends.numba.backend import NumbaBackend
from seqgen.core.spec import ModelSpec
model = NumbaBackend().build(ModelSpec(vocab_size=3, hidden_size=4))
resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))
print(model.next_logits(np.array([1]), model.initial_state(1))[0].shape)
"""


LITTLE = """
from seqgen.backends.numba.kernels import kept

@kept
def doubled(value):
    return 2 * value
"""

LITTLE_ON_A_FULL_DISK = """
import resource
from little import doubled
from seqgen.backends.numba.kernels import compiled_for
resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))
print(compiled_for(doubled, [1.5])(1.5))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="files are not limited there")
def test_what_a_disk_cannot_keep_that_takes_nothing_more_is_compiled_all_the_same(run_python, monkeypatch, tmp_path):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "compiled"))
    (tmp_path / "little.py").write_text(LITTLE)
    outcome = run_python(LITTLE_ON_A_FULL_DISK)
    assert (outcome.exit_code, outcome.stdout) == (0, "3.0\n"), outcome
    assert not [path for path in (tmp_path / "compiled").rglob("*") if path.is_file() and path.stat().st_size > 10]


@pytest.mark.slow  # compiles
@pytest.mark.skipif(sys.platform == "win32", reason="files are not limited there")
def test_a_disk_that_takes_nothing_more_stops_no_text(run_python, monkeypatch, tmp_path):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    outcome = run_python(FULL_DISK)
    assert (outcome.exit_code, outcome.stdout) == (0, "(1, 3)\n"), outcome


@pytest.mark.slow  # compiles
def test_what_was_compiled_is_kept_for_the_next_process(run_python, monkeypatch, tmp_path):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    unlimited = FULL_DISK.replace("(10, 10)", "(10**9, 10**9)")
    hits = [run_python(f"{unlimited}print(*kernels.read.stats.cache_hits.values())").stdout for _ in range(2)]
    assert hits == ["(1, 3)\n\n", "(1, 3)\n1\n"]


DAMAGED = """
import numpy as np
from seqgen.backends.numba.backend import NumbaBackend
from seqgen.core.spec import ModelSpec

model = NumbaBackend().build(ModelSpec(vocab_size=3, hidden_size=4))
print(model.next_logits(np.array([1]), model.initial_state(1))[0].shape)
"""


@pytest.mark.slow  # compiles three times
def test_what_a_crash_left_of_compiled_code_is_passed_over(run_python, monkeypatch, tmp_path):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    run_python(DAMAGED)
    indexes = list(tmp_path.rglob("*.nbi"))
    assert indexes
    for kept in (b"", b"\x80\x04nothing that ends"):  # empty, and torn
        for index in indexes:
            index.write_bytes(kept)
        outcome = run_python(DAMAGED)
        assert (outcome.exit_code, outcome.stdout) == (0, "(1, 3)\n"), outcome


@pytest.mark.parametrize("rows", [1, 4])
def test_a_state_of_other_sequences_than_ids_is_refused(rows, small_spec, random_weights):
    spec = small_spec()
    model = NumbaBackend().build(spec, weights=random_weights(spec))
    with pytest.raises(ValueError, match=f"There are 3 rows of ids, but the state is of {rows} sequences"):
        model.next_logits(np.array([1, 2, 3]), model.initial_state(rows))


@pytest.mark.parametrize("name", ["layers.0.recurrent_weight", "layers.1.input_weight", "output.weight"])
def test_weights_with_which_a_sum_may_overflow_give_no_logits(name, small_spec, random_weights):
    spec = small_spec(num_layers=2)
    weights = random_weights(spec)
    weights[name].flat[3] = 3e38
    model = NumbaBackend().build(spec, weights=weights)
    logits, _ = model.next_logits(np.array([1]), model.initial_state(1))
    assert not np.isfinite(logits).any()


@pytest.mark.parametrize("token", [-1, 11, 2**40])
def test_an_id_that_is_no_token_is_refused(token, small_spec, random_weights):
    spec = small_spec()
    model = NumbaBackend().build(spec, weights=random_weights(spec))
    state = model.initial_state(1)
    expected, _ = model.next_logits(np.array([1]), state)
    with pytest.raises(IndexError, match="a token id is not in the vocabulary"):
        model.prefill(np.array([[1, token]]), state)
    found, _ = model.next_logits(np.array([1]), state)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(
    "name", ["embedding.weight", "layers.0.recurrent_weight", "layers.1.input_weight", "layers.1.bias", "output.weight"]
)
def test_weights_that_are_not_finite_give_no_logits_that_are(name, wrong, small_spec, random_weights):
    spec = small_spec(num_layers=2)
    weights = random_weights(spec)
    weights[name].flat[3] = wrong
    model = NumbaBackend().build(spec, weights=weights)
    logits, _ = model.next_logits(np.array([1]), model.initial_state(1))
    assert not np.isfinite(logits).any()


def test_where_nothing_can_be_kept_on_disk_functions_are_compiled_all_the_same():
    functions = {}
    exec("def twice(number):\n    return 2 * number\n", functions)  # of no file, beside which it could be kept
    assert kernels.kept(functions["twice"])(21) == 42


def test_a_model_says_that_its_weights_are_rounded_and_gives_them_back_as_they_are(small_spec, random_weights):
    spec = small_spec()
    weights = random_weights(spec)
    model = NumbaBackend().build(spec, weights=weights)
    assert model.quantised
    assert not NumpyBackend().build(spec, weights=weights).quantised
    for name, value in model.weights().items():
        np.testing.assert_array_equal(value, weights[name])
