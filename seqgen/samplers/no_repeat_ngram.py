"""No repeated n-grams (Paulus, Xiong and Socher 2018, A Deep Reinforced Model for Abstractive Summarization, section 2.5)."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, TypeAlias

import numpy as np
from annotated_doc import Doc
from annotated_types import Ge

from seqgen.core.sampler import Sampler, Stage
from seqgen.core.tokenizer import Tokenizer
from seqgen.core.types import Array, Ids
from seqgen.samplers.arrays import masked, namespace

_Followers: TypeAlias = dict[tuple[int, ...], list[int]]
"""Of each run of size - 1 ids, the ids that followed it, each once."""


@dataclass(kw_only=True)
class NoRepeatNgram(Sampler):
    """Exclude each token that would complete a run of ``size`` tokens that occurred before, in the prompt or since.

    A row of which every token would, stays as it is, and ``notes`` says where.  What is remembered grows with the text.  The end
    token may come though it stood before the prompt.
    """

    stage: ClassVar[Stage] = Stage.CONSTRAINT

    size: Annotated[int, Ge(1), Doc("how many tokens in a row never come twice; 1 lets each token come once")] = 8

    _last: list[tuple[int, ...]] = field(init=False, repr=False, compare=False)  # B times the last size - 1 ids
    _before: list[tuple[_Followers, ...]] = field(init=False, repr=False, compare=False)
    """B times those of what rows or copies have in common, as a prompt, which are never added to."""
    _since: list[_Followers] = field(init=False, repr=False, compare=False)  # B times those of what came after that
    _end_id: int | None = field(init=False, repr=False, compare=False)
    _stuck: Array = field(init=False, repr=False, compare=False)
    """(B, 1) whether every token would repeat a run; None where that was not looked for since the last token."""
    _taken: int = field(init=False, repr=False, compare=False)  # tokens since the prompt
    _repeating: list[tuple[int, int]] = field(init=False, repr=False, compare=False)
    """B times how many of those repeated a run since every token would have, and the first of them, from 1."""

    def begin(self, prompt_ids: Ids, tokenizer: Tokenizer) -> None:
        """Remember the runs of the prompts (B, T)."""
        rows = len(prompt_ids)
        same = rows > 0 and all(np.array_equal(ids, prompt_ids[0]) for ids in prompt_ids[1:])
        self._end_id = tokenizer.end_id
        different = prompt_ids[:1] if same else prompt_ids
        self._last = [()] * len(different)
        self._before, self._since = [()] * len(different), [{} for _ in different]
        self._stuck, self._taken = None, 0
        for ids in different.T:
            self.accept(ids)
        if same:
            self._share()
            self._last, self._before = self._last * rows, self._before * rows
            self._since = [{} for _ in prompt_ids]
        self._taken, self._repeating = 0, [(0, 0)] * rows

    def adjust(self, logits: Array) -> Array:
        """(B, V) -> (B, V) without what would repeat a run."""
        banned = [self._followers(row) for row in range(len(self._last))]
        if not any(banned):
            return logits
        xp = namespace(logits)
        allowed = np.ones(logits.shape, bool)
        for row, ids in enumerate(banned):
            allowed[row, ids] = False
        kept = allowed if xp is np else xp.asarray(allowed, device=logits.device)
        self._stuck = ~xp.any(kept & (logits > -np.inf), axis=-1, keepdims=True)
        return masked(logits, kept | self._stuck)

    def accept(self, ids: Ids) -> None:
        """Remember the runs that these ids (B,) complete."""
        self._taken += 1
        for row, token in enumerate(ids.tolist()):
            last = self._last[row]
            run = (*last, token)
            if len(run) == self.size:
                if run == (self._end_id,):
                    continue
                if token not in self._followers(row):
                    self._since[row].setdefault(last, []).append(token)
                elif self._stuck is not None and self._stuck[row, 0]:
                    count, first = self._repeating[row]
                    self._repeating[row] = count + 1, first or self._taken
                run = run[1:]
            self._last[row] = run
        self._stuck = None

    def __deepcopy__(self, memo: dict[int, Any]) -> NoRepeatNgram:
        """Another that remembers the same: a beam makes one for each of its texts at each token, and they may be long.

        What is remembered until now both share, and each goes on with tables of its own.
        """
        self._share()
        other = copy.copy(self)
        since: list[_Followers] = [{} for _ in self._since]
        vars(other).update(_last=[*self._last], _since=since, _repeating=[*self._repeating])
        return other

    def select(self, rows: Ids) -> None:
        """Keep only what is remembered of these rows (B',)."""
        self._last = [self._last[row] for row in rows]
        self._before = [self._before[row] for row in rows]
        self._since = [self._since[row] for row in rows]
        self._repeating = [self._repeating[row] for row in rows]
        self._stuck = None

    def notes(self) -> list[list[str]]:
        """For each row, where runs repeat since nothing else could follow."""
        return [[self._told(count, first)] if count else [] for count, first in self._repeating]

    def _followers(self, row: int) -> list[int]:
        """The ids that followed the last size - 1 ids of this row, each once."""
        last, found = self._last[row], self._since[row].get(self._last[row], [])
        for table in self._before[row]:
            found = found + table.get(last, [])
        return found

    def _share(self) -> None:
        """Add no more to the tables that there are, so that rows or copies may have them in common."""
        self._before = [_joined(tables, since) for tables, since in zip(self._before, self._since, strict=True)]
        self._since = [{} for _ in self._since]

    def _told(self, count: int, first: int) -> str:
        run = "a token" if self.size == 1 else f"a run of {self.size} tokens"
        if count == 1:
            return f"token {first:,} repeats {run}, as each that could follow would"
        return f"token {first:,} and {count - 1:,} more after it repeat {run}, as each that could follow would"


def _joined(tables: tuple[_Followers, ...], newest: _Followers) -> tuple[_Followers, ...]:
    """The tables and another after them, none of which is changed.

    One that has not twice the runs of the next becomes one with it, in a table of their own.  So there are never more than the
    logarithm of the text's length, and no more often is a run copied, however often the tables are shared.
    """
    while tables and len(tables[-1]) < 2 * len(newest):
        *others, last = tables
        tables, newest = (*others,), last | {run: last.get(run, []) + ids for run, ids in newest.items()}
    return (*tables, newest) if newest else tables
