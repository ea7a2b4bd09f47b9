"""Text that matches a regular expression (as Willard and Louf 2023, Efficient Guided Generation for Large Language Models)."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
import numpy.typing as npt
from annotated_doc import Doc

from seqgen.core.errors import OptionError
from seqgen.core.tokenizer import Tokenizer
from seqgen.core.types import Ids
from seqgen.samplers.constraint import Constraint
from seqgen.samplers.pattern import DEAD, Pattern, State, code_points_from


@dataclass(kw_only=True)
class Regex(Constraint):
    """Leave the tokens whose text keeps a match of the whole text possible, and the end only where it is one.

    The prompt is not part of the match.  The text ends where it is a match and nothing can follow; one that has come to
    its length before (``finish_reason`` ``length``) is the beginning of a match.
    """

    exceptions: ClassVar[Mapping[str, str]] = {
        "test_a_token_of_each_row_survives": "a text that does not match must not go on",
        "test_a_replayed_prefix_gives_the_state_of_the_prefix_as_prompt": "the prompt is not part of the match",
    }

    pattern: Annotated[str, Doc("what the text must match, as Python's re.fullmatch; empty changes nothing")] = ""

    def __post_init__(self) -> None:
        """Refuse what is no pattern before a model is loaded."""
        Pattern(self.pattern, "")

    def begin(self, prompt_ids: Ids, tokenizer: Tokenizer) -> None:
        """Start a match for each of the prompts (B, T)."""
        tokens = _Tokens(self.pattern, tokenizer) if self.pattern else None
        self.follow(tokens, tokenizer.end_id, len(prompt_ids))


_UNKNOWN, _DEAD = -1, 0
_REMEMBERED = 2048
"""States, with what follows each byte: 2 MB."""


class _Tokens:
    """A pattern as an automaton over tokens.

    A state is one of the pattern's, and the bytes of a character that has begun.
    """

    _states: list[tuple[State, bytes]]
    """By their numbers, from ``_DEAD`` on."""
    _numbers: dict[tuple[State, bytes], int]
    _after: npt.NDArray[np.int32]
    """(states, 256) the number of the state after a state and a byte, or ``_UNKNOWN``."""

    def __init__(self, pattern: str, tokenizer: Tokenizer) -> None:
        pieces = tokenizer.pieces()
        if pieces is None:
            raise OptionError(
                "sampler regex needs the text of each token, and in this model's tokenizer it depends on other tokens or is "
                "not told (Tokenizer.pieces).  Use a model with another tokenizer, or leave out the sampler"
            )
        self._pieces = pieces
        self._pattern = Pattern(pattern, _characters(pieces))
        if not self._pattern.start.alive:
            raise OptionError(
                f"sampler regex: no text of characters that this model can write matches {pattern!r}.  Loosen the pattern"
            )
        self.start: Hashable = (self._pattern.start, b"")
        self._lengths = np.array([len(piece) for piece in pieces], np.intp)
        self._offsets = np.add.accumulate(self._lengths) - self._lengths  # of each piece in all their bytes together
        self._bytes = np.frombuffer(b"".join(pieces), np.uint8)
        self._forget()

    def allowed(self, state: Any) -> npt.NDArray[np.bool_]:
        """(V,) the tokens that keep a match possible: all pieces at once, a byte at a time, as long as they are alive."""
        if len(self._states) > _REMEMBERED:
            self._forget()
        mask = np.zeros(len(self._pieces), bool)
        tokens = np.flatnonzero(self._lengths)
        now, depth = np.full(len(tokens), self._number(state)), 0
        while len(tokens):
            byte = self._bytes[self._offsets[tokens] + depth]
            following = self._after[now, byte]
            unknown = following == _UNKNOWN
            if unknown.any():
                for pair in np.unique(now[unknown] * 256 + byte[unknown]).tolist():
                    place = divmod(pair, 256)
                    number = self._number(self._step(self._states[place[0]], place[1]))
                    self._after[place] = number
                following = self._after[now, byte]
            depth += 1
            alive = following != _DEAD
            tokens, now = tokens[alive], following[alive]
            ended = self._lengths[tokens] == depth
            mask[tokens[ended]] = True
            tokens, now = tokens[~ended], now[~ended]
        return mask

    def _number(self, state: tuple[State, bytes]) -> int:
        """The row of ``_after`` for a state."""
        if not state[0].alive:
            return _DEAD
        number = self._numbers.setdefault(state, len(self._states))
        if number == len(self._states):
            self._states.append(state)
            if number == len(self._after):
                self._after = np.concatenate([self._after, np.full_like(self._after, _UNKNOWN)])
        return number

    def _forget(self) -> None:
        """Number states from the beginning: so many at most are held."""
        self._states, self._numbers = [(DEAD, b"")], {}
        self._after = np.full((16, 256), _UNKNOWN, np.int32)

    def next(self, state: Any, token: int) -> Hashable:
        """The state after a token."""
        for byte in self._pieces[token]:
            state = self._step(state, byte)
        return (state[0], state[1])

    def may_end(self, state: Any) -> bool:
        """Whether the text so far is a match."""
        return bool(state[0].accepting and not state[1])

    def _step(self, before: tuple[State, bytes], byte: int) -> tuple[State, bytes]:
        state, begun = before
        if byte < 0x80 and not begun:
            return self._pattern.step(state, chr(byte)), b""
        begun += bytes([byte])
        codes = code_points_from(begun)
        if len(codes) == 1 and len(begun) == len(chr(codes[0]).encode()):
            return self._pattern.step(state, chr(codes[0])), b""
        if codes and any(each.takes_between(codes[0], codes[-1]) for each in state.edges):
            return state, begun
        return DEAD, b""


def _characters(pieces: Sequence[bytes]) -> str | None:
    """The characters in the pieces; None, which is all, where some hold parts of characters."""
    try:
        return "".join(sorted({character for piece in pieces for character in piece.decode()}))
    except UnicodeDecodeError:
        return None
