"""A token for each kind of step that occurs, and one that stands between walks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

import numpy as np

from seqgen.core.errors import DamagedModelError
from seqgen.core.tokenizer import Tokenizer
from seqgen.core.types import Content, Ids
from seqgen_steps.dataset import MEDIA_TYPE

END, FIRST = 0, 1


@dataclass(frozen=True, kw_only=True)
class StepsTokenizer(Tokenizer):
    """Kinds of steps that did not occur are left out."""

    media_type: ClassVar[str] = MEDIA_TYPE

    kinds: bytes = field(default=b"", repr=False)

    def fit(self, documents: Iterable[Content]) -> Self:
        kinds: set[int] = set()
        for walk in documents:
            kinds.update(_bytes(walk))
        return replace(self, kinds=bytes(sorted(kinds)))

    @property
    def vocab_size(self) -> int:
        return FIRST + len(self.kinds)

    @property
    def end_id(self) -> int:
        return END

    def encode(self, document: Content) -> Ids:
        return np.array([FIRST + self.kinds.index(step) for step in _bytes(document) if step in self.kinds], np.int64)

    def decode(self, ids: Ids) -> bytes:
        return bytes(self.kinds[token - FIRST] for token in np.asarray(ids).tolist() if token != END)

    def decoder(self) -> StepsDecoder:
        return StepsDecoder(self.kinds)

    def canonical(self, document: Content) -> bytes:
        return bytes(step for step in _bytes(document) if step in self.kinds)

    def missing(self, document: Content) -> Mapping[str, str | None]:
        return {f"step {step}": None for step in sorted(set(_bytes(document)) - set(self.kinds))}

    def state(self) -> dict[str, Any]:
        return {"kinds": list(self.kinds)}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        match state:
            case {"kinds": list(kinds), **others} if not others and kinds == [k for k in range(256) if k in kinds]:
                if all(type(kind) is int for kind in kinds):
                    return cls(kinds=bytes(kinds))
        raise DamagedModelError("The state of tokenizer steps is damaged.")


class StepsDecoder:
    """A byte for each id."""

    def __init__(self, kinds: bytes) -> None:
        self._kinds = kinds

    def push(self, token: int) -> bytes:
        return b"" if token == END else self._kinds[token - FIRST : token - FIRST + 1]

    def finish(self) -> bytes:
        return b""


def _bytes(document: Content) -> bytes:
    if isinstance(document, str):
        raise TypeError("a walk is bytes")
    return document
