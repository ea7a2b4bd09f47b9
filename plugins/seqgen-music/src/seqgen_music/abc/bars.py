"""Tunes whose bars add up."""

from __future__ import annotations

import copy
import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
from annotated_doc import Doc
from annotated_types import Ge
from array_api_compat import array_namespace, device

from seqgen.core.errors import OptionError
from seqgen.core.sampler import Sampler, Stage
from seqgen.core.tokenizer import Tokenizer
from seqgen.core.types import Array, Ids
from seqgen_music.abc.automaton import TuneGrammar
from seqgen_music.abc.place import Place, State, is_lost
from seqgen_music.abc.tokenizer import AbcTokenizer
from seqgen_music.rows import behind, stepped

_REMEMBERED = 4096  # masks
_HEADLESS = "the seed has no K: field before its notes, so a new tune begins; start it with X:, M:, L: and K:"
_CUT = "the tune is cut before its end, as by --stop, or by a --length that is too short or in characters"


@dataclass(kw_only=True)
class AbcBars(Sampler):
    """Leave the tokens with which a tune stays well-formed: the header first, bars that add up to the metre, upbeats and
    repeats included, brackets and tuplets that close, and an end.

    A tune ends within the length in tokens that is asked for, and after ``max_bars`` bars.
    """

    stage: ClassVar[Stage] = Stage.CONSTRAINT
    exceptions: ClassVar[Mapping[str, str]] = {
        "test_a_token_of_each_row_survives": "a tune that would not be well-formed must not go on"
    }

    min_bars: Annotated[int, Ge(1), Doc("a tune has at least so many bars")] = 4
    max_bars: Annotated[int, Ge(1), Doc("after so many bars a tune takes the shortest way to its end")] = 64

    _grammar: TuneGrammar = field(init=False, repr=False, compare=False)
    _end_id: int | None = field(init=False, repr=False, compare=False)
    _states: list[State] = field(init=False, repr=False, compare=False)  # one for each row
    _headless: list[bool] = field(init=False, repr=False, compare=False)  # whether the prompt of each row is
    _ended: list[bool] = field(
        init=False, repr=False, compare=False
    )  # B times whether the end token, or nothing, came last
    _left: int | None = field(init=False, repr=False, compare=False)  # tokens that may still be drawn
    _masks: dict[tuple[State, int | None], npt.NDArray[np.bool_]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.max_bars < self.min_bars:
            msg = f"sampler abc-bars: max_bars is {self.max_bars}, but must be at least min_bars, {self.min_bars}."
            raise OptionError(msg)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """One that goes on by itself; the automaton and the masks, which hold for all, are shared."""
        return copy.copy(self)  # the lists of rows are never changed, but replaced

    def begin(self, prompt_ids: Ids, tokenizer: Tokenizer) -> None:
        """Read the prompts (B, T).

        Raises:
            OptionError: the model does not write ABC, or has not seen what a tune needs.
        """
        if not isinstance(tokenizer, AbcTokenizer):
            raise OptionError(
                "sampler abc-bars needs a model with the tokenizer abc.  Use another model, or leave it out"
            )
        self._grammar = TuneGrammar(tokenizer.lexemes, self.min_bars)
        if self._grammar.lacks:
            raise OptionError(
                f"sampler abc-bars: the tunes that this model has seen lack {self._grammar.lacks}.  Leave it out"
            )
        self._end_id, self._left, self._masks = tokenizer.end_id, None, {}
        read = behind(prompt_ids, (self._grammar.start, False), functools.partial(_after, self._grammar, tokenizer))
        self._states = [state for state, _ in read]
        self._ended = [True] * len(read)
        self._headless = [lost and state.place in (Place.HEADER, Place.TEXT) for state, lost in read]

    def limit(self, tokens: int) -> None:
        """At most so many tokens will be drawn."""
        self._left = tokens

    def adjust(self, logits: Array) -> Array:
        """(B, V) -> (B, V) with what is allowed."""
        kept = np.stack([self._mask(state) for state in self._states])  # (B, V)
        if type(logits) is np.ndarray:
            return np.where(kept, logits, np.float32(-np.inf))
        xp, where = array_namespace(logits), device(logits)
        excluded = xp.asarray(-np.inf, dtype=logits.dtype, device=where)
        return xp.where(xp.asarray(kept, device=where), logits, excluded)

    def accept(self, ids: Ids) -> None:
        """Go on to the states after these ids (B,); after the end token another tune starts."""
        self._states = stepped(self._states, ids, self._grammar.next)
        self._ended = [token == self._end_id for token in ids.tolist()]
        if self._left is not None:
            self._left -= 1

    def select(self, rows: Ids) -> None:
        """Keep only the states of these rows (B',)."""
        self._states = [self._states[row] for row in rows]
        self._ended = [self._ended[row] for row in rows]
        self._headless = [self._headless[row] for row in rows]

    def finished(self) -> npt.NDArray[np.bool_]:
        """(B,) where nothing but the end may follow."""
        return np.array([self._grammar.may_end(state) and self._count(state) == 0 for state in self._states], np.bool_)

    def notes(self) -> Sequence[Sequence[str]]:
        """For each row, whether its prompt has notes that nothing can be made of, and whether its tune is cut."""
        whole = [ended or self._grammar.may_end(state) for state, ended in zip(self._states, self._ended, strict=True)]
        return [
            [_HEADLESS] * headless + [_CUT] * (not ends) for headless, ends in zip(self._headless, whole, strict=True)
        ]

    def _count(self, state: State) -> int:
        mask = self._mask(state)
        ends = self._end_id is not None and bool(mask[self._end_id])
        return int(np.count_nonzero(mask)) - ends

    def _mask(self, state: State) -> npt.NDArray[np.bool_]:
        budget = self._budget(state)
        # Of the number of bars it only counts whether there are enough.
        key = (state if budget is not None else state._replace(bars=min(state.bars, self.min_bars)), budget)
        mask = self._masks.get(key)
        if mask is None:
            mask = self._grammar.allowed(state)
            if budget is not None:
                self._grammar.keep_within(mask, state, budget)
            if self._end_id is not None:
                mask[self._end_id] = self._grammar.may_end(state)
            if len(self._masks) >= _REMEMBERED:
                self._masks.clear()
            self._masks[key] = mask
        return mask

    def _budget(self, state: State) -> int | None:
        """How many tokens the tune may still take, where that is so few that it decides; None otherwise."""
        over = state.bars >= self.max_bars
        if not over and (self._left is None or self._left > _FAR):
            return None
        cost = self._grammar.cost(state)
        if over:
            return cost
        assert self._left is not None
        return max(self._left, cost) if self._left <= cost + self._grammar.longest_step(state) else None


def _after(grammar: TuneGrammar, tokenizer: AbcTokenizer, read: tuple[State, bool], token: int) -> tuple[State, bool]:
    """The state of a prompt behind one token more, and whether it has had notes without a key."""
    state, lost = read
    return grammar.next(state, token), lost or is_lost(state, tokenizer.lexemes[token])


_FAR = 1000
"""Tokens before the limit from which on it is looked at."""
