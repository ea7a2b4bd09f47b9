"""The tokenizer's own grammar."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from seqgen.core.tokenizer import Tokenizer
from seqgen.core.types import Ids
from seqgen.samplers.constraint import Constraint


@dataclass(kw_only=True)
class GrammarSampler(Constraint):
    """Leave the tokens that the tokenizer's grammar allows; changes nothing where the tokenizer has none.

    A text may end only where the grammar says so, and ends where it allows nothing else.
    """

    exceptions: ClassVar[Mapping[str, str]] = {
        "test_a_token_of_each_row_survives": "a text that the grammar allows nothing after must not go on"
    }

    def begin(self, prompt_ids: Ids, tokenizer: Tokenizer) -> None:
        """Read the prompts (B, T)."""
        self.follow(tokenizer.grammar(), tokenizer.end_id, len(prompt_ids))
        for ids in prompt_ids.T:
            self.accept(ids)
