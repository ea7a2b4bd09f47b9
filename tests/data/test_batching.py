"""The laws of the three batching modes.  Where tokens are their own positions, a batch shows where it was read."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from seqgen.core.errors import CorpusError
from seqgen.data.batching import TooShortError, make_batching

MODES = ("stream", "documents", "windows")
sizes = st.integers(1, 9)
lengths = st.lists(st.integers(0, 30), min_size=1, max_size=12)


def make(mode, part, seq_len=4, batch_size=3, random_seed=0, **options):
    return make_batching(mode, part, seq_len=seq_len, batch_size=batch_size, random_seed=random_seed, **options)


def epoch_of(batching, epoch=0):
    return [batching.batch(epoch, step) for step in range(batching.steps_per_epoch)]


def scored(batch):
    """The targets that are scored, in rows: (B, T) masked."""
    weights = np.ones(batch.targets.shape) if batch.weights is None else batch.weights
    return np.ma.array(batch.targets, mask=weights == 0)


def scored_targets(batches):
    return [int(target) for batch in batches for target in scored(batch).compressed()]


def same(first, second):
    return all(
        np.array_equal(getattr(first, name), getattr(second, name))
        if name != "weights"
        else (first.weights is None) == (second.weights is None) and np.array_equal(first.weights, second.weights)
        for name in ("inputs", "targets", "weights", "carry", "last_step_only")
    )


# Every mode


@pytest.mark.parametrize("for_evaluation", [False, True])
@pytest.mark.parametrize("mode", MODES)
def test_a_batch_is_a_pure_function_of_epoch_and_step(many_documents, mode, for_evaluation):
    part = many_documents([7, 1, 22, 9, 3, 40, 5])
    used, fresh = (make(mode, part, random_seed=5, for_evaluation=for_evaluation) for _ in range(2))
    expected = [(epoch, step, used.batch(epoch, step)) for epoch in range(3) for step in range(used.steps_per_epoch)]
    for epoch, step, batch in reversed(expected):
        assert same(fresh.batch(epoch, step), batch)


@pytest.mark.parametrize("for_evaluation", [False, True])
@pytest.mark.parametrize("mode", MODES)
def test_ids_are_int64_contiguous_and_of_one_shape_and_weights_float32(many_documents, mode, for_evaluation):
    for batch in epoch_of(make(mode, many_documents([7, 1, 22, 9]), for_evaluation=for_evaluation)):
        assert batch.inputs.dtype == batch.targets.dtype == np.int64
        assert batch.inputs.flags.c_contiguous
        assert batch.targets.flags.c_contiguous
        assert batch.inputs.shape == batch.targets.shape
        if batch.weights is not None:
            assert batch.weights.dtype == np.float32
            assert batch.weights.shape == batch.targets.shape


@pytest.mark.parametrize("for_evaluation", [False, True])
@pytest.mark.parametrize("mode", MODES)
def test_a_batch_says_where_in_the_part_it_lies(many_documents, mode, for_evaluation):
    part = many_documents([7, 1, 22, 9])
    for batch in epoch_of(make(mode, part, for_evaluation=for_evaluation)):
        assert batch.origin.tokens is part.tokens
        places = batch.origin.first[:, None] + np.arange(batch.inputs.shape[1] + 1)
        ids = part.tokens[np.clip(places, 0, part.tokens.size - 1)]
        assert (ids[:, :-1] == batch.inputs).all()
        assert (ids[:, 1:] == batch.targets).all()


@pytest.mark.parametrize("mode", MODES)
def test_epochs_and_seeds_differ_in_training_and_not_in_evaluation(many_documents, mode):
    part = many_documents([7, 6, 21, 9, 3, 40, 5, 6, 6, 7])
    training = [make(mode, part, random_seed=seed).batch(epoch, 0) for seed, epoch in [(0, 0), (0, 1), (1, 0)]]
    assert not same(training[0], training[1])
    assert not same(training[0], training[2])
    evaluation = [
        make(mode, part, random_seed=seed, for_evaluation=True).batch(epoch, 0)
        for seed, epoch in [(0, 0), (0, 1), (1, 0)]
    ]
    assert same(evaluation[0], evaluation[1])
    assert same(evaluation[0], evaluation[2])


@pytest.mark.parametrize("seed", [-1, 2**64 - 1, 2**70])
def test_any_whole_number_is_a_seed(one_document, seed):
    assert make("stream", one_document(50), random_seed=seed).batch(0, 0).inputs.shape == (3, 4)


@given(size=st.integers(2, 200), seq_len=sizes, batch_size=sizes, mode=st.sampled_from(MODES), epoch=st.integers(0, 3))
def test_a_target_follows_its_input(one_document, size, seq_len, batch_size, mode, epoch):
    assume(size > seq_len)
    for batch in epoch_of(make(mode, one_document(size), seq_len, batch_size), epoch):
        assert (scored(batch) == batch.inputs + 1).all()


# Streams


@given(size=st.integers(2, 300), seq_len=sizes, batch_size=sizes, epoch=st.integers(0, 3))
def test_streams_go_on_from_batch_to_batch_and_no_token_is_seen_twice(one_document, size, seq_len, batch_size, epoch):
    assume(size > seq_len)
    batching = make("stream", one_document(size), seq_len, batch_size)
    batches = epoch_of(batching, epoch)
    assert all(batch.inputs.shape == (batching.batch_size, seq_len) for batch in batches)
    rows = np.concatenate([batch.inputs for batch in batches], axis=1)  # (B, steps * T)
    assert (np.diff(np.sort(rows, axis=1), axis=1) == 1).all()
    row, after = np.nonzero(np.diff(rows, axis=1) != 1)
    assert np.unique(row).size == row.size, "once at most a stream comes to its end"
    assert ((after + 1) % seq_len == 0).all()
    assert np.unique(rows).size == rows.size
    assert rows.max() < size - 1
    assert not batches[0].carry
    assert all(batch.weights is None for batch in batches)


def test_a_twentieth_of_the_batches_starts_cold_so_that_beginning_from_nothing_is_learned(one_document):
    batching = make("stream", one_document(8001), 4, 1)
    cold = [not batching.batch(0, step).carry for step in range(batching.steps_per_epoch)]
    assert 0.03 < np.mean(cold) < 0.07
    assert cold != [not batching.batch(1, step).carry for step in range(batching.steps_per_epoch)]


def test_streams_leave_out_less_than_one_batch_and_one_window(one_document):
    for size in range(100, 150):
        batching = make("stream", one_document(size), seq_len=4, batch_size=3)
        assert size - 1 - batching.steps_per_epoch * 12 < 12 + 4


def test_every_token_is_seen_in_some_epoch(one_document):
    batching = make("stream", one_document(100), seq_len=4, batch_size=3)
    assert {target for epoch in range(100) for target in scored_targets(epoch_of(batching, epoch))} == set(
        range(1, 100)
    )


def test_the_streams_begin_at_a_random_offset(one_document):
    batching = make("stream", one_document(1000), seq_len=16, batch_size=4)
    offsets = {int(batching.batch(epoch, 0).inputs[0, 0]) for epoch in range(100)}
    assert len(offsets) > 16


def test_no_two_streams_need_be_at_the_same_place_of_a_text_that_repeats_itself(one_document):
    repeated = 100  # tokens
    batching = make("stream", one_document(16 * 9 * repeated + 1), seq_len=10, batch_size=16)
    for batch in epoch_of(batching):
        assert len(set(batch.inputs[:, 0] % repeated)) > 4


def test_an_epoch_ends_with_the_end_of_the_text(one_document):
    batching = make("stream", one_document(1000), seq_len=16, batch_size=4)
    last = [batching.batch(0, step).inputs[-1] for step in range(batching.steps_per_epoch)]
    assert (np.diff(np.concatenate(last)) == 1).all()
    assert last[-1][-1] > 1000 - 2 * 16 * 4


def test_fewer_streams_run_where_a_part_is_too_small_for_those_asked_for(one_document):
    batching = make("stream", one_document(41), seq_len=10, batch_size=64)
    assert (batching.batch_size, batching.steps_per_epoch) == (4, 1)


@pytest.mark.parametrize("mode", ["stream", "windows"])
def test_a_part_shorter_than_one_window_is_said(one_document, mode):
    assert make(mode, one_document(11), seq_len=10).steps_per_epoch == 1
    with pytest.raises(TooShortError) as error:
        make(mode, one_document(10), seq_len=10)
    assert str(error.value) == "The text is too short: 10 tokens, but one window of 10 needs 11."
    assert error.value.longest == 9
    assert make(mode, one_document(10), seq_len=9).steps_per_epoch == 1


# Evaluating streams


@given(size=st.integers(2, 300), seq_len=sizes, batch_size=sizes)
def test_evaluation_scores_every_target_once(one_document, size, seq_len, batch_size):
    batching = make("stream", one_document(size), seq_len, batch_size, for_evaluation=True)
    batches = epoch_of(batching)
    assert sorted(scored_targets(batches)) == list(range(1, size))
    assert batching.batch_size <= batch_size
    assert all(batch.inputs.shape == (batching.batch_size, seq_len) for batch in batches)
    assert [batch.carry for batch in batches] == [False] + [True] * (len(batches) - 1)


@given(size=st.integers(2, 300), seq_len=sizes, batch_size=sizes)
def test_what_is_scored_has_been_read_up_to_there(one_document, size, seq_len, batch_size):
    batches = epoch_of(make("stream", one_document(size), seq_len, batch_size, for_evaluation=True))
    inputs = np.concatenate([batch.inputs for batch in batches], axis=1)  # (B, steps * T)
    weights = np.concatenate([batch.weights for batch in batches], axis=1)
    for row, (read, weight) in enumerate(zip(inputs, weights, strict=True)):
        places = np.flatnonzero(weight)
        if places.size == 0:
            continue
        assert (np.diff(read[: places[-1] + 1]) == 1).all()
        # The first row begins with the text, the others have read seq_len tokens before the first that is scored.
        assert (read[0], places[0]) == (0, 0) if row == 0 else places[0] == seq_len


@given(size=st.integers(2, 300), seq_len=sizes, batch_size=sizes, at_most=st.integers(1, 300))
def test_of_too_many_targets_some_are_scored_from_all_over(one_document, size, seq_len, batch_size, at_most):
    options = {"for_evaluation": True, "at_most": at_most}
    batching = make("stream", one_document(size), seq_len, batch_size, **options)
    found = sorted(scored_targets(epoch_of(batching)))
    assert len(found) == len(set(found)) == batching.targets == min(at_most, size - 1)
    assert batching.partial == (at_most < size - 1)
    if batching.partial and batching.batch_size > 1:  # no gap is larger than another, and the last row ends at the end
        last_row = epoch_of(batching)[-1].inputs[-1]
        assert last_row[-1] + 1 + batching.batch_size > size - 1


def test_what_is_left_out_lies_between_equal_portions(one_document):
    batching = make("stream", one_document(1001), seq_len=10, batch_size=4, for_evaluation=True, at_most=150)
    found = scored_targets(epoch_of(batching))
    starts = sorted(target for target in found if target - 1 not in found)
    assert (len(found), starts[0], len(starts)) == (150, 1, 4)
    assert set(np.diff(starts[1:])) == {starts[2] - starts[1]}
    assert starts[-1] > 900


def test_evaluation_reads_little_more_than_it_scores(one_document):
    batching = make("stream", one_document(100_001), seq_len=64, batch_size=32, for_evaluation=True)
    assert batching.steps_per_epoch * batching.batch_size * 64 < 1.05 * 100_000


def test_what_is_shorter_than_a_window_can_be_scored_but_nothing_cannot(one_document):
    assert scored_targets(epoch_of(make("stream", one_document(3), seq_len=10, for_evaluation=True))) == [1, 2]
    with pytest.raises(CorpusError, match="There is nothing to score: the text has 1 token, and 2 are needed"):
        make("stream", one_document(1), for_evaluation=True)


# Windows


@given(size=st.integers(2, 100), seq_len=sizes, batch_size=sizes, epoch=st.integers(0, 3))
def test_every_position_is_one_window_of_which_the_last_step_is_scored(one_document, size, seq_len, batch_size, epoch):
    assume(size > seq_len)
    batches = epoch_of(make("windows", one_document(size), seq_len, batch_size), epoch)
    firsts = np.concatenate([batch.inputs[:, 0] for batch in batches])
    assert sorted(firsts.tolist()) == list(range(size - seq_len))
    for batch in batches:
        assert (batch.last_step_only, batch.carry, batch.weights) == (True, False, None)
        assert (batch.inputs == batch.inputs[:, :1] + np.arange(seq_len)).all()
        assert (batch.targets[:, -1] == batch.inputs[:, -1] + 1).all()


def test_evaluation_takes_8192_windows_evenly_spaced_at_most(one_document):
    batching = make("windows", one_document(100_010), seq_len=10, batch_size=128, for_evaluation=True)
    firsts = np.concatenate([batch.inputs[:, 0] for batch in epoch_of(batching)])
    assert firsts.size == 8192
    assert set(np.diff(firsts)) == {12, 13}
    assert batching.partial
    small = make("windows", one_document(50), seq_len=10, for_evaluation=True)
    assert np.concatenate([batch.inputs[:, 0] for batch in epoch_of(small)]).tolist() == list(range(40))
    assert not small.partial
    assert not make("windows", one_document(100_010), seq_len=10).partial  # trains on all


# Documents


@given(lengths=lengths, seq_len=sizes, batch_size=sizes, epoch=st.integers(0, 3), for_evaluation=st.booleans())
def test_every_target_of_every_document_is_scored_once(
    many_documents, lengths, seq_len, batch_size, epoch, for_evaluation
):
    part = many_documents(lengths)
    batching = make("documents", part, seq_len, batch_size, for_evaluation=for_evaluation)
    assert sorted(scored_targets(epoch_of(batching, epoch))) == list(range(1, part.tokens.size))


@given(lengths=lengths, seq_len=sizes, batch_size=sizes, epoch=st.integers(0, 3), for_evaluation=st.booleans())
def test_a_row_reads_one_document_from_its_start_until_the_state_is_reset(
    many_documents, lengths, seq_len, batch_size, epoch, for_evaluation
):
    part = many_documents(lengths)
    batches = epoch_of(make("documents", part, seq_len, batch_size, for_evaluation=for_evaluation), epoch)
    assert not batches[0].carry
    groups = []
    for batch in batches:
        if not batch.carry:
            groups.append([])
        groups[-1].append(batch)
    whole = {tuple(range(start, stop)) for start, stop in zip(part.starts[:-1], part.stops, strict=True)}
    for group in groups:
        inputs = np.concatenate([batch.inputs for batch in group], axis=1)
        weights = np.concatenate([batch.weights for batch in group], axis=1)
        for read, weight in zip(inputs, weights, strict=True):
            length = int(weight.sum())
            if length:  # what is scored is at the front, and with its last target it is one whole document
                assert weight[:length].all()
                assert (*read[:length].tolist(), int(read[length - 1]) + 1) in whole


def test_of_too_many_documents_evenly_spaced_ones_are_evaluated(many_documents):
    part = many_documents([9] * 100)
    batching = make("documents", part, for_evaluation=True, at_most=200)
    found = scored_targets(epoch_of(batching))
    assert len(found) == len(set(found)) == batching.targets == 200
    assert batching.partial
    documents = sorted({target // 9 for target in found})
    assert documents[0] <= 5
    assert documents[-1] >= 94
    assert max(np.diff(documents)) <= 9
    whole = make("documents", part, for_evaluation=True, at_most=part.tokens.size)
    assert (whole.partial, whole.targets) == (False, part.tokens.size - 1)


@given(lengths=st.lists(st.integers(1, 60), min_size=1, max_size=40), at_most=st.integers(1, 300))
def test_as_many_targets_as_asked_for_are_evaluated_whatever_the_lengths_of_documents(many_documents, lengths, at_most):
    part = many_documents(lengths)
    batching = make("documents", part, for_evaluation=True, at_most=at_most)
    found = scored_targets(epoch_of(batching))
    assert len(found) == len(set(found)) == batching.targets == min(at_most, part.tokens.size - 1)


@pytest.mark.parametrize("lengths", [[50, 30_000], [3] * 5 + [40_000], [100] * 99 + [50_000], [20_000] * 40])
def test_documents_of_very_different_lengths_are_evaluated_in_as_many_places(many_documents, lengths):
    batching = make("documents", many_documents(lengths), for_evaluation=True, at_most=10_000)
    assert batching.targets == 10_000
    starts = np.cumsum([0, *lengths])
    documents = np.searchsorted(starts + np.arange(starts.size), scored_targets(epoch_of(batching)), side="right")
    assert len(set(documents.tolist())) >= min(len(lengths), 16)


def test_of_a_document_that_alone_has_too_many_targets_the_beginning_is_evaluated(one_document):
    batching = make("documents", one_document(1000), for_evaluation=True, at_most=50)
    assert sorted(scored_targets(epoch_of(batching))) == list(range(1, 51))


def test_a_document_without_ends_is_predicted_from_its_second_token_on(one_document):
    assert scored_targets(epoch_of(make("documents", one_document(10)))) == list(range(1, 10))


@given(lengths=lengths, seq_len=st.integers(1, 40), batch_size=sizes)
def test_batches_are_no_longer_than_the_longest_row_asks_and_of_few_lengths(
    many_documents, lengths, seq_len, batch_size
):
    batching = make("documents", many_documents(lengths), seq_len, batch_size)
    for batch in epoch_of(batching):
        width, longest = batch.targets.shape[1], int(batch.weights.sum(axis=1).max())
        assert batch.targets.shape[0] == batching.batch_size <= batch_size
        assert width == min(seq_len, -(-longest // 8) * 8)


def test_documents_of_similar_length_are_together_so_that_little_is_padded(many_documents):
    lengths = np.random.default_rng(0).integers(1, 400, 2000)
    batching = make("documents", many_documents(lengths), seq_len=128, batch_size=32)
    for epoch in (0, 1):
        batches = epoch_of(batching, epoch)
        assert sum(batch.scored for batch in batches) > 0.85 * sum(batch.targets.size for batch in batches)


def test_groups_come_in_another_order_with_other_members_each_epoch(many_documents):
    batching = make("documents", many_documents(range(1, 41)), seq_len=64, batch_size=4)

    def groups(epoch):
        return [frozenset(batch.inputs[:, 0].tolist()) for batch in epoch_of(batching, epoch)]

    assert set(groups(0)) != set(groups(1))
    longest = [batch.targets.shape[1] for batch in epoch_of(batching)]
    assert longest != sorted(longest)


def test_documents_without_anything_to_predict_are_said(one_document):
    with pytest.raises(CorpusError, match="There is nothing to predict: no document has two tokens"):
        make("documents", one_document(1))


@pytest.mark.parametrize("size", [2100, 3000, 5000, 20_000])
def test_streams_cover_nearly_all_of_a_small_text(one_document, size):
    batching = make("stream", one_document(size), seq_len=64, batch_size=16)
    assert batching.targets > 0.85 * size
    assert 12 <= batching.batch_size <= 16


def test_streams_are_as_many_as_asked_where_little_is_left_over(one_document):
    assert make("stream", one_document(20_000), seq_len=64, batch_size=16).batch_size == 16
