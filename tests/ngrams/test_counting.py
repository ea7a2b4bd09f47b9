"""Counting against Kneser-Ney smoothing written down from the paper, n-gram by n-gram, in dictionaries."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqgen.core.errors import OptionError
from seqgen.ngrams import counting
from seqgen.ngrams import table as table_module
from seqgen.ngrams.counting import MAX_TOKENS, affordable_order, check_countable, count_ngrams
from seqgen.ngrams.table import NOTHING, NgramTable

V = 4
TOKENS = st.lists(st.integers(0, V - 1), min_size=5, max_size=60)


def discount(count, counts):
    times = [sum(each == number for each in counts.values()) for number in (1, 2, 3, 4)]
    kind = min(count, 3)
    these, more = times[kind - 1], times[kind]
    if not these:
        return kind / 2
    share = times[0] / (times[0] + 2 * times[1]) if times[0] else 0.5
    return min(max(kind - (kind + 1) * share * more / these, 0.05), kind - 0.05)


def ngrams_of(tokens, length, end):
    """All of a length, but those that reach over an end."""
    found = [tuple(tokens[place : place + length]) for place in range(len(tokens) - length + 1)]
    return [ngram for ngram in found if end not in ngram[1:-1]]


def counts_of(tokens, order, end=None):
    """For each length the counts of its n-grams: of the longest how often, of the others after how many tokens.

    Of those that begin with an end always how often.
    """
    counts = {order: Counter(ngrams_of(tokens, order, end))}
    for length in range(order - 1, 0, -1):
        counts[length] = Counter(longer[1:] for longer in counts[length + 1])
        if length > 1:
            begun = Counter(ngram for ngram in ngrams_of(tokens, length, end) if ngram[0] == end)
            counts[length] = Counter({**counts[length], **begun})
    return counts


def probability(token, context, counts):
    if not context:
        share = counts[1][token,] / sum(counts[1].values())
        return (share + 1e-6) / (1 + 1e-6 * V)
    own = counts[len(context) + 1]
    following = {ngram: count for ngram, count in own.items() if ngram[:-1] == context}
    shorter = probability(token, context[1:], counts)
    if not following:
        return shorter
    count, total = following.get((*context, token), 0), sum(following.values())
    taken = sum(discount(each, own) for each in following.values())
    return ((count - discount(count, own) if count else 0) + taken * shorter) / total


@given(tokens=TOKENS, order=st.integers(2, 5), context=st.lists(st.integers(0, V - 1), min_size=4, max_size=4))
def test_probabilities_are_those_of_the_paper(tokens, order, context):
    context = context[: order - 1]
    counts = counts_of(tokens, order)
    found = count_ngrams(np.array(tokens, np.uint8), V, order).after(np.array([context])).probabilities
    expected = [probability(token, tuple(context), counts) for token in range(V)]
    np.testing.assert_allclose(found[0], expected, rtol=1e-4, atol=1e-7)


@given(
    documents=st.lists(st.lists(st.integers(1, V - 1), max_size=7), min_size=1, max_size=12),
    order=st.integers(2, 5),
    context=st.lists(st.integers(0, V - 1), min_size=4, max_size=4),
)
def test_probabilities_in_documents_are_those_of_the_paper_where_beginnings_are_counted_by_how_often_they_occur(
    documents, order, context
):
    tokens = [0, *(token for document in documents for token in (*document, 0))]
    order = min(order, 2 + max(map(len, documents)))
    context = context[: order - 1]
    last_end = max((place for place, token in enumerate(context) if token == 0), default=0)
    table = count_ngrams(np.array(tokens, np.uint8), V, order, 0)
    counts = counts_of(tokens, order, 0)
    expected = [probability(token, tuple(context[last_end:]), counts) for token in range(V)]
    np.testing.assert_allclose(table.after(np.array([context])).probabilities[0], expected, rtol=1e-4, atol=1e-7)
    NgramTable.of(table.tensors(), V, where="counted")


@given(tokens=TOKENS, order=st.integers(2, 5))
def test_where_there_are_no_ends_nothing_is_counted_otherwise(tokens, order):
    plain, none_there = (count_ngrams(np.array(tokens), V + 1, order, *end).tensors() for end in ((), (V,)))
    for name, tensor in plain.items():
        np.testing.assert_array_equal(none_there[name], tensor)


@pytest.mark.parametrize("order", [2, 4, 7])
def test_a_document_begins_as_documents_begin_however_others_end(order):
    random = np.random.default_rng(0)
    beginnings = random.choice(4, 2000, p=[0.6, 0.3, 0.09, 0.01]) + 1
    documents = [[0, beginning, *random.integers(1, 5, 6), 5] for beginning in beginnings]  # which all end alike
    table = count_ngrams(np.array([*np.concatenate(documents), 0]), 6, order, 0)
    begun = table.after(np.array([[NOTHING] * (order - 2) + [0]])).probabilities[0]
    frequencies = np.bincount(beginnings, minlength=6) / len(beginnings)
    np.testing.assert_allclose(begun, frequencies, atol=3 / len(beginnings))


def test_a_context_reaches_back_to_the_last_end_and_no_further():
    tokens = np.append(0, np.random.default_rng(0).integers(0, V, 400))
    table = count_ngrams(tokens, V, 5, 0)
    for before in ([1, 2], [3, 0], [0, 0]):
        found, begun = table.after(np.array([[*before, 0, 2], [NOTHING, NOTHING, 0, 2]])).probabilities
        np.testing.assert_array_equal(found, begun)


def test_no_n_grams_are_longer_than_the_longest_document_with_its_ends():
    tokens = np.array([0, 1, 2, 0, 3, 0, 0, 2, 1, 0])
    assert count_ngrams(tokens, V, 9, 0).order == 4
    assert count_ngrams(tokens, V, 3, 0).order == 3


def test_what_reaches_over_an_end_does_not_count_among_the_different_ones(monkeypatch):
    random = np.random.default_rng(0)
    tokens = np.append(0, np.insert(random.integers(1, V, 3_000), np.arange(2, 3_000, 2), 0))
    monkeypatch.setattr(counting, "MOST_NGRAMS", 3 * (V - 1) ** 2)
    assert affordable_order(tokens, V) < 5
    assert affordable_order(tokens, V, 0) == 7


@given(
    tokens=TOKENS,
    order=st.integers(2, 5),
    contexts=st.lists(st.lists(st.integers(NOTHING, V - 1), min_size=4, max_size=4), min_size=2, max_size=6),
)
def test_rows_are_probabilities_and_a_context_alone_gives_what_it_gives_among_others(tokens, order, contexts):
    contexts = np.array(contexts)[:, : order - 1]
    table = count_ngrams(np.array(tokens), V, order)
    expected = table.after(contexts)
    rows = expected.probabilities
    np.testing.assert_allclose(rows.sum(axis=1), 1, rtol=1e-5)
    assert (rows > 0).all()
    for context, row, *rests_on in zip(contexts, *expected, strict=True):
        alone, *alone_rests_on = table.after_one(*table.code(context.tolist()))
        np.testing.assert_allclose(alone, row, rtol=1e-6)
        assert alone_rests_on == rests_on


def test_what_stands_before_the_first_token_is_no_token():
    table = count_ngrams(np.array([0, 1, 2, 3] * 5), V, 3)
    begun = table.after(np.array([[NOTHING, 1]])).probabilities
    assert begun[0].argmax() == 2


def test_what_is_remembered_of_the_last_contexts_is_bounded_and_changes_nothing(monkeypatch):
    monkeypatch.setattr(table_module, "_REMEMBERED", 10 * (table_module._ENTRY + 4 * V))
    tokens = np.random.default_rng(0).integers(0, V, 400)
    table = count_ngrams(tokens, V, 5)
    contexts = np.lib.stride_tricks.sliding_window_view(tokens, 4)
    together = table.after(contexts).probabilities
    for row, context in zip(together, contexts, strict=True):
        np.testing.assert_allclose(table.after_one(*table.code(context.tolist()))[0], row, rtol=1e-6)
    assert table.after_one.cache_info().currsize == 10


@pytest.mark.parametrize(
    ("limits", "sentence"),
    [
        (
            {"tokens": MAX_TOKENS + 1, "vocab_size": 65},
            "ngram_order 7 counts at most 10,000,000 tokens, and the corpus has 10,000,001 to train on.  Leave it out",
        ),
        (
            {"tokens": 1000, "vocab_size": 50_000},
            "ngram_order is 7, but must be at most 4 for 50,000 different tokens.",
        ),
        (
            {"tokens": 6, "vocab_size": 65},
            "ngram_order is 7, but the corpus has only 6 tokens to train on.",
        ),
    ],
)
def test_what_cannot_be_counted_is_refused(limits, sentence):
    with pytest.raises(OptionError) as error:
        check_countable(7, **limits)
    assert str(error.value).startswith(sentence)


def test_of_longer_n_grams_which_take_more_memory_fewer_are_counted():
    check_countable(10, tokens=MAX_TOKENS * 7 // 10, vocab_size=65)
    with pytest.raises(OptionError, match="ngram_order 10 counts at most 7,000,000 tokens"):
        check_countable(10, tokens=MAX_TOKENS * 7 // 10 + 1, vocab_size=65)


def test_the_shortest_corpus_that_is_counted_gives_probabilities():
    tokens = np.arange(7) % V
    check_countable(7, tokens=len(tokens), vocab_size=V)
    table = count_ngrams(tokens, V, 7)
    NgramTable.of(table.tensors(), V, where="counted")
    assert table.unigram.sum() == pytest.approx(1)


def test_where_no_order_is_given_the_longest_n_grams_are_those_of_which_there_are_not_too_many(monkeypatch):
    tokens = np.random.default_rng(0).integers(0, V, 3_000)
    assert affordable_order(tokens, V) == 7
    monkeypatch.setattr(counting, "MOST_NGRAMS", V**4)
    assert affordable_order(tokens, V) == 4
    monkeypatch.setattr(counting, "MOST_NGRAMS", 1)
    assert affordable_order(tokens, V) == 2


@pytest.mark.parametrize(("tokens", "vocab_size", "order"), [(3, V, 3), (1, V, 0), (50, 2**20, 3), (50, 2**40, 0)])
def test_n_grams_fit_into_the_corpus_and_into_a_number(tokens, vocab_size, order):
    assert affordable_order(np.zeros(tokens, np.uint8), vocab_size) == order


def test_a_corpus_that_is_too_long_is_not_counted(monkeypatch):
    monkeypatch.setattr(counting, "MAX_TOKENS", 99)
    assert affordable_order(np.zeros(100, np.uint8), V) == 0
