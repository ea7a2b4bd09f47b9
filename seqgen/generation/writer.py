"""From ids to the text that may be given out: decoding, and ending at a length, an end token or a stop text."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar, Literal, TypeAlias

import numpy as np

from seqgen.core.errors import OptionError
from seqgen.core.text import REPLACEMENT
from seqgen.core.tokenizer import Decoder, Tokenizer
from seqgen.core.types import Content, Ids
from seqgen.generation.length import at_least
from seqgen.generation.several import several

FinishReason: TypeAlias = Literal["length", "stop", "end"]
"""Why a sequence ended: it has the length asked for, its text came to a stop text, or it is whole.

It is whole when the end token was drawn, or a sampler says that nothing can follow.
"""

TOKENS_PER_CHARACTER = 16
"""Tokens after which a length in characters ends a text that has not come to it, for each character asked for.

A character takes up to four tokens (bytes).  Without this bound a text would go on for ever where tokens stand for nothing,
or where a decoder gives its text only when it finishes.
"""

UNFINISHED = REPLACEMENT
"""What a decoder gives at the end of ``finish`` for a character of which bytes are missing."""


class Writer:
    """Takes the ids of one sequence and gives its text, until it is finished.

    The text never holds a part of a stop text that it ends at: what may be the beginning of one is held back until it
    is clear.  Nor does it end in a part of a character where a length ends it.  Memory does not grow with the text.

    Args:
        tokenizer: decodes.
        length: how many tokens end it; None for no end.
        stop: texts that end it, each str or bytes as the tokenizer decodes.
        end_id: the token that ends it; it counts as a token and stands for no text.
        after: the ids before the sequence, of which it goes on; None: it begins a document.
        characters: how many characters (bytes, for binary media) end it: the text of the last token is cut to fit.
            As many tokens as ``TOKENS_PER_CHARACTER`` times these and the longest stop text end it too.

    Attributes:
        tokens: how many it has taken.
        token: the last of them.
        forced: the token that must come next; always None here, where any may.
        last: what the last of them adds to the text of those before it, before anything is cut off or held back.

    Raises:
        OptionError: a stop text that is empty or of the wrong type, or a length that is no whole number at least 0.
    """

    forced: ClassVar[None] = None

    def __init__(
        self,
        tokenizer: Tokenizer,
        *,
        length: int | None,
        stop: Sequence[Content] = (),
        end_id: int | None = None,
        characters: int | None = None,
        after: Ids | None = None,
    ) -> None:
        at_least(0, length=length, characters=characters)
        self._tokenizer, self._after = tokenizer, after
        decoder = self._decoder()
        # A decoder gives either str or bytes, always the same, which the contract does not tell the type checker.
        self._push: Callable[[int], Any] = decoder.push
        self._finish: Callable[[], Any] = decoder.finish
        self._end_id = end_id
        self._characters_left = characters
        self._nothing = nothing(tokenizer)
        self._cut = _Cut(stop, self._nothing) if stop else None
        if characters is not None:
            held = max(map(len, stop), default=0)  # characters that may be held back are not among those given
            bound = TOKENS_PER_CHARACTER * (characters + held)
            length = bound if length is None else min(length, bound)
        self._length = length
        self.tokens = 0
        self.token = -1
        self.last = self._nothing
        self.finish_reason: FinishReason | None = "length" if length == 0 or characters == 0 else None

    def take(self, token: int) -> Content:
        """The text that is certain with this token and was not given before; ``finish_reason`` is set if it is the last.

        Not to be called any more once there is a ``finish_reason``.
        """
        self.tokens += 1
        self.token = token
        text: Content
        if token == self._end_id:
            self.last = self._nothing
            text = self._ended("end")
        else:
            self.last = text = self._push(token)
            if self._cut is not None:
                text = self._cut.take(text)
                if self._cut.found is not None:
                    self.finish_reason = "stop"
        if self.tokens == self._length and self.finish_reason is None:
            text += self._ended("length")
        if self._characters_left is not None:
            text = text[: self._characters_left]
            self._characters_left -= len(text)
            if self._characters_left == 0:
                self.finish_reason = "length"
        return text

    @property
    def stopped_at(self) -> Content | None:
        """The stop text that came in it, if one did; where a length in characters cut the text before it, that ended it."""
        return self._cut.found if self._cut is not None else None

    @property
    def held(self) -> Content:
        """The text that is held back, for it may be the beginning of a stop text."""
        return self._cut.held if self._cut is not None else self._nothing  # type: ignore[no-any-return]

    @property
    def stop_tokens(self) -> int:
        """How many of the tokens, the last ones, have no part in the text since a stop text begins before them."""
        return self._cut.tokens if self._cut is not None else 0

    def end(self) -> Any:
        """The rest of the text, which is whole; not to be called any more once there is a ``finish_reason``."""
        rest = self._ended("end")
        return rest if self._characters_left is None else rest[: self._characters_left]

    def fork(self, taken: Iterable[int]) -> Writer:
        """Another that goes on by itself after the same ids, which its decoder takes anew, for a decoder cannot be copied.

        Not to be called any more once there is a ``finish_reason``.

        Args:
            taken: all that this one has taken.
        """
        decoder = self._decoder()
        for token in taken:
            decoder.push(token)
        other = copy.copy(self)
        vars(other).update(_push=decoder.push, _finish=decoder.finish, _cut=copy.deepcopy(self._cut))
        return other

    def _decoder(self) -> Decoder:
        """A decoder that has taken no id of the sequence."""
        return self._tokenizer.decoder() if self._after is None else self._tokenizer.decoder_after(self._after)

    def _ended(self, reason: FinishReason) -> Any:
        """The rest of the text."""
        self.finish_reason = reason
        rest = self._finish()
        self.last += rest
        if reason == "length" and isinstance(rest, str):
            rest = rest.removesuffix(UNFINISHED)
        if self._cut is not None:
            rest = self._cut.push(rest)
            if self._cut.found is not None:
                self.finish_reason = "stop"
            else:
                rest += self._cut.held
        return rest


def stop_texts(stop: Content | Iterable[Content] | None) -> tuple[Content, ...]:
    """The stop texts; one alone may be given as it is.

    Raises:
        OptionError: one is something else than text or bytes.
    """
    return several("stop", stop, (str, bytes), "texts, or bytes for binary media")


def nothing(tokenizer: Tokenizer) -> Any:
    """The empty document of a tokenizer: "" or b"", which also says which of the two it decodes to."""
    return tokenizer.decode(np.empty(0, np.int64))


class _Cut:
    """Cuts text that comes in pieces before the first stop text in it."""

    def __init__(self, stop: Sequence[Content], empty: Any) -> None:
        for text in stop:
            if not isinstance(text, type(empty)) or not text:
                kind = "text, at least a character" if isinstance(empty, str) else "bytes, at least one"
                raise OptionError(f"stop is {text!r}, but must be {kind}.")
        self._stop: tuple[Any, ...] = tuple(stop)
        self._longest = max(map(len, stop))
        self.held: Any = empty
        self.found: Any = None
        self.tokens = 0  # that begin after the cut
        self._begins: list[int] = []  # where in ``held`` tokens begin; of those that may come to lie after a cut

    def take(self, piece: Content) -> Any:
        """``push`` for the text of a token."""
        self._begins.append(len(self.held))
        return self.push(piece)

    def push(self, piece: Content) -> Any:
        """What of the text so far is certain, was not given before, and lies before a stop text."""
        text = self.held + piece
        found = [(start, stop) for stop in self._stop if (start := text.find(stop)) >= 0]
        if found:
            cut, self.found = min(found)
            self.tokens = sum(begin >= cut for begin in self._begins)
            return text[:cut]
        end = len(text)
        possible = range(max(0, end - self._longest + 1), end)
        given = next((start for start in possible if any(stop.startswith(text[start:]) for stop in self._stop)), end)
        self.held = text[given:]
        self._begins = [begin - given for begin in self._begins if begin >= given]
        return text[:given]
