from __future__ import annotations

import numpy as np
import pytest

from seqgen.samplers.no_repeat_ngram import NoRepeatNgram

V = 5


@pytest.fixture(scope="module")
def begun(tokenizer_of_size):
    """The sampler after a prompt (B, T)."""

    def begin(prompt_ids, size):
        sampler = NoRepeatNgram(size=size)
        sampler.begin(np.asarray(prompt_ids), tokenizer_of_size(V))
        return sampler

    return begin


def banned(sampler, rows=1):
    adjusted = sampler.adjust(np.ones((rows, V), np.float32))
    return [set(np.flatnonzero(np.isneginf(row)).tolist()) for row in adjusted]


def test_a_token_that_would_repeat_a_run_is_excluded(begun):
    assert banned(begun([[1, 2, 3, 1, 2]], 3)) == [{3}]
    assert banned(begun([[1, 2, 3, 1, 2]], 4)) == [set()]


def test_size_1_lets_each_token_come_once(begun):
    assert banned(begun([[1, 3]], 1)) == [{1, 3}]


def test_a_row_of_which_every_token_would_repeat_stays_as_it_is(begun):
    logits = np.array([[1.0, -np.inf, 2.0, -np.inf, -np.inf]], np.float32)
    np.testing.assert_array_equal(begun([[0, 2]], 1).adjust(logits), logits)


def test_rows_remember_each_their_own_and_are_selected_in_order(begun):
    sampler = begun([[1, 2], [2, 3]], 2)
    sampler.select(np.array([1, 0]))
    sampler.accept(np.array([2, 1]))
    assert banned(sampler, rows=2) == [{3}, {2}]
    sampler.accept(np.array([4, 2]))
    assert banned(sampler, rows=2) == [set(), {1}]  # 1 2 1 2 and then 1 would be "2 1" again
