"""Text that matches a regular expression (as Willard and Louf 2023, Efficient Guided Generation for Large Language Models)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, ClassVar

from annotated_doc import Doc

from seqgen.core.tokenizer import Tokenizer
from seqgen.core.types import Ids
from seqgen.samplers.constraint import Constraint
from seqgen.samplers.pattern import Pattern
from seqgen.samplers.regex_tokens import PatternOfTokens


@dataclass(kw_only=True)
class Regex(Constraint):
    """Leave the tokens whose text keeps a match of the whole text possible, and the end only where it is one.

    The prompt is not part of the match.  The text ends where it is a match and nothing can follow; one that has come to
    its length before (``finish_reason`` ``length``) is the beginning of a match, and ``notes`` says so where it is none itself.  ``$`` is the very end of the text, where that
    of Python also stands before a line end that comes last.
    """

    exceptions: ClassVar[Mapping[str, str]] = {
        "test_a_token_of_each_row_survives": "a text that does not match must not go on",
        "test_a_replayed_prefix_gives_the_state_of_the_prefix_as_prompt": "the prompt is not part of the match",
    }

    pattern: Annotated[str, Doc("what the text must match, as Python's re.fullmatch; empty changes nothing")] = ""

    _ended: list[bool] = field(init=False, repr=False, compare=False)  # B times whether the end token came last

    def __post_init__(self) -> None:
        """Refuse what is no pattern before a model is loaded."""
        Pattern(self.pattern, "")

    def begin(self, prompt_ids: Ids, tokenizer: Tokenizer) -> None:
        """Start a match for each of the prompts (B, T)."""
        tokens = PatternOfTokens(self.pattern, tokenizer) if self.pattern else None
        self.follow(tokens, tokenizer.end_id, len(prompt_ids))
        self._ended = [False] * len(prompt_ids)

    def accept(self, ids: Ids) -> None:
        """Go on to the states after these ids (B,)."""
        super().accept(ids)
        self._ended = [token == self._end_id for token in ids.tolist()]

    def select(self, rows: Ids) -> None:
        """Keep only the states of these rows (B',)."""
        super().select(rows)
        self._ended = [self._ended[row] for row in rows]

    def notes(self) -> list[list[str]] | None:
        """For each row, whether what was drawn is no match, as where its length or a stop text came first."""
        grammar = self._grammar
        if grammar is None:
            return None
        note = f"what was drawn is only the beginning of a match of {self.pattern!r}"
        rows = zip(self._states, self._ended, strict=True)
        return [[] if ended or grammar.may_end(state) else [note] for state, ended in rows]
