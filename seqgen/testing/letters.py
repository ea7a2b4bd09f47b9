"""A tokenizer of any number of tokens, for what needs one but does not ask which."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from seqgen.core.tokenizer import Decoder, Tokenizer
from seqgen.core.types import Content, Ids

_FIRST = ord("a")


@dataclass(frozen=True)
class LettersTokenizer(Tokenizer):
    """``a`` is token 0, ``b`` token 1, and so on through Unicode; other characters are left out."""

    size: int

    def fit(self, documents: Iterable[Content]) -> Self:
        """Nothing is learnt."""
        return self

    @property
    def vocab_size(self) -> int:
        """``size``."""
        return self.size

    def encode(self, document: Content) -> Ids:
        """The ids of a document, (T,)."""
        ids = [ord(letter) - _FIRST for letter in str(document)]
        return np.array([token for token in ids if 0 <= token < self.size], np.int64)

    def decode(self, ids: Ids) -> str:
        """The letters of the ids."""
        return "".join(chr(_FIRST + token) for token in np.asarray(ids).tolist())

    def decoder(self) -> Decoder:
        """One letter for each id."""
        return _Letters()

    def canonical(self, document: Content) -> str:
        """The document without other characters."""
        return self.decode(self.encode(document))

    def state(self) -> dict[str, Any]:
        """The number of letters."""
        return {"size": self.size}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """The tokenizer of that state."""
        return cls(int(state["size"]))


class _Letters:
    def push(self, token: int) -> str:
        return chr(_FIRST + token)

    def finish(self) -> str:
        return ""
