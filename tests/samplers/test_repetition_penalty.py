from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from seqgen.core.errors import OptionError
from seqgen.core.options import checked
from seqgen.core.sampler import Stage
from seqgen.samplers.repetition_penalty import RepetitionPenalty

V = 6
END = 5
"""The token that stands between documents."""


@pytest.fixture(scope="module")
def begun(tokenizer_of_size):
    """The sampler after a prompt (B, T)."""

    def begin(prompt_ids, **options):
        sampler = RepetitionPenalty(**options)
        sampler.begin(np.asarray(prompt_ids), tokenizer_of_size(V))
        return sampler

    return begin


def lowered(sampler, rows=1):
    """The tokens of each row that the penalty holds back."""
    adjusted = sampler.adjust(np.ones((rows, V), np.float32))
    return [set(np.flatnonzero(row < 1).tolist()) for row in adjusted]


def test_a_positive_logit_is_divided_and_a_negative_one_multiplied(begun):
    sampler = begun([[0, 1, 2, 3]], penalty=2)
    adjusted = sampler.adjust(np.array([[3.0, -3.0, 0.0, -np.inf, 1.0, 1.0]], np.float32))
    np.testing.assert_array_equal(adjusted, [[1.5, -6.0, 0.0, -np.inf, 1.0, 1.0]])


def test_how_often_a_token_occurred_does_not_matter(begun):
    logits = np.ones((1, V), np.float32)
    once, often = begun([[1]], penalty=3), begun([[1, 1, 1]], penalty=3)
    np.testing.assert_array_equal(once.adjust(logits), often.adjust(logits))


def test_only_the_last_tokens_count_within_the_window(begun):
    sampler = begun([[0, 1, 2]], window=2)
    assert lowered(sampler) == [{1, 2}]
    sampler.accept(np.array([4]))
    assert lowered(sampler) == [{2, 4}]
    sampler.accept(np.array([4]))
    assert lowered(sampler) == [{4}]


def test_the_end_token_is_not_held_back_though_it_stands_before_each_text(begun, tokenizer_of_size):
    assert tokenizer_of_size(V).end_id == END
    sampler = begun([[END, 1]], penalty=3)
    assert lowered(sampler) == [{1}]
    sampler.accept(np.array([END]))
    assert lowered(sampler) == [{1}]


@pytest.mark.parametrize("window", [0, 2, 64])
def test_a_prompt_of_all_rows_is_counted_as_one_of_each(begun, window):
    prompt = np.random.default_rng(0).integers(0, END, (1, 30))
    shared = begun(np.broadcast_to(prompt, (3, 30)), window=window)
    own = begun(np.repeat(prompt, 3, axis=0), window=window)
    for ids in ([0, 1, 2], [3, 3, 4], [0, 2, 4]):
        assert lowered(shared, rows=3) == lowered(own, rows=3)
        for sampler in (shared, own):
            sampler.accept(np.array(ids))


def test_a_window_of_0_counts_all(begun):
    sampler = begun([[0] * 500 + [1]], window=0)
    sampler.accept(np.array([2]))
    assert lowered(sampler) == [{0, 1, 2}]


def test_rows_are_counted_each_for_itself_and_selected_in_order(begun):
    sampler = begun([[0, 1], [1, 2], [2, 3]], window=2)
    sampler.accept(np.array([4, 0, 1]))
    assert lowered(sampler, rows=3) == [{1, 4}, {0, 2}, {1, 3}]
    sampler.select(np.array([2, 0]))
    assert lowered(sampler, rows=2) == [{1, 3}, {1, 4}]
    sampler.accept(np.array([0, 0]))
    assert lowered(sampler, rows=2) == [{0, 1}, {0, 4}]


def test_begin_forgets_the_generation_before(begun, tokenizer_of_size):
    sampler = begun([[0, 1]])
    sampler.begin(np.empty((1, 0), int), tokenizer_of_size(V))
    assert lowered(sampler) == [set()]


@given(
    ids=arrays(np.int64, st.tuples(st.just(2), st.integers(0, 12)), elements=st.integers(0, V - 1)),
    split=st.integers(0, 12),
    window=st.integers(0, 4),
)
def test_a_prefix_replayed_token_by_token_gives_the_state_of_the_prefix_as_prompt(begun, ids, split, window):
    at_once = begun(ids, window=window)
    replayed = begun(ids[:, :split], window=window)
    for column in ids[:, split:].T:
        replayed.accept(column)
    assert lowered(replayed, rows=2) == lowered(at_once, rows=2)
    last = [Counter(row[-window:].tolist()) for row in ids]
    assert lowered(at_once, rows=2) == [set(counts) - {END} for counts in last]
    # What is remembered is alike too, not only what shows now.
    for token in range(V):
        at_once.accept(np.array([token, token]))
        replayed.accept(np.array([token, token]))
        assert lowered(replayed, rows=2) == lowered(at_once, rows=2)


def test_what_was_finite_stays_finite(begun):
    lowest = np.finfo(np.float32).min
    adjusted = begun([[0, 1, 2, 3, 4]], penalty=10).adjust(np.full((1, V), lowest, np.float32))
    np.testing.assert_array_equal(adjusted, np.full((1, V), lowest))


def test_it_comes_first_in_the_chain():
    assert RepetitionPenalty.stage is Stage.PENALTY


@pytest.mark.parametrize("window", [2**20 + 1, 10**13, 10**19])
def test_a_window_beyond_all_texts_is_refused(window):
    with pytest.raises(
        OptionError, match=r"window is \d+, but must be a whole number at least 0 and at most 1048576\."
    ):
        checked(RepetitionPenalty, {"window": window}, where="sampler repetition-penalty")


def test_a_penalty_beyond_what_float32_holds_is_refused():
    with pytest.raises(OptionError, match=r"penalty is 1e308, but must be a number at least 1 and at most 1e30\."):
        checked(RepetitionPenalty, {"penalty": "1e308"}, where="sampler repetition-penalty")
