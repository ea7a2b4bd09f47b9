"""When a run measures how well it does: by steps, or by what is used of its budget, and never for too much of it."""

from __future__ import annotations

from seqgen.training.counters import Counters
from seqgen.training.rhythm import Rhythm


def now(step=1, seconds=0.0, tokens=0, evaluations=0):
    return Counters(step=step, seconds=seconds, tokens=tokens, evaluations=evaluations)


def test_evaluations_that_take_long_wait_so_that_they_take_no_more_than_a_tenth_of_the_time():
    rhythm = Rhythm(every=None, timed=True, twentieths=0, targets=10**9)
    assert rhythm.due(now(seconds=5), progress=0.05)
    rhythm.evaluated(begun=5, ended=7, progress=0.07)
    assert not rhythm.due(now(seconds=20), progress=0.2)
    assert rhythm.due(now(seconds=25), progress=0.25)
    assert rhythm.due(now(seconds=26), progress=1.0)


def test_with_a_budget_of_steps_alone_the_rhythm_does_not_depend_on_the_clock():
    rhythm = Rhythm(every=None, timed=False, twentieths=0, targets=0)
    rhythm.evaluated(begun=5, ended=700, progress=0.07)
    assert not rhythm.due(now(seconds=701), progress=0.09)
    assert rhythm.due(now(seconds=702), progress=0.10)


def test_there_an_evaluation_is_left_out_that_scores_more_than_half_as_many_tokens_as_were_trained_on_since_the_last():
    rhythm = Rhythm(every=None, timed=False, twentieths=0, targets=100)
    assert not rhythm.due(now(tokens=199), progress=0.05)
    assert not rhythm.due(now(tokens=250), progress=0.06)  # it is not made up for
    assert rhythm.due(now(tokens=250), progress=0.10)
    assert not rhythm.due(now(tokens=399, evaluations=1), progress=0.15)
    assert rhythm.due(now(tokens=399, evaluations=1), progress=1.0)
