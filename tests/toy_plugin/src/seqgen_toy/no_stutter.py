"""No token too many times in a row."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, ClassVar

import numpy as np
import numpy.typing as npt
from annotated_doc import Doc
from annotated_types import Ge
from array_api_compat import array_namespace, device

from seqgen.core.sampler import Sampler, Stage
from seqgen.core.tokenizer import Tokenizer
from seqgen.core.types import Array, Ids


@dataclass(kw_only=True)
class NoStutter(Sampler):
    """Excludes a token that came ``times`` times just now, unless it is the only one left."""

    stage: ClassVar[Stage] = Stage.CONSTRAINT

    times: Annotated[int, Ge(1), Doc("how often a token may come in a row")] = 3

    _last: Ids = field(init=False, repr=False)  # (B,)
    _count: npt.NDArray[np.int64] = field(init=False, repr=False)  # (B,) how often it came in a row

    def begin(self, prompt_ids: Ids, tokenizer: Tokenizer) -> None:
        rows = len(prompt_ids)
        self._last, self._count = np.full(rows, -1), np.zeros(rows, np.int64)
        for ids in prompt_ids.T:
            self.accept(ids)

    def adjust(self, logits: Array) -> Array:
        xp, where = array_namespace(logits), device(logits)
        stuttering = np.where(self._count >= self.times, self._last, -1)  # (B,)
        excluded = xp.arange(logits.shape[-1], device=where) == xp.asarray(stuttering[:, None], device=where)  # (B, V)
        left = xp.where(excluded, xp.asarray(-np.inf, dtype=logits.dtype, device=where), logits)
        some_left = xp.any(left > -np.inf, axis=-1, keepdims=True)  # (B, 1)
        return xp.where(some_left, left, logits)

    def accept(self, ids: Ids) -> None:
        self._count = np.where(ids == self._last, self._count + 1, 1)
        self._last = ids.copy()

    def select(self, rows: Ids) -> None:
        self._last, self._count = self._last[rows], self._count[rows]
