"""Lower case characters, and a token before what is a capital: ``The`` is the tokens shift, t, h, e."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Annotated, Any, Self

import numpy as np
import numpy.typing as npt
from annotated_doc import Doc
from annotated_types import Ge

from seqgen.core.errors import DamagedModelError
from seqgen.core.tokenizer import Tokenizer
from seqgen.core.types import Content, Ids

END, SHIFT, FIRST = 0, 1, 2
"""Ids: what stands between documents, what makes the next character a capital, and the first character."""


@dataclass(frozen=True, kw_only=True)
class CaseTokenizer(Tokenizer):
    """A capital costs two tokens, but the network need not learn each letter twice."""

    min_count: Annotated[int, Ge(1), Doc("rarer characters are left out")] = 1
    symbols: str = field(default="", repr=False)

    def fit(self, documents: Iterable[Content]) -> Self:
        counts: Counter[str] = Counter()
        for document in documents:
            counts.update(map(_lower, _text(document)))
        return replace(self, symbols="".join(sorted(c for c, count in counts.items() if count >= self.min_count)))

    @property
    def vocab_size(self) -> int:
        return FIRST + len(self.symbols)

    @property
    def end_id(self) -> int:
        return END

    def encode(self, document: Content) -> Ids:
        ids: list[int] = []
        for character in _text(document):
            lower = _lower(character)
            if lower in self._ids:
                ids += [self._ids[lower]] if lower == character else [SHIFT, self._ids[lower]]
        return np.array(ids, dtype=np.int64)

    def decode(self, ids: Ids) -> str:
        decoder = self.decoder()
        return "".join(map(decoder.push, np.asarray(ids).tolist()))

    def decoder(self) -> CaseDecoder:
        return CaseDecoder(self.symbols)

    def canonical(self, document: Content) -> str:
        return "".join(character for character in _text(document) if _lower(character) in self._ids)

    def missing(self, document: Content) -> Mapping[str, str | None]:
        return {character: None for character in sorted(set(_text(document))) if _lower(character) not in self._ids}

    def grammar(self) -> CaseGrammar:
        return CaseGrammar(self.symbols)

    def state(self) -> dict[str, Any]:
        return {"min_count": self.min_count, "symbols": self.symbols}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        match state:
            case {"min_count": int(min_count), "symbols": str(symbols), **others} if not others and _distinct(symbols):
                return cls(min_count=min_count, symbols=symbols)
        raise DamagedModelError("The state of tokenizer case is damaged.")

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {symbol: FIRST + number for number, symbol in enumerate(self.symbols)}


class CaseDecoder:
    """Remembers whether a capital is to come."""

    def __init__(self, symbols: str) -> None:
        self._symbols = symbols
        self._shifted = False

    def push(self, token: int) -> str:
        if token < FIRST:
            self._shifted = token == SHIFT
            return ""
        symbol = self._symbols[token - FIRST]
        text, self._shifted = symbol.upper() if self._shifted else symbol, False
        return text

    def finish(self) -> str:
        return ""


class CaseGrammar:
    """Only what has a capital follows shift.  A state is whether a capital is to come."""

    start = False

    def __init__(self, symbols: str) -> None:
        capital = np.array([False, False, *(_lower(symbol.upper()) == symbol != symbol.upper() for symbol in symbols)])
        anything = np.ones(len(capital), bool)
        anything[END], anything[SHIFT] = False, capital.any()
        self._allowed = {True: capital, False: anything}

    def allowed(self, state: bool) -> npt.NDArray[np.bool_]:
        return self._allowed[state]

    def next(self, state: bool, token: int) -> bool:
        return token == SHIFT and bool(self._allowed[True].any())

    def may_end(self, state: bool) -> bool:
        return not state


def _lower(character: str) -> str:
    """The lower case of a capital that can be made from it again; any other character as it is."""
    lower = character.lower()
    return lower if len(lower) == 1 and lower.upper() == character else character


def _distinct(symbols: str) -> bool:
    return len(set(symbols)) == len(symbols)


def _text(document: Content) -> str:
    return document if isinstance(document, str) else document.decode("utf-8", "replace")
