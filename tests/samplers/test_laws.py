"""What every bundled sampler keeps to, whatever the logits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from seqgen.core.catalog import load_catalog

torch = pytest.importorskip("torch")

SPECS = [
    "greedy",
    "temperature:temperature=0",
    "temperature:temperature=1e-40",
    "temperature:temperature=0.01",
    "temperature:temperature=0.7",
    "temperature:temperature=1",
    "temperature:temperature=2.5",
    "top-k:k=1",
    "top-k:k=3",
    "top-k:k=1000000",
    "top-p:p=0.0001",
    "top-p:p=0.5",
    "top-p:p=0.9",
    "top-p:p=1",
    "min-p:p=0",
    "min-p:p=0.05",
    "min-p:p=1",
    "typical:p=0.0001",
    "typical:p=0.5",
    "typical:p=0.95",
    "typical:p=1",
    "repetition-penalty:penalty=1",
    "repetition-penalty:penalty=1.3",
    "repetition-penalty:penalty=1e30,window=0",
    "repetition-penalty:penalty=2,window=3",
    "no-repeat-ngram:size=1",
    "no-repeat-ngram:size=2",
    "dry:allowed_length=1",
    "dry:multiplier=1e30,base=10,allowed_length=1,window=2",
    "logit-bias",
    "grammar",
    "regex",
    "mirostat:tau=0.3",
    "mirostat:tau=3",
]

HUGE = float(np.finfo(np.float32).max)
ORDINARY = st.floats(-9, 9, width=32)
STRANGE = st.sampled_from([-np.inf, -HUGE, -1e30, -200.0, -1e-40, 0.0, 1.0, 200.0, 1e30, HUGE])


VALUES = ORDINARY | st.integers(-2, 2) | STRANGE

some = settings(max_examples=settings.default.max_examples // 3)  # for each of the many samplers


@st.composite
def logits_of_any_kind(draw):
    """float32 (B, V) with at least one finite logit in each row."""
    shape = draw(array_shapes(min_dims=2, max_dims=2, max_side=9))
    logits = draw(arrays(np.float32, shape, elements=VALUES))
    for row in logits:
        if not np.isfinite(row).any():
            row[draw(st.integers(0, shape[1] - 1))] = draw(ORDINARY)
    return logits


@pytest.fixture(scope="module")
def catalog():
    return load_catalog()


@pytest.fixture(scope="module", params=SPECS)
def begun(request, catalog, tokenizer_of_size):
    """The sampler after two tokens of prompt, for logits of these rows."""

    def begin(logits, rows=slice(None)):
        sampler = catalog.make("sampler", request.param)
        batch, vocab_size = logits.shape
        prompt_ids = np.stack([np.arange(batch) % vocab_size, (2 * np.arange(batch) + 1) % vocab_size], axis=-1)
        sampler.begin(prompt_ids[rows], tokenizer_of_size(vocab_size))
        return sampler

    return begin


def test_every_bundled_sampler_is_tested(catalog):
    assert {spec.partition(":")[0] for spec in SPECS} == {entry.name for entry in catalog.entries("sampler")}


@some
@given(logits=logits_of_any_kind())
def test_a_token_of_each_row_survives_and_what_was_excluded_stays_so(begun, logits):
    adjusted = begun(logits).adjust(logits)
    assert adjusted.shape == logits.shape
    assert adjusted.dtype == np.float32
    assert np.isfinite(adjusted).any(axis=-1).all()
    assert not np.isfinite(adjusted[np.isneginf(logits)]).any()


@some
@given(logits=logits_of_any_kind())
def test_nothing_becomes_nan_or_infinitely_likely(begun, logits):
    adjusted = begun(logits).adjust(logits)
    assert not np.isnan(adjusted).any()
    assert not np.isposinf(adjusted).any()


@some
@given(logits=logits_of_any_kind())
def test_the_logits_handed_in_are_not_modified(begun, logits):
    before = logits.copy()
    begun(logits).adjust(logits)
    np.testing.assert_array_equal(logits, before)


@some
@given(logits=logits_of_any_kind())
def test_a_row_alone_gives_what_it_gives_among_others(begun, logits):
    together = begun(logits).adjust(logits)
    for row in range(len(logits)):
        one = slice(row, row + 1)
        np.testing.assert_array_equal(begun(logits, one).adjust(logits[one]), together[one])


@some
@given(logits=logits_of_any_kind())
def test_a_torch_tensor_gives_what_a_numpy_array_gives(begun, logits):
    tensor = begun(logits).adjust(torch.from_numpy(logits))
    assert isinstance(tensor, torch.Tensor)
    np.testing.assert_array_equal(tensor.numpy(), begun(logits).adjust(logits))


def test_a_row_without_any_token_stays_so_and_is_no_nan(begun):
    logits = np.array([[-np.inf] * 3, [1.0, 2.0, -np.inf]], np.float32)
    adjusted = begun(logits).adjust(logits)
    assert np.isneginf(adjusted[0]).all()
    assert np.isfinite(adjusted[1]).any()


@pytest.mark.parametrize("shape", [(1, 5000), (3, 5000)])
def test_large_vocabularies_give_the_same_by_their_own_way(begun, shape):
    generator = np.random.default_rng(7)
    logits = (generator.normal(size=shape) * 3).round(1).astype(np.float32)  # rounded, so that there are ties
    adjusted = begun(logits).adjust(logits)
    np.testing.assert_array_equal(adjusted, begun(logits).adjust(torch.from_numpy(logits)).numpy())
    assert np.isfinite(adjusted).any(axis=-1).all()


@pytest.mark.usefixtures("parted_in_the_end")
@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("shape", [(1, 13), (2, 13), (1, 2500), (2, 2500)])
def test_a_row_with_what_is_no_number_comes_back_with_no_token_that_may_be_drawn(begun, shape, value):
    logits = np.zeros(shape, np.float32)
    logits[-1] = value
    with np.errstate(invalid="ignore"):  # of infinite less infinite
        adjusted = begun(logits).adjust(logits)
    assert not np.isfinite(adjusted[-1]).any()
    assert np.isfinite(adjusted[:-1]).any(axis=-1).all()
