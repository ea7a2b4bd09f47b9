"""Notes that are in the key."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt
from annotated_doc import Doc
from annotated_types import Ge, Le
from array_api_compat import array_namespace, device

from seqgen.core.errors import OptionError
from seqgen.core.sampler import Sampler, Stage
from seqgen.core.tokenizer import Tokenizer
from seqgen.core.types import Array, Ids
from seqgen_music.abc.keys import ACCIDENTALS, Key, Pitch, is_clef, parse_key
from seqgen_music.abc.lexemes import Kind, Lexeme
from seqgen_music.abc.tokenizer import AbcTokenizer
from seqgen_music.rows import behind, stepped

_Altered = tuple[tuple[str, int], ...]
"""What the accidentals of a bar have made of a pitch without one: its text and the semitones, sorted."""


class _Heard(NamedTuple):
    """What of a tune counts for which notes are in the key.

    Attributes:
        key: the value of the last K: field; empty where there was none.
        altered: by the accidentals of the bar.
        last: the note that was read last, of a chord its last; empty for a rest.
        tied: the MIDI number of a note that is to sound on.
        in_grace: within grace notes, which end no tie.
    """

    key: str = ""
    altered: _Altered = ()
    last: str = ""
    tied: int | None = None
    in_grace: bool = False


@dataclass(kw_only=True)
class Scale(Sampler):
    """Make notes outside the key that the tune is in less likely, or exclude them.

    Accidentals hold until the end of the bar, so after ``^f`` the token ``f`` is outside too.  A tied note may sound on.
    Where nothing else is left, a row stays as it is; before the first K: field nothing is changed.
    """

    stage: ClassVar[Stage] = Stage.CONSTRAINT

    freedom: Annotated[
        float,
        Ge(0),
        Le(1),
        Doc("by what the odds of notes outside the key are multiplied; 0 excludes them, 1 changes nothing"),
    ] = 0.0

    _lexemes: AbcTokenizer = field(init=False, repr=False, compare=False)
    _rows: list[_Heard] = field(init=False, repr=False, compare=False)
    _masks: dict[tuple[str, _Altered, int | None], npt.NDArray[np.bool_]] = field(init=False, repr=False, compare=False)

    def begin(self, prompt_ids: Ids, tokenizer: Tokenizer) -> None:
        """Read the prompts (B, T).

        Raises:
            OptionError: the model does not write ABC.
        """
        if not isinstance(tokenizer, AbcTokenizer):
            raise OptionError("sampler scale needs a model with the tokenizer abc.  Use another model, or leave it out")
        self._lexemes, self._masks = tokenizer, {}
        self._rows = behind(prompt_ids, _Heard(), self._after)

    def adjust(self, logits: Array) -> Array:
        """(B, V) -> (B, V) with notes outside the key less likely."""
        outside = np.stack([self._outside(row.key, row.altered, row.tied) for row in self._rows])  # (B, V)
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
        """Follow keys, accidentals, bars and ties."""
        self._rows = stepped(self._rows, ids, self._after)

    def select(self, rows: Ids) -> None:
        """Keep only these rows (B',)."""
        self._rows = [self._rows[row] for row in rows]

    def _after(self, heard: _Heard, token: int) -> _Heard:
        return _after(heard, self._lexemes.lexemes[token])

    def _outside(self, key: str, altered: _Altered, tied: int | None) -> npt.NDArray[np.bool_]:
        """(V,) whether each token is a note outside the key, and not one that sounds on."""
        mask = self._masks.get((key, altered, tied))
        if mask is None:
            mask = np.zeros(len(self._lexemes.lexemes), np.bool_)
            parsed = parse_key(key)
            for token, lexeme in enumerate(self._lexemes.lexemes):
                if parsed is not None and lexeme is not None and lexeme.kind is Kind.PITCH:
                    midi = _midi(lexeme.text, parsed, altered)
                    mask[token] = midi != tied and midi % 12 not in parsed.pitch_classes
            if len(self._masks) >= _REMEMBERED:
                self._masks.clear()
            self._masks[key, altered, tied] = mask
        return mask


def _after(heard: _Heard, lexeme: Lexeme | None) -> _Heard:
    """What counts once a lexeme was read; after the end token another tune starts."""
    if lexeme is None:
        return _Heard()
    kind, text = lexeme
    if kind in (Kind.FIELD, Kind.INLINE) and text.lstrip("[").startswith("K:"):
        value = text.strip("[]")[2:]
        return heard if is_clef(value) else heard._replace(key=value, altered=())
    if kind is Kind.BAR:
        return heard._replace(altered=(), in_grace=False)
    if kind in (Kind.GRACE, Kind.GRACE_END):
        return heard._replace(in_grace=kind is Kind.GRACE)
    if kind is Kind.TIE:
        key = parse_key(heard.key)
        return heard._replace(tied=_midi(heard.last, key, heard.altered) if key and heard.last else None)
    if kind is Kind.REST:
        return heard._replace(last="", tied=None)
    if kind is not Kind.PITCH:
        return heard
    altered = heard.altered
    if text[0] in "^_=":
        name = text.lstrip("^_=")
        altered = tuple(sorted({**dict(altered), name: ACCIDENTALS[text[: len(text) - len(name)]]}.items()))
    if heard.in_grace:
        return heard._replace(altered=altered)
    return heard._replace(altered=altered, last=text, tied=None)


def _midi(text: str, key: Key, altered: _Altered) -> int:
    """The MIDI number of a note as it sounds in a key, after the accidentals of the bar."""
    pitch = Pitch.parse(text)
    usual = dict(altered).get(text, key.altered.get(pitch.letter, 0))
    return pitch.midi(ACCIDENTALS[pitch.accidental] if pitch.accidental else usual)


_REMEMBERED = 1024
"""Masks."""
