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


laws = given(
    logits=arrays(np.float32, (1, V), elements=st.floats(-20, 20, width=32)),
    occurred=st.lists(st.integers(0, V - 1), max_size=V),
    penalty=st.sampled_from([1.0, 1.05, 1.2, 2.0, 30.0]),
    constant=st.sampled_from([-100, -7.5, 0, 3, 100]),
)


def lowered(sampler, rows=1):
    """The tokens of each row that the penalty holds back."""
    adjusted = sampler.adjust(np.ones((rows, V), np.float32))
    return [set(np.flatnonzero(row < 1).tolist()) for row in adjusted]


def test_the_factor_of_the_penalty_is_lost_and_of_a_lead_over_chance_all_but_its_part(begun):
    # Chance is 1 / 6.  Half of a lead stays: 0.5 is three times as likely as chance, and is left sqrt(3) times as likely, halved.
    probabilities = np.array([[1 / 2, 1 / 6, 1 / 12, 1 / 12, 1 / 12, 1 / 12]], np.float32)
    adjusted = begun([[0, 1, 2]], penalty=2).adjust(np.log(probabilities) + 7)
    expected = [[3**0.5 / 6 / 2, 1 / 6 / 2, 1 / 12 / 2, 1 / 12, 1 / 12, 1 / 12]]
    np.testing.assert_allclose(np.exp(adjusted - 7), expected, rtol=1e-5)


@laws
def test_a_constant_added_to_all_logits_changes_no_probability(
    begun, probabilities, logits, occurred, penalty, constant
):
    sampler = begun([occurred], penalty=penalty)
    expected = probabilities(sampler.adjust(logits))
    np.testing.assert_allclose(probabilities(sampler.adjust(logits + np.float32(constant))), expected, atol=1e-4)


@laws
def test_what_occurred_gains_on_nothing_that_did_not(begun, logits, occurred, penalty, constant):
    adjusted = begun([occurred], penalty=penalty).adjust(logits + np.float32(constant))
    gained = (adjusted - (logits + np.float32(constant)))[0]
    for token in range(V):
        held_back = token in occurred and token != END
        assert gained[token] <= (-np.log(penalty) if held_back else 0) + 1e-4


@laws
def test_where_all_occurred_their_probabilities_come_closer_in_the_same_order(
    begun, logits, occurred, penalty, constant
):
    before = logits[:, :END] + np.float32(constant)
    after = begun([[*range(END), *occurred]], penalty=penalty).adjust(logits + np.float32(constant))[:, :END]
    apart = before[0, :, None] - before[0]  # (V - 1, V - 1) of each pair
    left = after[0, :, None] - after[0]
    assert (left * np.sign(apart) >= -1e-4).all()
    assert (np.abs(left) <= np.abs(apart) + 1e-4).all()


@pytest.mark.parametrize("constant", [-40, 0, 40])
def test_however_sure_the_model_is_a_strong_penalty_leaves_the_token_to_others(begun, probabilities, constant):
    sure = np.full((1, V), constant, np.float32)
    sure[0, 1] += 20
    left = [probabilities(begun([[1]], penalty=penalty).adjust(sure))[0, 1] for penalty in (1, 1.2, 10, 1e300)]
    assert left == sorted(left, reverse=True)
    assert left[0] > 1 - 1e-6
    assert left[-1] < 1e-250


def test_tokens_that_are_excluded_stay_so_and_count_in_chance(begun):
    adjusted = begun([[0, 1, 2]], penalty=2).adjust(
        np.array([[0.0, -np.inf, -np.inf, 0, -np.inf, -np.inf]], np.float32)
    )
    # Both that are left have 1 / 2, three times as much as one of six tokens by chance.
    np.testing.assert_allclose(
        adjusted, [[-np.log(2) - np.log(3) / 2, -np.inf, -np.inf, 0, -np.inf, -np.inf]], rtol=1e-6
    )


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
