"""What a trial has reached, at the stages at which trials are compared."""

from __future__ import annotations

from seqgen.sweep.study import STAGES, report


class Trial:
    """Keeps what is reported of it, and is behind at the stages that are given."""

    def __init__(self, *behind):
        self.reported, self.behind = {}, behind

    def report(self, value, stage):
        self.reported[stage] = value

    def should_prune(self):
        return max(self.reported) in self.behind


def test_at_a_stage_that_it_skipped_a_trial_has_what_it_had_before():
    trial = Trial()
    assert report(trial, 2.0, 1.5 / STAGES, 0, None) == (1, False)
    assert report(trial, 1.5, 3.2 / STAGES, 1, 2.0) == (3, False)
    assert trial.reported == {1: 2.0, 2: 2.0, 3: 1.5}


def test_before_the_first_evaluation_it_has_what_that_gave():
    trial = Trial()
    report(trial, 2.0, 2.5 / STAGES, 0, None)
    assert trial.reported == {1: 2.0, 2: 2.0}


def test_a_trial_that_is_behind_at_any_stage_since_is_behind():
    assert report(Trial(2), 1.5, 3.2 / STAGES, 1, 2.0) == (3, True)
