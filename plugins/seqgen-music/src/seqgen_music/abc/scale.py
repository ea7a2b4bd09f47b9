"""Notes that are in the key."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Annotated, ClassVar

import numpy as np
import numpy.typing as npt
from annotated_doc import Doc
from annotated_types import Ge, Le
from array_api_compat import array_namespace, device

from seqgen.core.errors import OptionError
from seqgen.core.sampler import Sampler, Stage
from seqgen.core.tokenizer import Tokenizer
from seqgen.core.types import Array, Ids
from seqgen_music.abc.keys import ACCIDENTALS, Pitch, parse_key
from seqgen_music.abc.lexemes import Kind
from seqgen_music.abc.tokenizer import AbcTokenizer

_Altered = tuple[tuple[str, int], ...]
"""What the accidentals of a bar have made of a pitch without one: its text and the semitones, sorted."""


@dataclass(kw_only=True)
class Scale(Sampler):
    """Make notes outside the key that the tune is in less likely, or exclude them.

    Accidentals hold until the end of the bar, so after ``^f`` the token ``f`` is outside too.  Where nothing else is left,
    a row stays as it is; before the first K: field nothing is changed.
    """

    stage: ClassVar[Stage] = Stage.CONSTRAINT

    freedom: Annotated[
        float,
        Ge(0),
        Le(1),
        Doc("by what the odds of notes outside the key are multiplied; 0 excludes them, 1 changes nothing"),
    ] = 0.0

    _lexemes: AbcTokenizer = field(init=False, repr=False, compare=False)
    _keys: list[str] = field(init=False, repr=False, compare=False)  # the value of the last K: field of each row
    _altered: list[_Altered] = field(init=False, repr=False, compare=False)
    _masks: dict[tuple[str, _Altered], npt.NDArray[np.bool_]] = field(init=False, repr=False, compare=False)

    def begin(self, prompt_ids: Ids, tokenizer: Tokenizer) -> None:
        """Read the prompts (B, T).

        Raises:
            OptionError: the model does not write ABC.
        """
        if not isinstance(tokenizer, AbcTokenizer):
            raise OptionError("sampler scale needs a model with the tokenizer abc.  Use another model, or leave it out")
        self._lexemes, self._masks = tokenizer, {}
        self._keys, self._altered = [""] * len(prompt_ids), [()] * len(prompt_ids)
        for ids in prompt_ids.T:
            self.accept(ids)

    def adjust(self, logits: Array) -> Array:
        """(B, V) -> (B, V) with notes outside the key less likely."""
        outside = np.stack([self._outside(*state) for state in zip(self._keys, self._altered, strict=True)])  # (B, V)
        xp, where = array_namespace(logits), device(logits)
        penalty = math.log(self.freedom) if self.freedom else -math.inf
        lowest = xp.asarray(np.finfo(np.float32).min, dtype=logits.dtype, device=where)
        lower = logits + xp.asarray(penalty, dtype=logits.dtype, device=where)
        if self.freedom:  # a logit at the end of float32 stays finite
            lower = xp.where(logits > -np.inf, xp.maximum(lower, lowest), logits)
        left = xp.where(xp.asarray(outside, device=where), lower, logits)
        some_left = xp.any(left > -np.inf, axis=-1, keepdims=True)  # (B, 1)
        return xp.where(some_left, left, logits)

    def accept(self, ids: Ids) -> None:
        """Follow keys, accidentals and bars."""
        for row, token in enumerate(ids.tolist()):
            lexeme = self._lexemes.lexemes[token]
            if lexeme is None:
                self._keys[row], self._altered[row] = "", ()
                continue
            kind, text = lexeme
            if kind in (Kind.FIELD, Kind.INLINE) and text.lstrip("[").startswith("K:"):
                self._keys[row], self._altered[row] = text.strip("[]")[2:], ()
            elif kind is Kind.BAR:
                self._altered[row] = ()
            elif kind is Kind.PITCH and text[0] in "^_=":
                name = text.lstrip("^_=")
                mark = text[: len(text) - len(name)]
                self._altered[row] = tuple(sorted({**dict(self._altered[row]), name: ACCIDENTALS[mark]}.items()))

    def select(self, rows: Ids) -> None:
        """Keep only these rows (B',)."""
        self._keys = [self._keys[row] for row in rows]
        self._altered = [self._altered[row] for row in rows]

    def _outside(self, key: str, altered: _Altered) -> npt.NDArray[np.bool_]:
        """(V,) whether each token is a note outside the key."""
        mask = self._masks.get((key, altered))
        if mask is None:
            mask = np.zeros(len(self._lexemes.lexemes), np.bool_)
            parsed, alters = parse_key(key), dict(altered)
            for token, lexeme in enumerate(self._lexemes.lexemes):
                if parsed is not None and lexeme is not None and lexeme.kind is Kind.PITCH:
                    pitch = Pitch.parse(lexeme.text)
                    usual = alters.get(lexeme.text, parsed.altered.get(pitch.letter, 0))
                    alter = ACCIDENTALS[pitch.accidental] if pitch.accidental else usual
                    mask[token] = pitch.midi(alter) % 12 not in parsed.pitch_classes
            if len(self._masks) >= _REMEMBERED:
                self._masks.clear()
            self._masks[key, altered] = mask
        return mask


_REMEMBERED = 1024
"""Masks."""
