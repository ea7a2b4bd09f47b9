from __future__ import annotations

import numpy as np
import pytest

from seqgen.generation.chain import Chain
from seqgen.generation.draw import RandomStreams, draw
from seqgen.samplers.mirostat import Mirostat
from seqgen.samplers.temperature import Temperature

LOGITS = np.log(np.array([[0.125, 0.5, 0.25, 0.125]], np.float32))  # 3, 1, 2 and 3 bits of surprise


@pytest.fixture(scope="module")
def begun(tokenizer_of_size):
    """The sampler before the first token of so many rows."""

    def begin(rows=1, vocab_size=4, **options):
        sampler = Mirostat(**options)
        sampler.begin(np.zeros((rows, 0), np.int64), tokenizer_of_size(vocab_size))
        return sampler

    return begin


def left(sampler, logits=LOGITS):
    return [set(np.flatnonzero(np.isfinite(row)).tolist()) for row in np.asarray(sampler.adjust(logits))]


@pytest.mark.parametrize(("tau", "kept"), [(0.4, {1}), (0.6, {1}), (1.25, {1, 2}), (1.6, {0, 1, 2, 3})])
def test_at_first_what_surprises_by_at_most_twice_tau_stays_and_always_the_likeliest(begun, tau, kept):
    assert left(begun(tau=tau)) == [kept]


def test_a_surprising_token_tightens_and_an_expected_one_loosens(begun):
    surprised, bored = begun(tau=1.25, eta=0.75), begun(tau=1.25, eta=0.5)
    for sampler, token in ((surprised, 2), (bored, 1)):
        sampler.adjust(LOGITS)
        sampler.accept(np.array([token]))
    assert left(surprised) == [{1}]  # mu is 2.5 - 0.75 * (2 - 1.25) = 1.9375
    for _ in range(3):  # mu grows by 0.125 each time, from 2.625
        assert left(bored) == [{1, 2}]
        bored.accept(np.array([1]))
    assert left(bored) == [{0, 1, 2, 3}]


@pytest.mark.parametrize("tau", [3.5, 4.5, 6.0])
def test_the_mean_surprise_comes_to_tau(tau):
    ranks = np.arange(1, 1001)
    logits = np.log(1 / ranks / (1 / ranks).sum()).astype(np.float32)[None]  # from 2.9 bits; 7.5 on average
    chain, streams = Chain([Mirostat(tau=tau, eta=0.2)]), RandomStreams(3, [0])
    chain.begin(np.zeros((1, 0), np.int64), None)
    surprises = []
    for _ in range(2000):
        ids = draw(chain.adjust(logits), streams.next())
        chain.accept(ids)
        surprises.append(-logits[0, ids[0]] / np.log(2))
    assert np.mean(surprises) == pytest.approx(tau, abs=0.1)


def test_rows_have_each_their_own_limit_also_when_some_end_between_draw_and_acceptance(begun):
    logits = np.repeat(LOGITS, 3, axis=0)
    sampler = begun(rows=3, tau=1.25, eta=0.75)
    sampler.adjust(np.concatenate([LOGITS, LOGITS[:, ::-1], LOGITS]))
    sampler.select(np.array([1, 0]))
    sampler.accept(np.array([1, 1]))  # 2 bits and 1 bit
    assert left(sampler, logits[:2]) == [{1}, {1, 2}]


def test_a_prompt_does_not_count(begun, tokenizer_of_size):
    sampler = begun(tau=1.25)
    sampler.begin(np.array([[0, 0, 0]]), tokenizer_of_size(4))
    sampler.accept(np.array([0]))
    assert left(sampler) == [{1, 2}]


@pytest.mark.parametrize("as_logits", ["numpy", "torch"])
def test_a_token_that_was_not_left_was_forced_and_does_not_count(begun, as_logits):
    logits = np.repeat(LOGITS, 3, axis=0)
    if as_logits == "torch":
        logits = pytest.importorskip("torch").from_numpy(logits)
    sampler = begun(rows=3, tau=1.25, eta=0.75)  # mu is 2.5
    sampler.adjust(logits)
    sampler.select(np.array([2, 1]))
    sampler.accept(np.array([0, 2]))  # 3 bits and 2 bits
    assert left(sampler, logits[:2]) == [{1, 2}, {1}]


def test_surprise_is_that_after_the_temperature():
    chain = Chain([Mirostat(tau=1.25), Temperature(temperature=0.25)])
    chain.begin(np.zeros((1, 0), np.int64), None)
    assert np.isfinite(chain.adjust(LOGITS)).sum() == 1
