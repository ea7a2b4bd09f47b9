"""The chain of samplers: their order, and running them for the sequences of one batch."""

from __future__ import annotations

import contextlib
import copy
import reprlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, ClassVar

import numpy as np

from seqgen.core.errors import PluginError
from seqgen.core.memory import out_of_memory
from seqgen.core.sampler import Ahead, Sampler, Stage
from seqgen.core.tokenizer import Tokenizer
from seqgen.core.types import Array, Ids


def in_order(samplers: Iterable[Sampler]) -> tuple[Sampler, ...]:
    """The samplers as the chain runs them: penalties, constraints, temperature, truncation; within each as given."""
    return tuple(sorted(samplers, key=lambda sampler: sampler.stage))


_NONE = np.empty(0, np.int64)


@dataclass(frozen=True)
class Forbid(Sampler):
    """Leave all tokens but these."""

    stage: ClassVar[Stage] = Stage.CONSTRAINT

    ids: tuple[int, ...]

    def adjust(self, logits: Array) -> Array:
        """NumPy logits (B, V) -> (B, V)."""
        left = logits.copy()
        left[:, self.ids] = -np.inf
        return left


class Chain:
    """Samplers in order, for one generation of B sequences.

    Each sampler is copied, so that the objects handed in can serve several generations at a time: what a sampler
    remembers, it sets in ``begin``.

    Attributes:
        samplers: the copies, in order.
        may_finish: whether any of them ever says that a text is whole.
        foresees: whether any of them looks at what the model would say further on.
    """

    def __init__(self, samplers: Iterable[Sampler]) -> None:
        self.samplers = tuple(copy.copy(sampler) for sampler in in_order(samplers))
        for sampler in self.samplers:
            sampler.meet(self.samplers)
        self._adjust = [sampler.adjust for sampler in self.samplers]
        # Most samplers remember nothing; a call for each token that does nothing would still cost.
        self._accept = [s.accept for s in self.samplers if type(s).accept is not Sampler.accept]
        self._finishing = [s for s in self.samplers if type(s).finished is not Sampler.finished]
        self._foresee = [s.foresee for s in self.samplers if type(s).foresee is not Sampler.foresee]
        self.may_finish = bool(self._finishing)
        self.foresees = bool(self._foresee)

    def begin(self, prompt_ids: Ids, tokenizer: Tokenizer, length: int | None = None) -> None:
        """Tell all samplers that a generation starts from these prompts (B, T), and ends after so many tokens, if known."""
        for sampler in self.samplers:
            sampler.begin(prompt_ids, tokenizer)
            if length is not None:
                sampler.limit(length)

    def foresee(self, ahead: Ahead) -> None:
        """Let the samplers that want to look at what the model would say after these B sequences."""
        for foresee in self._foresee:
            foresee(ahead)

    def adjust(self, logits: Array) -> Array:
        """The logits (B, V) that the samplers leave, each working on what the one before it left.

        Raises:
            PluginError: a sampler leaves something else than logits.
        """
        left = logits
        for adjust in self._adjust:
            left = adjust(left)
        if not _are_logits(left, logits):
            raise PluginError(self.mistaken(logits))
        return left

    def accept(self, ids: Ids) -> None:
        """Tell the samplers that these ids (B,) were drawn."""
        for accept in self._accept:
            accept(ids)

    def select(self, rows: Ids) -> None:
        """Keep only these rows (B',) of what the samplers remember."""
        for sampler in self.samplers:
            sampler.select(rows)

    def finished(self, count: int) -> Ids:
        """Which of so many rows are whole, says at least one of the samplers.

        Raises:
            PluginError: a sampler gives something else than a truth value for each.
        """
        whole = []
        for sampler in self._finishing:
            rows = sampler.finished()
            if rows is None:
                continue
            if np.shape(rows) != (count,):
                raise PluginError(
                    f"{sampler}: finished gives {reprlib.repr(rows)}, but must give a truth value for each of {count} "
                    "sequences, or None.  seqgen check-plugin tells more"
                )
            whole.append(rows)
        return np.flatnonzero(np.logical_or.reduce(whole)) if whole else _NONE

    def notes(self, row: int) -> tuple[str, ...]:
        """What of their promises the samplers could not keep in the text of this row, in the order of the chain."""
        told = [rows[row] for sampler in self.samplers if (rows := sampler.notes()) is not None]
        return tuple(note for notes in told for note in notes)

    def fork(self, tokenizer: Tokenizer) -> Chain:
        """Another chain that remembers the same, foreseen or accepted, and goes on by itself; this one, where none remembers.

        Args:
            tokenizer: the one of ``begin``; both share it, and the samplers' options.

        Raises:
            PluginError: a sampler holds what cannot be copied.
        """
        if not self._accept and not self.foresees:
            return self
        copied: dict[int, Any] = {id(tokenizer): tokenizer}  # by the id of what it is a copy of, as deepcopy has it
        for sampler in self.samplers:
            part: Any = sampler
            if is_dataclass(part):
                options = [getattr(part, option.name) for option in fields(part) if option.init]
                copied |= {id(one): one for one in options}
        for sampler in self.samplers:
            try:
                copy.deepcopy(sampler, copied)
            except Exception as error:
                if out_of_memory(error):
                    raise
                raise PluginError(
                    f"{sampler} cannot be copied with what it remembers, as a beam does for each of its texts: {error}.  Let "
                    "its __deepcopy__ make a copy that goes on by itself, or search without it"
                ) from error
        return copy.deepcopy(self, copied)

    def links(self, logits: Array) -> Iterator[tuple[Sampler, Array]]:
        """Each sampler with the logits that it leaves, to find out which one went wrong."""
        for sampler in self.samplers:
            logits = sampler.adjust(logits)
            yield sampler, logits

    def mistaken(self, logits: Array) -> str:
        """Which sampler leaves something else than logits (B, V), in a sentence; empty where none does, or one raises."""
        with contextlib.suppress(Exception):
            for sampler, left in self.links(logits):
                if not _are_logits(left, logits):
                    return (
                        f"{sampler} leaves {reprlib.repr(left)}, but must return the logits, of the same shape "
                        f"{tuple(logits.shape)} and type.  seqgen check-plugin tells more"
                    )
        return ""


def _are_logits(left: Any, logits: Array) -> bool:
    if getattr(left, "shape", None) != logits.shape:
        return False
    return left.dtype is logits.dtype or "float" in str(left.dtype)
