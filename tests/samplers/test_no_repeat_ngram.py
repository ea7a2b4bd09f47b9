from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

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


def test_a_text_may_end_though_the_end_token_stood_before_it(begun, tokenizer_of_size):
    end = tokenizer_of_size(V).end_id
    assert banned(begun([[end, 1]], 1)) == [{1}]


def test_what_a_beam_branches_into_remembers_for_itself_and_shares_a_long_prompt(begun):
    prompt = np.random.default_rng(2).integers(0, V - 1, (1, 2000))
    sampler = begun(prompt, 3)
    branch = copy.deepcopy(sampler)
    assert branch._before[0][0] is sampler._before[0][0]
    sampler.accept(np.array([0]))
    branch.accept(np.array([1]))
    expected = [begun(np.append(prompt, [[token]], axis=1), 3) for token in (0, 1)]
    assert [banned(sampler), banned(branch)] == [banned(each) for each in expected]


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


def test_rows_of_one_prompt_remember_it_and_each_their_own_beside_it(begun):
    sampler = begun([[1, 2]] * 2, 2)
    sampler.accept(np.array([1, 3]))
    assert banned(sampler, rows=2) == [{2}, set()]
    sampler.select(np.array([1, 0]))
    sampler.accept(np.array([1, 2]))
    assert banned(sampler, rows=2) == [{2}, {1}]
    sampler.accept(np.array([4, 1]))
    assert banned(sampler, rows=2) == [set(), {2}]
    sampler.accept(np.array([1, 3]))
    sampler.accept(np.array([3, 1]))
    assert banned(sampler, rows=2) == [{1}, {2, 3}]  # 1 2 3 1 4 1 3, and 1 2 1 2 1 3 1


@given(
    prompt=st.lists(st.integers(0, V - 2), max_size=12),
    drawn=st.lists(st.tuples(*[st.integers(0, V - 2)] * 2), max_size=12),
    size=st.integers(1, 4),
)
def test_excluded_is_what_followed_the_last_tokens_before(begun, prompt, drawn, size):
    sampler = begun(np.array([prompt] * 2, np.int64), size)
    for ids in drawn:
        sampler.accept(np.array(ids))
    for row, found in enumerate(banned(sampler, rows=2)):
        text = prompt + [ids[row] for ids in drawn]
        last = text[len(text) - size + 1 :] if len(text) >= size - 1 else None
        starts = range(len(text) - size + 1)
        assert found == {text[start + size - 1] for start in starts if text[start : start + size - 1] == last}


def memory(sampler):
    return len(pickle.dumps(sampler))  # writes what is shared once


@pytest.mark.parametrize("size", [1, 2])
def test_a_run_that_comes_again_is_remembered_once(begun, size):
    assert memory(begun([[1, 3] * 500], size)) == memory(begun([[1, 3] * 2], size))


def test_copies_made_at_each_token_share_nearly_all_that_they_remember(begun):
    """A beam makes some at each token; did each have all of it, time and memory would grow with the square of the text."""
    sampler = begun([[0]], 6)
    text = np.random.default_rng(3).integers(0, V, 600)
    copies = []
    for token in text:
        sampler.accept(np.array([token]))
        copies.append(copy.deepcopy(sampler))
    # Each 300 times on average; shared, each as often as a table of half the size becomes one with another.
    assert memory(copies) < 30 * memory(begun(text[None], 6))


@given(
    size=st.integers(1, 4),
    steps=st.lists(st.tuples(st.integers(0, 3), st.integers(0, V - 2)), max_size=40),
)
def test_each_of_many_copies_remembers_its_own_text_alone(begun, size, steps):
    texts = [(begun([[1, 2]], size), [1, 2])]
    for place, token in steps:
        sampler, text = texts[place % len(texts)]
        texts.append((copy.deepcopy(sampler), [*text, token]))
        texts[-1][0].accept(np.array([token]))
        texts = texts[-4:]
    for sampler, text in texts:
        assert banned(sampler) == banned(begun([text], size))


def test_a_prompt_is_remembered_once_for_all_rows(begun):
    prompt = np.random.default_rng(2).integers(0, V, (1, 2000))
    assert memory(begun(np.broadcast_to(prompt, (64, 2000)), 8)) < 1.1 * memory(begun(prompt, 8))


def take(sampler, *drawn, possible):
    """Draw a token for each row, where only some are possible."""
    logits = np.full((len(drawn), V), -np.inf, np.float32)
    logits[:, possible] = 0
    sampler.adjust(logits)
    sampler.accept(np.array(drawn))


def test_where_every_token_would_repeat_a_run_that_is_told_of_the_row_that_it_befell(begun):
    sampler = begun([[0, 1]] * 2, 1)
    take(sampler, 2, 3, possible=[0, 1, 2, 3])
    assert sampler.notes() == [[], []]
    take(sampler, 2, 2, possible=[0, 1, 2])
    assert sampler.notes() == [["token 2 repeats a token, as each that could follow would"], []]
    branch = copy.deepcopy(sampler)
    take(sampler, 0, 2, possible=[0, 2])
    sampler.select(np.array([1, 0]))
    told = [["token 3 repeats a token, as each that could follow would"]]
    assert sampler.notes() == [*told, ["token 2 and 1 more after it repeat a token, as each that could follow would"]]
    take(branch, 3, 0, possible=[3, 0])
    assert branch.notes() == [["token 2 repeats a token, as each that could follow would"], *told]


def test_a_run_is_told_with_its_size(begun):
    sampler = begun([[0, 1, 0]], 2)
    take(sampler, 1, possible=[1])
    assert sampler.notes() == [["token 1 repeats a run of 2 tokens, as each that could follow would"]]


def test_a_repetition_that_was_given_and_not_drawn_is_not_told(begun):
    """As where lines start with given texts: there a token may come that was excluded."""
    sampler = begun([[0, 1]], 1)
    take(sampler, 0, possible=[0, 2])
    take(sampler, 3, possible=[0, 1])  # though each that could follow would repeat, this one does not
    sampler.accept(np.array([1]))
    assert sampler.notes() == [[]]
