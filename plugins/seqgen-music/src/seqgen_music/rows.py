"""The rows of a generation, which begin alike: what is the same in several is worked out once."""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

from seqgen.core.types import Ids

_State = TypeVar("_State", bound=Hashable)  # never changed, so that rows may share one


def behind(prompt_ids: Ids, start: _State, after: Callable[[_State, int], _State]) -> list[_State]:
    """The state behind each prompt (B, T); the samples of a generation have one prompt in common, which is read once.

    Args:
        prompt_ids: (B, T).
        start: the state before a prompt.
        after: gives the state behind a state and a token.
    """
    different = {ids.tobytes(): ids for ids in prompt_ids}
    reached = {prompt: functools.reduce(after, ids.tolist(), start) for prompt, ids in different.items()}
    return [reached[ids.tobytes()] for ids in prompt_ids]


def stepped(states: Sequence[_State], ids: Ids, after: Callable[[_State, int], _State]) -> list[_State]:
    """The states (B,) behind these states (B,) and tokens (B,), each step made once.

    Args:
        states: (B,).
        ids: (B,).
        after: as for :func:`behind`.
    """
    steps = list(zip(states, ids.tolist(), strict=True))
    reached = {(state, token): after(state, token) for state, token in set(steps)}
    return [reached[step] for step in steps]
