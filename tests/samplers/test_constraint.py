"""What samplers share that hold a text to an automaton."""

from __future__ import annotations

import numpy as np

from seqgen.core.sampler import Stage
from seqgen.samplers import constraint
from seqgen.samplers.constraint import Constraint

END = 5
LOGITS = np.zeros((1, 6), np.float32)


class Rounds:
    """After token i comes i or i + 1; a state is the last token, and END, of which no grammar knows, may follow an even one."""

    start = 0

    def allowed(self, state):
        return np.isin(np.arange(6), [state, state + 1]) & (np.arange(6) != END)

    def next(self, state, token):
        return token

    def may_end(self, state):
        return state % 2 == 0


def masks_of(states):
    """The sampler, and what it leaves in each of the states as they come."""
    sampler = Constraint()
    sampler.follow(Rounds(), END, rows=1)
    left = []
    for state in states:
        sampler.accept(np.array([state]))
        left.append(np.isfinite(sampler.adjust(LOGITS))[0].tolist())
    return sampler, left


def test_the_end_token_comes_where_the_grammar_lets_the_text_end():
    _, (first, second) = masks_of([2, 3])
    assert np.flatnonzero(first).tolist() == [2, 3, END]
    assert np.flatnonzero(second).tolist() == [3, 4]


def test_it_works_where_constraints_do():
    assert Constraint.stage is Stage.CONSTRAINT


def test_what_is_remembered_of_states_is_bounded_and_changes_nothing(monkeypatch):
    states = [0, 1, 2, 3, 4, 0, 2, 4]
    remembering, expected = masks_of(states)
    assert len(remembering._masks) == 5
    monkeypatch.setattr(constraint, "_REMEMBERED", 2)
    forgetting, found = masks_of(states)
    assert found == expected
    assert len(forgetting._masks) <= 2
