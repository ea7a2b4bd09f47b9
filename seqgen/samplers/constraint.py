"""What samplers share that hold a text to an automaton of which token may follow which."""

from __future__ import annotations

import copy
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt

from seqgen.core.sampler import Sampler, Stage
from seqgen.core.tokenizer import Grammar
from seqgen.core.types import Array, Ids
from seqgen.samplers.arrays import masked, namespace

_REMEMBERED = 1024  # masks


@dataclass(kw_only=True)
class Constraint(Sampler):
    """Excludes what the automaton does not allow, and the end token where the text may not end.

    A text is finished where it may end and nothing may follow.
    """

    stage: ClassVar[Stage] = Stage.CONSTRAINT

    _grammar: Grammar | None = field(init=False, repr=False, compare=False)  # None: anything may follow
    _end_id: int | None = field(init=False, repr=False, compare=False)
    _states: list[Hashable] = field(init=False, repr=False, compare=False)  # one for each row
    _masks: dict[Hashable, npt.NDArray[np.bool_]] = field(init=False, repr=False, compare=False)

    def follow(self, grammar: Grammar | None, end_id: int | None, rows: int) -> None:
        """Start these many rows; for ``begin``."""
        self._grammar, self._end_id, self._masks = grammar, end_id, {}
        self._states = [grammar.start if grammar else None] * rows

    def adjust(self, logits: Array) -> Array:
        """(B, V) -> (B, V) with what is allowed."""
        if self._grammar is None:
            return logits
        kept = np.stack([self._mask(self._grammar, state) for state in self._states])  # (B, V)
        xp = namespace(logits)
        return masked(logits, kept if type(logits) is np.ndarray else xp.asarray(kept, device=logits.device))

    def accept(self, ids: Ids) -> None:
        """Go on to the states after these ids (B,); after the end token another text starts."""
        grammar = self._grammar
        if grammar is not None:
            steps = list(zip(self._states, ids.tolist(), strict=True))
            # Each step is made once: within a prompt that all rows have in common, all are in one state.
            after = {
                (state, token): grammar.start if token == self._end_id else grammar.next(state, token)
                for state, token in set(steps)
            }
            self._states = [after[step] for step in steps]

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        """A copy that goes on by itself; the automaton and the masks, which only grow, are shared."""
        return copy.copy(self)

    def select(self, rows: Ids) -> None:
        """Keep only the states of these rows (B',)."""
        self._states = [self._states[row] for row in rows]

    def finished(self) -> npt.NDArray[np.bool_] | None:
        """(B,) where nothing but the end may follow."""
        grammar = self._grammar
        if grammar is None:
            return None
        return np.array([grammar.may_end(state) and not self._goes_on(grammar, state) for state in self._states], bool)

    def _goes_on(self, grammar: Grammar, state: Hashable) -> bool:
        mask = self._mask(grammar, state)
        ends = self._end_id is not None and bool(mask[self._end_id])
        return int(np.count_nonzero(mask)) > int(ends)

    def _mask(self, grammar: Grammar, state: Hashable) -> npt.NDArray[np.bool_]:
        mask = self._masks.get(state)
        if mask is None:
            mask = np.array(grammar.allowed(state), bool)
            if self._end_id is not None:
                mask[self._end_id] = grammar.may_end(state)
            if len(self._masks) >= _REMEMBERED:
                self._masks.clear()
            self._masks[state] = mask
        return mask
