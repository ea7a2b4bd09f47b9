"""One token a character."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Annotated, Any, Literal, Self, TypeAlias

import numpy as np
import numpy.typing as npt
from annotated_doc import Doc
from annotated_types import Ge

from seqgen.core.text import cut_before_space
from seqgen.core.tokenizer import Decoder, Tokenizer
from seqgen.core.types import Content, Ids
from seqgen.tokenizers.common import (
    UNKNOWN,
    StateReader,
    TableDecoder,
    as_text,
    code_points,
    count_code_points,
    from_code_points,
    missing_symbols,
    places,
    replace_missing,
)

Normalization: TypeAlias = Literal["none", "NFC", "NFD", "NFKC", "NFKD"]


@dataclass(frozen=True, kw_only=True)
class CharTokenizer(Tokenizer):
    """Characters (code points), and one token that stands between documents.

    The vocabulary is sorted by code point, and the end token is last.  Characters rarer than ``min_count`` share the
    symbol U+FFFD, which then is in the vocabulary.  At encoding, a character that the vocabulary lacks becomes its
    nearest, else U+FFFD where that is in the vocabulary, and else is left out.
    """

    lowercase: Annotated[bool, Doc("make everything lower case")] = False
    normalization: Annotated[Normalization, Doc("Unicode normal form that text is brought to")] = "none"
    min_count: Annotated[int, Ge(1), Doc("rarer characters become the unknown character U+FFFD")] = 1
    symbols: str = field(default="", repr=False)
    dropped: str = field(default="", repr=False)

    def fit(self, documents: Iterable[Content]) -> Self:
        """Learn which characters there are."""
        counts = count_code_points(documents, self._normal)
        kept, dropped = (
            np.flatnonzero(counts >= self.min_count),
            np.flatnonzero((counts > 0) & (counts < self.min_count)),
        )
        if dropped.size:
            kept = np.union1d(kept, [ord(UNKNOWN)])
            dropped = dropped[dropped != ord(UNKNOWN)]
        return replace(self, symbols=from_code_points(kept), dropped=from_code_points(dropped))

    def extended(self, documents: Iterable[Content]) -> tuple[Self, Ids]:
        """With the characters that are frequent enough in documents."""
        found = replace(self, symbols="", dropped="").fit(documents)
        symbols = "".join(sorted({*self.symbols, *found.symbols}))
        dropped = "".join(sorted({*self.dropped, *found.dropped}.difference(symbols)))
        ids = np.append(places(self.symbols, symbols), len(symbols))
        return replace(self, symbols=symbols, dropped=dropped), ids

    @property
    def vocab_size(self) -> int:
        """The characters and the end token."""
        return len(self.symbols) + 1

    @property
    def end_id(self) -> int:
        """The last id."""
        return len(self.symbols)

    def encode(self, document: Content) -> Ids:
        """The ids, (T,), in the smallest unsigned type that holds them."""
        text = self._normal(as_text(document))
        ids = self._ids(text)
        if (ids == self.end_id).any():  # no character has the id of the end, so the table says "lacking" by it
            ids = self._ids(self.canonical(text))
        return ids

    def cut(self, pieces: Iterable[Content]) -> Iterator[Content]:
        """Anywhere, unless lower case or a normal form looks across."""
        if self.lowercase or self.normalization != "none":
            return cut_before_space(map(as_text, pieces))
        return iter(pieces)

    def decode(self, ids: Ids) -> str:
        """The text."""
        ids = np.asarray(ids)
        return from_code_points(self._code_of_id[ids[ids != self.end_id]])

    def decoder(self) -> Decoder:
        """Gives each character at once."""
        return TableDecoder([*self.symbols, ""])

    def pieces(self) -> list[bytes]:
        """The characters, and nothing for the end."""
        return [*(symbol.encode() for symbol in self.symbols), b""]

    def canonical(self, document: Content) -> str:
        """The text in lower case and normal form where asked, with what the vocabulary lacks replaced."""
        text = self._normal(as_text(document))
        # Again and again: what replaces a character may compose with the next one (e for a missing é before an accent).
        while (replaced := replace_missing(text, self.symbols, self.dropped)) != text:
            text = self._normal(replaced)
        return text

    def missing(self, document: Content) -> Mapping[str, str | None]:
        """Characters that the vocabulary lacks, each with the nearest that it has, else U+FFFD where it has that, or None."""
        return missing_symbols(self._normal(as_text(document)), self.symbols, self.dropped)

    def characters(self, ids: Ids) -> int:
        """Every token but the end is one character."""
        return int(np.count_nonzero(np.asarray(ids) != self.end_id))

    def state(self) -> dict[str, Any]:
        """The options, and the characters as one string in the order of their ids."""
        return {
            "lowercase": self.lowercase,
            "normalization": self.normalization,
            "min_count": self.min_count,
            "symbols": self.symbols,
            "dropped": self.dropped,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """The tokenizer that gave this state."""
        read = StateReader("char", state)
        tokenizer = cls(
            lowercase=read.boolean("lowercase"),
            normalization=read.choice("normalization", Normalization),
            min_count=read.integer("min_count", at_least=1),
            symbols=read.symbols("symbols"),
            dropped=read.symbols("dropped"),
        )
        read.done()
        # Otherwise what replaces a missing character might be missing again in its normal form, without end.
        normal = all(tokenizer._normal(symbol) == symbol for symbol in tokenizer.symbols)
        read.require(normal, '"symbols" has characters that its own normal form or lower case does away with')
        read.require(not set(tokenizer.symbols) & set(tokenizer.dropped), "a character is both kept and dropped")
        read.require(
            not tokenizer.dropped or UNKNOWN in tokenizer.symbols, "characters are dropped, but none is unknown"
        )
        return tokenizer

    def _normal(self, text: str) -> str:
        form = self.normalization
        text = text if form == "none" else unicodedata.normalize(form, text)
        if self.lowercase:
            # A normal form may compose and decompose what lower-casing leaves, and may bring forth capitals (U+2122)
            # that a single lower-casing before it would miss.
            text = text.lower()
            text = text if form == "none" else unicodedata.normalize(form, text)
        return text

    def _ids(self, text: str) -> npt.NDArray[np.unsignedinteger[Any]]:
        if self._id_of_byte is not None and text.isascii():
            # Five times as fast as the table over all code points (benchmarks/encoding.py).
            return np.frombuffer(text.encode("ascii").translate(self._id_of_byte), np.uint8)
        return self._id_of_code[code_points(text)]

    @cached_property
    def _id_of_byte(self) -> bytes | None:
        """The same for the first 256 code points; None where an id is more than a byte."""
        return self._id_of_code[:256].tobytes() if self._id_of_code.dtype == np.uint8 else None

    @cached_property
    def _id_of_code(self) -> npt.NDArray[np.unsignedinteger[Any]]:
        """(0x110000,): the id of each code point, the end's where there is none."""
        table = np.full(0x110000, self.end_id, np.min_scalar_type(self.end_id))
        table[self._code_of_id] = np.arange(self.end_id)
        if self.dropped:
            table[code_points(self.dropped)] = self.symbols.index(UNKNOWN)
        return table

    @cached_property
    def _code_of_id(self) -> npt.NDArray[np.uint32]:
        return code_points(self.symbols)
