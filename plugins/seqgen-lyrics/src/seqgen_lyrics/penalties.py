"""The penalties of a chain, over what the model only might write.

A line ends in a word by the probability that the model gives to the whole of it.  What the penalties that are before the
constraints would take from its tokens, or add to them, has to be in that probability, or they would not touch the words
that rhyme.  So copies of them read each word that is looked at, token by token, as they themselves would.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from seqgen.core.errors import PluginError
from seqgen.core.sampler import Sampler, Stage
from seqgen.core.tokenizer import Tokenizer

Held: TypeAlias = tuple[Sampler, ...]
"""The penalties as they are after one text, in the order of the chain."""


class Penalties:
    """The penalties of a chain, which it keeps up to date itself.

    Args:
        chain: all of its samplers.
        tokenizer: that they began with.
    """

    def __init__(self, chain: Sequence[Sampler], tokenizer: Tokenizer) -> None:
        self._held = tuple(sampler for sampler in chain if sampler.stage == Stage.PENALTY)
        self._others = tuple(sampler for sampler in chain if sampler.stage != Stage.PENALTY)
        self._tokenizer = tokenizer

    def __bool__(self) -> bool:
        return bool(self._held)

    def of(self, rows: Sequence[int]) -> list[Held]:
        """What holds after the text of each of these rows, of those that the chain has now; a row may come more than once.

        Raises:
            PluginError: a penalty holds what cannot be copied.
        """
        different = sorted(set(rows))
        if not different:
            return []
        held = self._copied(self._held)
        _select(held, different)
        found = dict(zip(different, self._apart(held, len(different)), strict=True))
        return [found[row] if rows.index(row) == place else self._copied(found[row]) for place, row in enumerate(rows)]

    def after(self, held: Sequence[Held], parents: Sequence[int], tokens: Sequence[int]) -> list[Held]:
        """What holds after each text that goes on from one of these by a token; the last of each parent takes over what it has."""
        last = {parent: place for place, parent in enumerate(parents)}
        longer = []
        for place, (parent, token) in enumerate(zip(parents, tokens, strict=True)):
            mine = held[parent] if last[parent] == place else self._copied(held[parent])
            for sampler in mine:
                sampler.accept(np.array([token]))
            longer.append(mine)
        return longer

    def _apart(self, held: Held, count: int) -> list[Held]:
        """Those of so many rows, each by itself: by halves, since a copy takes as long as it has rows."""
        if count == 1:
            return [held]
        half, other = count // 2, self._copied(held)
        _select(held, range(half))
        _select(other, range(half, count))
        return self._apart(held, half) + self._apart(other, count - half)

    def _copied(self, held: Held) -> Held:
        """Others that go on by themselves; the tokenizer, the options and the other samplers are shared, as a beam does."""
        parts: tuple[Any, ...] = held
        options = [
            getattr(part, option.name) for part in parts if is_dataclass(part) for option in fields(part) if option.init
        ]
        shared: dict[int, Any] = {id(one): one for one in (self._tokenizer, *self._others, *options)}
        try:
            return copy.deepcopy(held, shared)
        except MemoryError:
            raise
        except Exception as error:
            raise PluginError(
                f"one of {', '.join(map(str, held))} cannot be copied with what it remembers, as is done to look ahead: {error}.  "
                "Let its __deepcopy__ make a copy that goes on by itself, or leave it out"
            ) from error


def penalised(logits: npt.NDArray[np.floating], held: Sequence[Held]) -> npt.NDArray[np.float32]:
    """(R, V) what the penalties make of logits (R, V), of which each row has its own."""
    left = []
    for row, samplers in enumerate(held):
        one = logits[row : row + 1].astype(np.float32)
        for sampler in samplers:
            one = sampler.adjust(one)
        left.append(one)
    return np.concatenate(left)


def _select(held: Held, rows: Sequence[int]) -> None:
    for sampler in held:
        sampler.select(np.array(rows, np.int64))
