"""The values that parts hand to one another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Ids: TypeAlias = npt.NDArray[np.integer[Any]]
"""Token ids: a NumPy array of any integer type."""

Array: TypeAlias = Any
"""An array that follows the array API standard: a NumPy array or a torch tensor, where it lies."""

State: TypeAlias = Mapping[str, Array]
"""What a model carries from one step to the next: named arrays, each with B (sequences) as its first axis.

Because B always comes first, the core selects and joins the states of sequences without knowing the model."""

Weights: TypeAlias = dict[str, npt.NDArray[np.float32]]
"""Weights in the canonical form: see :mod:`seqgen.core.canonical`."""

Content: TypeAlias = str | bytes


@dataclass(frozen=True)
class Document:
    """One document, or a piece of a large one.

    Consecutive documents with the same id are pieces of one document; ``final`` marks its last piece.  Readers
    of large files yield pieces so that memory stays bounded.

    Documents of one ``group`` are variants of each other, such as a tune in several keys: where whole documents are held
    out, a group is held out or not as one.  Empty: the document is a group of its own, with those of equal content.
    """

    id: str
    content: Content
    final: bool = True
    group: str = ""


@dataclass(frozen=True)
class Origin:
    """Where a batch lies in a corpus.

    A backend that keeps the tokens on its device reads its batches there, and takes over B numbers in place of B x T ids.

    Attributes:
        tokens: (N,) ids of a part of the corpus, of any integer type, read-only; the same array for all batches of that part.
        first: (B,) int64, the place of each row's first input; each further one, and the target at the end, is one place on.
            A place that lies outside is the nearest inside.
    """

    tokens: Ids
    first: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Batch:
    """What a model trains on or is scored on in one step.

    Attributes:
        inputs: (B, T) token ids.
        targets: (B, T) the id that follows each input.
        weights: (B, T) float32, 0 where a target is not scored; None scores all.
        carry: go on from the state the previous batch left, instead of from the initial state.
        last_step_only: only the targets at T - 1 are scored (then weights is None).  A model may skip the
            output layer for the other steps.
        origin: where its ids lie in a corpus, where it is a part of one as it is; a batch that is made anew, also by
            ``dataclasses.replace``, has none.
    """

    inputs: Ids
    targets: Ids
    weights: npt.NDArray[np.float32] | None = None
    carry: bool = False
    last_step_only: bool = False
    origin: Origin | None = field(default=None, init=False, repr=False)

    @property
    def scored(self) -> int:
        """How many targets are scored."""
        if self.last_step_only:
            return int(self.targets.shape[0])
        return int(self.targets.size if self.weights is None else np.count_nonzero(self.weights))

    def rows(self, rows: slice) -> Batch:
        """Some of its sequences."""
        weights = None if self.weights is None else self.weights[rows]
        some = replace(self, inputs=self.inputs[rows], targets=self.targets[rows], weights=weights)
        return some if self.origin is None else some.located(self.origin.tokens, self.origin.first[rows])

    def __getstate__(self) -> dict[str, Any]:
        """Without the corpus: a copy elsewhere is its arrays alone."""
        return {**self.__dict__, "origin": None}

    def located(self, tokens: Ids, first: npt.NDArray[np.int64]) -> Batch:
        """The same batch, of which it is known where it lies; see :class:`Origin`."""
        placed = replace(self)
        object.__setattr__(placed, "origin", Origin(tokens, first))
        return placed
