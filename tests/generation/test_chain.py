from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from seqgen.core.errors import PluginError
from seqgen.core.sampler import Sampler
from seqgen.generation.chain import Chain, Forbid, in_order
from seqgen.samplers.greedy import Greedy
from seqgen.samplers.repetition_penalty import RepetitionPenalty
from seqgen.samplers.temperature import Temperature
from seqgen.samplers.top_k import TopK
from seqgen.samplers.top_p import TopP

LOGITS = np.array([[0.5, 2.0, 1.0, 1.75, -1.0]], np.float32)


def test_penalties_come_first_then_constraints_temperature_and_truncation_as_given():
    given = [TopP(), TopK(), Temperature(), Forbid((1,)), RepetitionPenalty()]
    ordered = [RepetitionPenalty, Forbid, Temperature, TopP, TopK]
    assert [type(sampler) for sampler in in_order(given)] == ordered
    assert [type(sampler) for sampler in Chain(given).samplers] == ordered


def test_each_sampler_works_on_what_the_one_before_it_left():
    def left(*samplers):
        return np.flatnonzero(np.isfinite(Chain(samplers).adjust(LOGITS))).tolist()

    # It takes two of the five tokens to reach 0.3 at this temperature, but of the best two alone the best is enough.
    flat, two, share = Temperature(temperature=5), TopK(k=2), TopP(p=0.3)
    assert left(flat, share, two) == left(share, two, flat) == [1, 3]
    assert left(flat, two, share) == left(two, share, flat) == [1]


def test_without_samplers_the_logits_stay():
    np.testing.assert_array_equal(Chain([]).adjust(LOGITS), LOGITS)


def test_forbidden_tokens_are_excluded_and_the_logits_not_modified():
    before = LOGITS.copy()
    np.testing.assert_array_equal(Forbid((1, 4)).adjust(LOGITS), [[0.5, -np.inf, 1.0, 1.75, -np.inf]])
    np.testing.assert_array_equal(LOGITS, before)


def test_one_sampler_object_serves_two_chains_at_a_time(characters):
    penalty = RepetitionPenalty(penalty=2, window=0)
    logits = np.ones((1, characters.vocab_size), np.float32)
    first, second = Chain([penalty]), Chain([penalty])
    first.begin(np.array([[1]]), characters)
    second.begin(np.array([[2]]), characters)
    first.accept(np.array([3]))
    assert set(np.flatnonzero(first.adjust(logits) < 1)) == {1, 3}
    assert set(np.flatnonzero(second.adjust(logits) < 1)) == {2}


def test_selected_rows_keep_what_was_remembered_for_them(characters):
    chain = Chain([Temperature(temperature=2), RepetitionPenalty(penalty=2)])
    chain.begin(np.array([[1], [2], [3]]), characters)
    chain.accept(np.array([4, 5, 6]))
    chain.select(np.array([2, 1]))
    adjusted = chain.adjust(np.ones((2, characters.vocab_size), np.float32))
    assert [set(np.flatnonzero(row < 0.5)) for row in adjusted] == [{3, 6}, {2, 5}]


@dataclass
class Remembers(Sampler):
    """Keeps what it is told of, and something that it is made with."""

    held: Any = None
    told: Any = field(default=None, init=False, repr=False)

    def begin(self, prompt_ids, tokenizer):
        self.told = [prompt_ids.tolist(), tokenizer]

    def adjust(self, logits):
        return logits

    def accept(self, ids):
        self.told.append(ids.tolist())


def test_a_fork_goes_on_by_itself_and_shares_the_tokenizer_and_the_options(characters):
    option = ["large"]
    chain = Chain([Remembers(option)])
    chain.begin(np.array([[1]]), characters)
    chain.accept(np.array([2]))
    fork = chain.fork(characters)
    chain.accept(np.array([3]))
    fork.accept(np.array([4]))
    (own,), (forked,) = chain.samplers, fork.samplers
    assert (own.told[2:], forked.told[2:]) == ([[2], [3]], [[2], [4]])
    assert forked.told[1] is characters
    assert forked.held is option


def test_where_no_sampler_remembers_anything_a_chain_is_its_own_fork(characters):
    chain = Chain([TopK(), Temperature()])
    assert chain.fork(characters) is chain


def test_a_sampler_that_cannot_be_copied_is_named_with_what_to_do(characters):
    @dataclass
    class Steps(Remembers):
        def begin(self, prompt_ids, tokenizer):
            self.told = (step for step in range(3))

    chain = Chain([Remembers(), Steps()])
    chain.begin(np.array([[1]]), characters)
    with pytest.raises(PluginError) as caught:
        chain.fork(characters)
    assert "Steps(held=None) cannot be copied with what it remembers, as a beam does for each of its texts: " in str(
        caught.value
    )
    assert str(caught.value).endswith("Let its __deepcopy__ make a copy that goes on by itself, or search without it")


def test_its_links_are_the_samplers_with_what_each_leaves():
    links = list(Chain([Greedy(), Forbid((0,))]).links(LOGITS))
    assert [sampler for sampler, _ in links] == [Forbid((0,)), Greedy()]
    assert [np.isfinite(left).sum() for _, left in links] == [4, 1]


@dataclass
class Leaves(Sampler):
    """Leaves what a function makes of the logits, and says that what it is told is finished."""

    make: Any
    whole: Any = None

    def adjust(self, logits):
        return self.make(logits)

    def finished(self):
        return self.whole


@pytest.mark.parametrize(
    "make",
    [
        lambda logits: logits[:, :-1],
        lambda logits: logits[0],
        lambda logits: np.concatenate([logits, logits]),
        lambda logits: logits.astype(int),
        list,
    ],
)
def test_what_is_left_must_be_logits_of_the_same_shape(make):
    with pytest.raises(PluginError, match=r"Leaves.* must return the logits, of the same shape \(1, 5\) and type"):
        Chain([Leaves(make)]).adjust(LOGITS)


@pytest.mark.parametrize("whole", [True, np.ones(2, bool), np.ones((1, 1), bool), [[]]])
def test_what_is_finished_must_be_said_of_each_row(whole):
    with pytest.raises(PluginError, match="finished gives .* must give a truth value for each of 1 sequences"):
        Chain([Leaves(np.copy, whole)]).finished(1)
