from __future__ import annotations

import time
import tracemalloc
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqgen.core.errors import OptionError
from seqgen.core.options import checked
from seqgen.samplers import dry
from seqgen.samplers.dry import Dry

V = 5


@pytest.fixture(scope="module")
def begun(tokenizer_of_size):
    """The sampler after a prompt (B, T)."""

    def begin(prompt_ids, **options):
        sampler = Dry(**options)
        sampler.begin(np.asarray(prompt_ids, np.int64), tokenizer_of_size(V))
        return sampler

    return begin


def costs(sampler, rows=1):
    """What each token loses."""
    return (-sampler.adjust(np.zeros((rows, V), np.float32))).tolist()


def test_the_token_that_would_go_on_with_a_run_loses_more_the_longer_the_run(begun):
    options = {"multiplier": 2, "base": 3, "allowed_length": 2}
    assert costs(begun([[1, 2, 3, 0, 2]], **options)) == [[0, 0, 0, 0, 0]]
    assert costs(begun([[1, 2, 3, 1, 2]], **options)) == [[0, 0, 0, 2, 0]]
    assert costs(begun([[4, 1, 2, 3, 4, 1, 2]], **options)) == [[0, 0, 0, 6, 0]]
    assert costs(begun([[0, 4, 1, 2, 3, 0, 4, 1, 2]], **options)) == [[0, 0, 0, 18, 0]]


def test_of_several_runs_each_costs_the_token_that_followed_it_and_the_longest_counts(begun):
    prompt = [[0, 1, 2, 3, 1, 2, 4, 1, 2, 3, 0, 1, 2]]  # "0 1 2 3", "1 2 4", and "1 2 3" again
    assert costs(begun(prompt, multiplier=1, base=2, allowed_length=2)) == [[0, 0, 0, 2, 1]]


def test_runs_may_overlap(begun):
    assert costs(begun([[1, 1, 1, 1]], multiplier=1, base=2, allowed_length=1)) == [[0, 4, 0, 0, 0]]


def test_what_lies_before_the_window_does_not_count(begun):
    prompt = [[1, 2, 3, 1, 2]]
    options = {"multiplier": 1, "base": 2, "allowed_length": 1}
    assert costs(begun(prompt, window=5, **options)) == [[0, 0, 0, 2, 0]]
    assert costs(begun(prompt, window=4, **options)) == [[0, 0, 0, 1, 0]]  # of "1 2" only "2"
    assert costs(begun(prompt, window=3, **options)) == [[0, 0, 0, 0, 0]]


def test_a_multiplier_of_0_changes_nothing_and_a_huge_cost_leaves_a_finite_logit(begun):
    prompt = [[1] * 1500]
    assert costs(begun(prompt, multiplier=0, base=10, window=2000)) == [[0, 0, 0, 0, 0]]
    adjusted = begun(prompt, base=10, window=2000).adjust(np.zeros((1, V), np.float32))
    assert np.isfinite(adjusted).all()
    assert adjusted[0, 1] < -1e29


def test_rows_remember_each_their_own_and_are_selected_in_order(begun):
    sampler = begun([[1, 2, 0], [2, 3, 0]], multiplier=1, base=2, allowed_length=1)
    sampler.select(np.array([1, 0]))
    sampler.accept(np.array([2, 1]))
    assert costs(sampler, rows=2) == [[0, 0, 0, 1, 0], [0, 0, 1, 0, 0]]


def test_a_large_window_takes_no_more_memory_than_the_text(begun):
    tracemalloc.start()
    try:
        sampler = begun([[1, 2, 3]] * 64, window=1_000_000)
        for _ in range(200):
            sampler.accept(np.ones(64, np.int64))
        used = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert used < 2_000_000  # a million of each row would take 800 MB


@pytest.mark.parametrize("window", [2**20 + 1, 10**13, 10**19])
def test_a_window_beyond_all_that_can_be_looked_at_is_refused(window):
    with pytest.raises(
        OptionError, match=r"window is \d+, but must be a whole number at least 1 and at most 1048576\."
    ):
        checked(Dry, {"window": window}, where="sampler dry")


def slowly(ids, multiplier, base, allowed_length, window):
    """The costs as the definition has them."""
    ids = ids[-window:]
    costs = [0.0] * V
    for place in range(1, len(ids)):
        length = 0
        while length < place and ids[place - 1 - length] == ids[len(ids) - 1 - length]:
            length += 1
        if length >= allowed_length:
            costs[ids[place]] = max(costs[ids[place]], multiplier * base ** (length - allowed_length))
    return costs


@given(
    ids=st.lists(st.integers(0, 2), max_size=30),
    prompted=st.integers(0, 30),
    allowed_length=st.integers(1, 4),
    window=st.integers(1, 20),
    first=st.sampled_from([1, 3, 64]),
)
def test_the_costs_are_those_of_the_definition(begun, ids, prompted, allowed_length, window, first):
    with mock.patch.object(dry, "_FIRST", first):  # so that room is made on the way
        sampler = begun([ids[:prompted]], multiplier=0.5, base=2, allowed_length=allowed_length, window=window)
    for token in ids[prompted:]:
        sampler.accept(np.array([token]))
    assert costs(sampler) == [slowly(ids, 0.5, 2, allowed_length, window)]


@pytest.mark.parametrize(
    "prompt", [np.ones(2**17, np.int64), np.random.default_rng(3).integers(0, 2, 2**17)], ids=["one", "two"]
)
def test_a_long_prompt_is_read_in_a_time_that_grows_with_its_length(begun, prompt):
    started = time.process_time()
    begun(prompt[None], window=2**20)
    assert (
        time.process_time() - started < 2
    )  # some 0.1; looking at all of it for each token takes a hundred times as long


def test_one_prompt_of_many_rows_is_looked_at_once(begun):
    prompt, options = np.array([1, 2, 3, 1, 2]), {"multiplier": 1, "base": 2, "allowed_length": 1}
    with mock.patch.object(dry, "_runs", wraps=dry._runs) as runs:
        shared = begun(np.broadcast_to(prompt, (64, 5)), **options)
        assert runs.call_count == 1
        begun(np.tile(prompt, (3, 1)), **options)
        assert runs.call_count == 1 + 3
    shared.accept(np.array([3] * 63 + [4]))
    assert costs(shared, rows=64) == [[0, 4, 0, 0, 0]] * 63 + [[0] * 5]
