from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from seqgen.core.arrays import log_probabilities
from seqgen.core.errors import GenerationError, OptionError
from seqgen.generation.draw import RandomStreams, draw

JUST_BELOW_1 = 1 - 2.0**-53
UNIFORMS = st.sampled_from([0.0, 2.0**-53, 0.5, JUST_BELOW_1]) | st.floats(0, 1, exclude_max=True)


@st.composite
def logits_and_uniforms(draw_from):
    """float32 (B, V) with at least one finite logit in each row, and (B,)."""
    shape = draw_from(array_shapes(min_dims=2, max_dims=2, max_side=8))
    values = st.floats(-1000, 1000, width=32) | st.sampled_from([-np.inf, 0.0, 1.0, -3e38, 3e38])
    logits = draw_from(arrays(np.float32, shape, elements=values))
    logits[~np.isfinite(logits).any(axis=-1), draw_from(st.integers(0, shape[1] - 1))] = 0.0
    return logits, draw_from(arrays(np.float64, shape[:1], elements=UNIFORMS))


def numbers(streams, count):
    return np.stack([streams.next() for _ in range(count)])


def test_the_numbers_of_a_stream_are_these():
    first = numbers(RandomStreams(42, [0, 1]), 3)
    np.testing.assert_array_equal(
        first,
        [
            [0.8201981478608876, 0.443746921343274],
            [0.18924562408645496, 0.8163920951010332],
            [0.8676608148821462, 0.5090261862073765],
        ],
    )


def test_a_stream_is_numpys_philox_under_the_key_of_seed_and_sequence():
    generator = np.random.Generator(np.random.Philox(key=np.array([7, 3], np.uint64)))
    np.testing.assert_array_equal(numbers(RandomStreams(7, [3]), 600)[:, 0], generator.random(600))


def test_a_stream_does_not_depend_on_the_others_and_goes_on_when_they_leave():
    alone = numbers(RandomStreams(1, [5]), 600)[:, 0]
    streams = RandomStreams(1, [3, 4, 5, 6])
    np.testing.assert_array_equal(numbers(streams, 100)[:, 2], alone[:100])
    streams.select(np.array([3, 2]))
    np.testing.assert_array_equal(numbers(streams, 500)[:, 1], alone[100:])


def test_seeds_and_sequences_give_different_numbers():
    streams = [numbers(RandomStreams(seed, [i]), 3)[:, 0].tolist() for seed in (0, 1, -1, 2**70 + 5) for i in (0, 1)]
    assert len({tuple(stream) for stream in streams}) == len(streams)


@pytest.mark.parametrize("integer", [np.int8, np.int64, np.uint64, np.array])
def test_a_seed_may_be_an_integer_of_any_type(integer):
    np.testing.assert_array_equal(numbers(RandomStreams(integer(7), [3]), 3), numbers(RandomStreams(7, [3]), 3))


@pytest.mark.parametrize("seed", [1.9, np.float64(2), True, "7", None], ids=repr)
def test_what_is_no_integer_is_no_seed(seed):
    with pytest.raises(OptionError) as caught:
        RandomStreams(seed, [0])
    assert str(caught.value) == f"random_seed is {seed!r}, but must be a whole number."


@pytest.mark.parametrize(
    ("uniform", "token"),
    [(0.0, 0), (0.19, 0), (0.21, 1), (0.49, 1), (0.51, 3), (0.99, 3), (JUST_BELOW_1, 3)],
)
def test_the_token_is_where_the_number_falls_among_the_summed_probabilities(uniform, token):
    logits = np.array([[np.log(0.2), np.log(0.3), -np.inf, np.log(0.5)]], np.float32)
    assert draw(logits, np.array([uniform])).tolist() == [token]


@pytest.mark.parametrize("others", [0, 2])
@pytest.mark.parametrize("shift", [0, 599, 601, -599, -601, 750, -750, 1_000_000, -1_000_000])
def test_what_is_added_to_all_logits_changes_nothing(shift, others):
    rows = np.array([[0, 1, 2, -np.inf]] * others + [[shift, 1 + shift, 2 + shift, -np.inf]], np.float32)
    first, second, _ = np.cumsum(np.exp([0, 1, 2])) / np.exp([0, 1, 2]).sum()
    for uniform, token in [(0.0, 0), (0.99 * first, 0), (1.01 * first, 1), (0.99 * second, 1), (1.01 * second, 2)]:
        assert draw(rows, np.full(others + 1, uniform))[-1] == token


@given(case=logits_and_uniforms())
def test_an_excluded_token_is_never_drawn(case):
    logits, uniforms = case
    ids = draw(logits, uniforms)
    assert np.isfinite(logits[np.arange(len(ids)), ids]).all()


@pytest.mark.parametrize("uniform", [0.0, JUST_BELOW_1])
@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("count", [1, 2, 3, 49, 64, 65])
def test_excluded_tokens_at_either_end_are_not_drawn_at_the_ends_of_the_interval(uniform, rows, count):
    logits = np.full((rows, count + 10), -np.inf, np.float32)
    logits[:, 5:-5] = np.linspace(-1, 1, count)
    assert draw(logits, np.full(rows, uniform)).tolist() == [5 if uniform == 0 else count + 4] * rows


@given(case=logits_and_uniforms())
def test_a_row_alone_gives_what_it_gives_among_others(case):
    logits, uniforms = case
    together = draw(logits, uniforms)
    alone = [draw(logits[row : row + 1], uniforms[row : row + 1])[0] for row in range(len(logits))]
    assert together.tolist() == alone


@given(case=logits_and_uniforms())
def test_a_torch_tensor_gives_the_same_ids(case):
    torch = pytest.importorskip("torch")
    logits, uniforms = case
    assert draw(torch.from_numpy(logits), uniforms).tolist() == draw(logits, uniforms).tolist()


@pytest.mark.parametrize("others", [0, 2])
@pytest.mark.parametrize(
    ("bad", "wrong"),
    [
        ([-np.inf, -np.inf], "no token that may be drawn"),
        ([0.0, np.nan], "infinite or not a number"),
        ([np.inf, 0.0], "infinite or not a number"),
    ],
)
def test_a_row_that_cannot_be_drawn_from_is_named(others, bad, wrong):
    logits = np.array([[0.0, 1.0]] * others + [bad], np.float32)
    with pytest.raises(GenerationError, match=f"Row {others} of the logits .*{wrong}"):
        draw(logits, np.full(others + 1, 0.5))


def test_log_probabilities_are_those_of_the_drawn_tokens():
    logits = np.log(np.array([[0.2, 0.3, 0.5], [0.1, 0.1, 0.8]], np.float32)) + 1000
    np.testing.assert_allclose(log_probabilities(logits, np.array([1, 2])), np.log([0.3, 0.8]), atol=1e-4)


def test_log_probabilities_of_a_token_against_an_excluded_one():
    logits = np.array([[-np.inf, 3.0]], np.float32)
    np.testing.assert_array_equal(log_probabilities(logits, np.array([1])), [0.0])
