"""Text of which each line starts with a given text, as a poem whose lines begin with given words."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from seqgen.core.errors import GenerationError, OptionError
from seqgen.core.tokenizer import Tokenizer
from seqgen.core.types import Content
from seqgen.generation.writer import FinishReason, Writer, nothing


@dataclass(frozen=True)
class PrefixLines:
    """The texts that lines start with, and as the model reads them.

    Attributes:
        texts: one for each line, without the line end; an empty one leaves its line to the model.
        ids: the ids of each.
        newline: what the model reads between two lines where it has not drawn it itself: the line end, or the end
            token where the vocabulary has no line end, or nothing.
    """

    texts: tuple[str, ...]
    ids: tuple[tuple[int, ...], ...]
    newline: tuple[int, ...]

    @classmethod
    def of(cls, tokenizer: Tokenizer, texts: Sequence[str], end_id: int | None) -> Self:
        """Encode the texts.

        Args:
            tokenizer: encodes.
            texts: one for each line, at least one.
            end_id: the token at which documents end; None if there is none.

        Raises:
            OptionError: the tokenizer writes binary media, or documents with a frame, or a text holds a line end.
        """
        if nothing(tokenizer) != "":
            raise OptionError("prefix_lines start lines of text, but this model writes binary media.")
        if tokenizer.framed:
            raise OptionError(f"prefix_lines start lines, but {tokenizer.media_type} cannot be cut after any line.")
        for text in texts:
            if "\n" in text:
                raise OptionError(f"prefix_lines has {text!r}, but each must be a single line.")
        newline = () if tokenizer.missing("\n") else _ids(tokenizer, "\n")
        if not newline and end_id is not None:
            newline = (end_id,)
        return cls(tuple(texts), tuple(_ids(tokenizer, text) for text in texts), newline)


class LineWriter:
    """Takes the ids of one sequence and gives its text, line after line, until the last line is finished.

    A line starts with its given text, ``forced`` as the tokens that come next, and ends at the line end, at the end
    token, or at the length, which bounds what the model adds to each line.  The last line end is not given.

    Used as a :class:`seqgen.generation.writer.Writer`.  The finish reason is that of the last line, ``stop`` where it
    came to the line end.

    Args:
        tokenizer: decodes.
        lines: what the lines start with.
        length: how many tokens the model adds to a line at most; None for no end.
        stop: texts at which not the line alone ends; none holds a line end.
        end_id: the token that ends a line too.
        characters: how many characters the model adds to a line at most; None for no end.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        lines: PrefixLines,
        *,
        length: int | None,
        stop: Sequence[Content] = (),
        end_id: int | None = None,
        characters: int | None = None,
    ) -> None:
        if 0 in (length, characters):
            raise OptionError("length is 0, but must be at least 1 where lines are to be continued.")
        for text in stop:
            if isinstance(text, str) and "\n" in text:
                raise OptionError(f"stop is {text!r}, which never comes within a line.  Leave out its line end")
        self._tokenizer = tokenizer
        self._lines = lines
        self._length = length
        self._stop = ("\n", *stop)
        self._end_id = end_id
        self._characters = characters
        self._number = -1
        self._queue: deque[int] = deque()
        self._pending = ""  # text that the next token brings with it
        self._line: Writer
        self.tokens = 0
        self.token = -1
        self.finish_reason: FinishReason | None = None
        self._begin_line()

    @property
    def forced(self) -> int | None:
        """The token that must come next; None where any may."""
        return self._queue[0] if self._queue else None

    @property
    def stop_tokens(self) -> int:
        """How many of the tokens, the last ones, have no part in the text since it or its last line ends before them."""
        return self._line.stop_tokens

    def take(self, token: int) -> Content:
        """The text that is certain with this token; ``token`` becomes what the model is to go on with in its place."""
        self.tokens += 1
        self.token = token
        text, self._pending = self._pending, ""
        if self._queue:
            self._queue.popleft()
            return text
        held = len(self._line.held)  # of the tokens before, with which the model has read it
        certain = str(self._line.take(token))
        if self._line.finish_reason is not None:
            self._end_line(token, certain[held:])
        return text + certain

    def end(self) -> str:
        """The rest of the text, which is whole.

        Raises:
            GenerationError: not all lines have been begun, or what the last one starts with has not been read.
        """
        number, count = self._number + 1, len(self._lines.texts)
        if self._queue or number < count:
            raise GenerationError(
                f"A sampler says in line {number} of {count} that the text is whole, where prefix_lines have more to come.  "
                "Leave out one of the two, or let the sampler take as many lines"
            )
        text = self._pending + str(self._line.end())
        self.finish_reason = self._line.finish_reason
        return text

    def _begin_line(self) -> None:
        self._number += 1
        self._pending = ("\n" if self._number else "") + self._lines.texts[self._number]
        self._queue.extend(self._lines.ids[self._number])
        self._line = Writer(
            self._tokenizer,
            length=self._length,
            stop=self._stop,
            end_id=self._end_id,
            characters=self._characters,
            after=np.array(self._lines.ids[self._number], np.int64),
        )

    def _end_line(self, token: int, shown: str) -> None:
        """End the line with this token, of which so much is shown."""
        reason, at_line_end = self._line.finish_reason, self._line.stopped_at == "\n"
        # A length in characters may have cut the text before a stop text, which then has no part in it.
        if self._number + 1 == len(self._lines.texts) or (reason == "stop" and not at_line_end):
            self.finish_reason = reason
            return
        if reason != "end":
            if self._line.last not in (shown, f"{shown}\n"):  # the model reads what is shown of the token instead
                self.token, *rest = (*_ids(self._tokenizer, shown), *self._lines.newline) or (token,)
                self._queue.extend(rest)
            elif not at_line_end:
                self._queue.extend(self._lines.newline)
        self._begin_line()


def _ids(tokenizer: Tokenizer, text: str) -> tuple[int, ...]:
    return tuple(np.asarray(tokenizer.encode(text)).tolist())
