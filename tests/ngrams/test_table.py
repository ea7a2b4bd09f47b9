"""A table in a file: what was written comes back, and what was altered is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save_file

from seqgen.core.errors import DamagedModelError
from seqgen.ngrams.counting import count_ngrams
from seqgen.ngrams.table import NgramTable
from seqgen.untrusted import read_tensors

V, ORDER = 5, 4
TABLE = count_ngrams(np.random.default_rng(0).integers(0, V, 300), V, ORDER)


@pytest.fixture
def write(tmp_path):
    def file(tensors):
        path = tmp_path / "ngrams.safetensors"
        save_file(tensors, path)
        return path

    return file


def tensors():
    return {name: tensor.copy() for name, tensor in TABLE.tensors().items()}


def read(path, where="m:1/ngrams.safetensors"):
    return NgramTable.of(read_tensors(path, where=where), V, where=where)


def test_a_table_comes_back_from_its_file(write):
    table = read(write(tensors()))
    assert table.order == ORDER
    contexts = np.random.default_rng(1).integers(-1, V, (50, ORDER - 1))
    np.testing.assert_array_equal(table.after(contexts).probabilities, TABLE.after(contexts).probabilities)


def replaced(name, change):
    changed = tensors()
    changed[name] = change(changed[name])
    return changed


def with_value(place, value):
    def change(array):
        array[place] = value
        return array

    return change


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({}, "its tensors are not those of an n-gram model"),
        ({**tensors(), "more": np.zeros(1)}, "its tensors are not those of an n-gram model"),
        (replaced("unigram", lambda array: array[1:]), '"unigram" is not of the vocabulary'),
        (replaced("unigram", with_value(0, np.nan)), '"unigram" are no probabilities'),
        (replaced("unigram", with_value(0, 0.9)), '"unigram" are no probabilities'),
        (replaced("contexts.2.codes", with_value(0, 200)), '"codes" are not in order'),
        (replaced("contexts.2.codes", with_value(-1, V**2)), '"codes" are not in order'),
        (replaced("contexts.2.codes", lambda array: array.astype(np.float64)), '"codes" has a wrong type or shape'),
        (replaced("contexts.3.starts", with_value(1, 2**32 - 1)), '"starts" are not in order'),
        (replaced("contexts.3.starts", with_value(-1, 0)), '"starts" are not in order'),
        (replaced("contexts.3.tokens", with_value(5, V)), '"tokens" are not tokens in order'),
        (replaced("contexts.3.tokens", lambda array: array.astype(np.int8)), '"tokens" has a wrong type or shape'),
        (replaced("contexts.1.discounted", with_value(0, np.inf)), '"discounted" are no shares of a probability'),
        (replaced("contexts.1.discounted", with_value(2, np.nan)), '"discounted" are no shares of a probability'),
        (replaced("contexts.1.backoff", with_value(0, -1)), '"backoff" are no shares of a probability'),
        (replaced("contexts.3.tokens", lambda array: array[::-1].copy()), '"tokens" are not tokens in order'),
    ],
)
def test_what_was_altered_is_refused(write, changed, fault):
    with pytest.raises(DamagedModelError, match=fault):
        read(write(changed))


@pytest.mark.parametrize("order", [1, 13])
def test_n_grams_of_a_length_that_is_never_counted_are_refused(write, order):
    table = count_ngrams(np.random.default_rng(0).integers(0, 2, 300), 2, max(order, 2))
    found = {name: tensor for name, tensor in table.tensors().items() if order > 1 or name == "unigram"}
    with pytest.raises(DamagedModelError, match=f"n-grams of {order} tokens are none that seqgen counts"):
        NgramTable.of(found, 2, where="m")


def test_n_grams_too_long_for_a_number_are_refused():
    with pytest.raises(DamagedModelError, match="do not fit into a number"):
        NgramTable.of({**TABLE.tensors(), "unigram": np.full(10**6, 1e-6, np.float32)}, 10**6, where="m")


@given(position=st.integers(0, 10**9), value=st.integers(0, 255))
def test_a_byte_that_was_changed_is_refused_or_gives_numbers(tmp_path_factory, position, value):
    path = tmp_path_factory.getbasetemp() / "changed.safetensors"
    save_file(tensors(), path)
    content = bytearray(path.read_bytes())
    content[position % len(content)] = value
    path.write_bytes(content)
    try:
        table = read(path)
    except DamagedModelError:
        return
    rows = table.after(np.random.default_rng(1).integers(-1, V, (20, ORDER - 1))).probabilities
    assert ((rows >= 0) & (rows <= V)).all()
