"""Rows that begin alike share what is worked out for them."""

from __future__ import annotations

import numpy as np

from seqgen_music.rows import behind, stepped


def test_each_row_comes_to_the_state_behind_its_own_prompt():
    def after(read: tuple[int, ...], token: int) -> tuple[int, ...]:
        made.append(token)
        return (*read, token)

    made: list[int] = []
    assert behind(np.array([[1, 2], [3, 4], [1, 2]]), (), after) == [(1, 2), (3, 4), (1, 2)]
    assert made == [1, 2, 3, 4]
    assert behind(np.zeros((2, 0), np.int64), (0,), after) == [(0,), (0,)]
    assert behind(np.zeros((0, 2), np.int64), (0,), after) == []


def test_a_step_that_several_rows_make_is_made_once():
    def after(state: int, token: int) -> int:
        made.append((state, token))
        return 10 * state + token

    made: list[tuple[int, int]] = []
    assert stepped([1, 1, 2, 1], np.array([5, 6, 5, 5]), after) == [15, 16, 25, 15]
    assert sorted(made) == [(1, 5), (1, 6), (2, 5)]
