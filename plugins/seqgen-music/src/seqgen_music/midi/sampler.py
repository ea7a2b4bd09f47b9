"""Only what the scheme of a MIDI model allows."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
from array_api_compat import array_namespace

from seqgen.core.sampler import Sampler, Stage
from seqgen.core.tokenizer import Tokenizer
from seqgen.core.types import Array, Ids
from seqgen_music.midi.grammar import Moment, TokenGrammar
from seqgen_music.rows import behind, stepped


@dataclass(kw_only=True)
class MidiGrammar(Sampler):
    """Leave the tokens that mean something where they stand: a note has all its parts, time goes on, no note is doubled.

    A piece may end where no note is without an end, and has a note.
    """

    stage: ClassVar[Stage] = Stage.CONSTRAINT
    exceptions: ClassVar[Mapping[str, str]] = {
        "test_a_token_of_each_row_survives": "a sampler before it may have left only what the scheme does not allow"
    }

    _grammar: TokenGrammar | None = field(init=False, repr=False, compare=False, default=None)
    _end_id: int | None = field(init=False, repr=False, compare=False, default=None)
    _moments: list[Moment] = field(init=False, repr=False, compare=False, default_factory=list)  # one for each row

    _media_type: str = field(init=False, repr=False, compare=False, default="")

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """One that goes on by itself; the automaton, which never changes, is shared."""
        return copy.copy(self)  # _moments is never changed, but replaced

    def begin(self, prompt_ids: Ids, tokenizer: Tokenizer) -> None:
        """Read the prompts (B, T)."""
        grammar = tokenizer.grammar()
        self._grammar = grammar if isinstance(grammar, TokenGrammar) else None
        self._end_id, self._media_type = tokenizer.end_id, tokenizer.media_type
        self._moments = [TokenGrammar.start] * len(prompt_ids)
        if self._grammar is not None:
            self._moments = behind(prompt_ids, TokenGrammar.start, self._after)

    def adjust(self, logits: Array) -> Array:
        """(B, V) -> (B, V) with what is allowed; all of it where the model writes no MIDI."""
        if self._grammar is None:
            return logits
        xp = array_namespace(logits)
        kept = np.stack([self._kept(self._grammar, moment) for moment in self._moments])  # (B, V)
        mask = kept if xp is np else xp.asarray(kept, device=logits.device)
        return xp.where(mask, logits, xp.asarray(-np.inf, dtype=logits.dtype, device=logits.device))

    def accept(self, ids: Ids) -> None:
        """Go on to the moments after these ids (B,); after the end another piece starts."""
        if self._grammar is not None:
            self._moments = stepped(self._moments, ids, self._after)

    def select(self, rows: Ids) -> None:
        """Keep only the moments of these rows (B',)."""
        self._moments = [self._moments[row] for row in rows]

    def notes(self) -> Sequence[Sequence[str]] | None:
        """That nothing was kept, where the model writes no MIDI."""
        if self._grammar is not None:
            return None
        return [[f"midi-grammar has no rules for {self._media_type}"]] * len(self._moments)

    def _after(self, moment: Moment, token: int) -> Moment:
        assert self._grammar is not None
        return TokenGrammar.start if token == self._end_id else self._grammar.next(moment, token)

    def _kept(self, grammar: TokenGrammar, moment: Moment) -> npt.NDArray[np.bool_]:
        mask = grammar.allowed(moment)
        if self._end_id is not None:
            mask[self._end_id] = grammar.may_end(moment) and moment != grammar.start
        return mask
