"""Only what the scheme of a MIDI model allows."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, NamedTuple, Self

import numpy as np
import numpy.typing as npt
from annotated_doc import Doc
from annotated_types import Ge
from array_api_compat import array_namespace, device

from seqgen.core.errors import OptionError
from seqgen.core.sampler import Sampler, Stage
from seqgen.core.tokenizer import Tokenizer
from seqgen.core.types import Array, Ids
from seqgen_music.midi.grammar import Moment, TokenGrammar
from seqgen_music.rows import behind, stepped


class _Place(NamedTuple):
    """Where a row is.

    Attributes:
        moment: what counts of the words so far.
        bars: how many have begun.
    """

    moment: Moment = TokenGrammar.start
    bars: int = 0


@dataclass(kw_only=True)
class MidiGrammar(Sampler):
    """Leave the tokens that mean something where they stand: a note has all its parts, time goes on, no note is doubled.

    A piece may end where no note is without an end, and has a note; and it does after ``bars`` bars.
    """

    stage: ClassVar[Stage] = Stage.CONSTRAINT
    exceptions: ClassVar[Mapping[str, str]] = {
        "test_a_token_of_each_row_survives": "a sampler before it may have left only what the scheme does not allow"
    }

    bars: Annotated[
        int, Ge(0), Doc("a piece is whole after so many bars, those of the prompt included; 0: no limit")
    ] = 0

    _grammar: TokenGrammar | None = field(init=False, repr=False, compare=False, default=None)
    _end_id: int | None = field(init=False, repr=False, compare=False, default=None)
    _places: list[_Place] = field(init=False, repr=False, compare=False, default_factory=list)  # one for each row
    _media_type: str = field(init=False, repr=False, compare=False, default="")
    _begun_with: list[int] = field(init=False, repr=False, compare=False, default_factory=list)  # bars of each prompt

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """One that goes on by itself; the automaton, which never changes, is shared."""
        return copy.copy(self)  # _places is never changed, but replaced

    def begin(self, prompt_ids: Ids, tokenizer: Tokenizer) -> None:
        """Read the prompts (B, T).

        Raises:
            OptionError: bars are to be counted, and the model writes MIDI by a scheme without them.
        """
        grammar = tokenizer.grammar()
        self._grammar = grammar if isinstance(grammar, TokenGrammar) else None
        self._end_id, self._media_type = tokenizer.end_id, tokenizer.media_type
        self._places = [_Place()] * len(prompt_ids)
        if self._grammar is not None:
            if self.bars and not self._grammar.bars.any():
                raise OptionError(
                    f"sampler midi-grammar: bars is {self.bars}, but the scheme of this model has no bars; only remi has.  "
                    "Leave it out, and give --length"
                )
            self._places = behind(prompt_ids, _Place(), self._after)
        self._begun_with = [place.bars for place in self._places]

    def adjust(self, logits: Array) -> Array:
        """(B, V) -> (B, V) with what is allowed; all of it where the model writes no MIDI."""
        if self._grammar is None:
            return logits
        xp = array_namespace(logits)
        kept = np.stack([self._kept(self._grammar, place) for place in self._places])  # (B, V)
        mask = kept if xp is np else xp.asarray(kept, device=logits.device)
        left = xp.where(mask, logits, xp.asarray(-np.inf, dtype=logits.dtype, device=logits.device))
        last = np.array([place.bars >= self.bars > 0 for place in self._places], np.bool_)
        return _ending_with_bars(left, self._grammar.bars, last) if last.any() else left

    def accept(self, ids: Ids) -> None:
        """Go on to the moments after these ids (B,); after the end another piece starts."""
        if self._grammar is not None:
            self._places = stepped(self._places, ids, self._after)

    def select(self, rows: Ids) -> None:
        """Keep only the places of these rows (B',)."""
        self._places = [self._places[row] for row in rows]
        self._begun_with = [self._begun_with[row] for row in rows]

    def finished(self) -> npt.NDArray[np.bool_] | None:
        """(B,) where a bar has begun behind the last of ``bars``."""
        return np.array([place.bars > self.bars for place in self._places], np.bool_) if self.bars else None

    def notes(self) -> Sequence[Sequence[str]] | None:
        """That nothing was kept, where the model writes no MIDI; or that nothing was left to write."""
        if self._grammar is not None:
            if not self.bars or max(self._begun_with, default=0) <= self.bars:
                return None
            said = f"the prompt has {{}} bars already, so nothing follows where bars is {self.bars}"
            return [[said.format(begun)] if begun > self.bars else [] for begun in self._begun_with]
        return [[f"midi-grammar has no rules for {self._media_type}"]] * len(self._places)

    def _after(self, place: _Place, token: int) -> _Place:
        assert self._grammar is not None
        if token == self._end_id:
            return _Place()
        return _Place(self._grammar.next(place.moment, token), place.bars + bool(self._grammar.bars[token]))

    def _kept(self, grammar: TokenGrammar, place: _Place) -> npt.NDArray[np.bool_]:
        mask = grammar.allowed(place.moment)
        if self._end_id is not None:
            mask[self._end_id] = grammar.may_end(place.moment) and place.moment != grammar.start
        return mask


def _ending_with_bars(logits: Array, bars: npt.NDArray[np.bool_], last: npt.NDArray[np.bool_]) -> Array:
    """(B, V) -> (B, V): in a last bar, the tokens that begin another are one, which has the odds of all and no note.

    Args:
        logits: (B, V).
        bars: (V,) the tokens that begin a bar; the first of them is the bar alone.
        last: (B,) whether this is the last bar of a row.
    """
    xp = array_namespace(logits)
    begins, ends, alone = (
        xp.asarray(each, device=device(logits))
        for each in (bars, last[:, np.newaxis], np.arange(len(bars)) == bars.argmax())
    )
    excluded = xp.asarray(-np.inf, dtype=logits.dtype, device=device(logits))
    of_bars = xp.where(begins, logits, excluded)
    most = xp.max(of_bars, axis=-1, keepdims=True)  # (B, 1)
    any_left = xp.isfinite(most)
    odds = xp.sum(xp.exp(of_bars - xp.where(any_left, most, xp.zeros_like(most))), axis=-1, keepdims=True)
    together = most + xp.log(xp.where(any_left, odds, xp.ones_like(odds)))
    return xp.where(ends & begins, xp.where(alone, together, excluded), logits)
