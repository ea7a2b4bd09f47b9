import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqgen.data.shuffle import Shuffle


@given(size=st.integers(1, 3000), seed=st.integers(0, 2**32))
def test_every_number_comes_once(size, seed):
    shuffle = Shuffle.drawn(size, np.random.default_rng(seed))
    assert np.array_equal(np.sort(shuffle[np.arange(size)]), np.arange(size))


@pytest.mark.parametrize("size", [2**20, 10**6 + 3, 2**41 + 1])
def test_numbers_are_spread_as_random_ones_and_neighbours_have_nothing_in_common(size):
    places = np.arange(100_000)
    numbers = Shuffle.drawn(size, np.random.default_rng(0))[places] / size
    expected = 100_000 / 64
    counts, _ = np.histogram(numbers, 64, (0, 1))
    assert ((counts - expected) ** 2 / expected).sum() < 110  # chi-square, 63 degrees of freedom, p = 0.0002
    steps, _ = np.histogram(np.diff(numbers) % 1, 64, (0, 1))
    assert ((steps - expected) ** 2 / expected).sum() < 110


def test_other_keys_give_another_order_and_the_same_keys_the_same():
    first, same, other = (Shuffle.drawn(10**9, np.random.default_rng(seed))[np.arange(50)] for seed in (1, 1, 2))
    assert np.array_equal(first, same)
    assert not np.array_equal(first, other)
