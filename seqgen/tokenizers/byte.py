"""One token a byte of UTF-8."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from seqgen.core.tokenizer import Decoder, Tokenizer
from seqgen.core.types import Content, Ids
from seqgen.tokenizers.common import StateReader, Utf8Decoder, as_text

_PIECES = [*(bytes([byte]) for byte in range(256)), b""]


@dataclass(frozen=True, kw_only=True)
class ByteTokenizer(Tokenizer):
    """The 256 bytes, and one token that stands between documents.  Nothing is unknown, and nothing is learned."""

    def fit(self, documents: Iterable[Content]) -> Self:
        """The same tokenizer."""
        return self

    @property
    def vocab_size(self) -> int:
        """The bytes and the end token."""
        return 257

    @property
    def end_id(self) -> int:
        """The id after those of the bytes."""
        return 256

    def encode(self, document: Content) -> Ids:
        """The bytes of the text in UTF-8, (T,) uint16."""
        return np.frombuffer(as_text(document).encode(), np.uint8).astype(np.uint16)

    def decode(self, ids: Ids) -> str:
        """The text; what is no UTF-8 becomes U+FFFD."""
        ids = np.asarray(ids)
        return ids[ids < 256].astype(np.uint8).tobytes().decode("utf-8", "replace")

    def decoder(self) -> Decoder:
        """Gives each character with its last byte."""
        return Utf8Decoder(_PIECES)

    def pieces(self) -> list[bytes]:
        """The bytes, and nothing for the end."""
        return _PIECES

    def canonical(self, document: Content) -> str:
        """The text itself; lone surrogates, which are no characters, become U+FFFD."""
        return as_text(document)

    def state(self) -> dict[str, Any]:
        """Nothing is learned."""
        return {}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """The tokenizer that gave this state."""
        StateReader("byte", state).done()
        return cls()
