"""Caches of what is told of words, into which no long ones come."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar, cast

LONGEST = 64
"""Letters of a word that is kept; what is longer is none of any language, and may have any length."""

_Tells = TypeVar("_Tells", bound=Callable[..., Any])


def remembered(size: int) -> Callable[[_Tells], _Tells]:
    """A function of words that keeps its last answers; one on a word of more than ``LONGEST`` letters it gives anew.

    Args:
        size: how many answers.
    """

    def decorated(tell: _Tells) -> _Tells:
        known = functools.lru_cache(size)(tell)

        @functools.wraps(tell)
        def told(*words: str) -> Any:
            return known(*words) if max(map(len, words)) <= LONGEST else tell(*words)

        return cast("_Tells", told)

    return decorated
