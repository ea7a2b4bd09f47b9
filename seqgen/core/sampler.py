"""The sampler contract: change the logits before a token is drawn."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt

from seqgen.core.tokenizer import Tokenizer
from seqgen.core.types import Array, Ids


class Stage(IntEnum):
    """Where in the chain a sampler works; within a stage, in the order given."""

    PENALTY = 0
    CONSTRAINT = 1
    TEMPERATURE = 2
    TRUNCATION = 3


class Ahead(Protocol):
    """What the model says after the texts so far, and after what may follow them.

    R texts, at first the B sequences as they are now.  Asking writes nothing and changes no sequence.  It serves while
    ``foresee`` runs: do not keep it, for it holds the model's states.
    """

    @property
    def logits(self) -> npt.NDArray[np.floating[Any]]:
        """(R, V) for the token that follows each text: a NumPy array, before the chain, not to be written to."""

    def after(self, rows: Ids, ids: Ids) -> Ahead:
        """The texts (R',) that go on from these rows (R',), each with one id more (R',); a row may come any number of times.

        One step of the model, for all of them at once.
        """


class Sampler(ABC):
    """One link of the chain that logits pass through before the core draws from softmax of what is left.

    A sampler is a dataclass: its options are fields annotated with ``Doc``.  One object serves one generation of B
    sequences; fields that it keeps between steps are declared ``field(init=False, repr=False)`` and set in ``begin``.

    ``adjust`` is written against the array API standard (:func:`array_api_compat.array_namespace`), so that the same code
    runs on NumPy arrays and on torch tensors where they lie.  It sets a token's logit to minus infinity to exclude it.

    A beam goes on with a text in several ways, and so does a sampler that looks ahead at what penalties leave.  For each the
    samplers are copied by :func:`copy.deepcopy`, with all that they remember, foreseen or accepted; the options and the tokenizer are shared.  A sampler that holds what cannot be copied (a
    generator, a lock, a decoder), or what is large and never changes, defines ``__deepcopy__``.

    Laws (checked by ``seqgen.testing``): at least one token of each row survives; no NaN in, none out; a row's result
    does not depend on the other rows, with foresight or without; the logits handed in are not modified; ``accept`` after a
    replayed prefix gives the same state; a deep copy goes on by itself.
    """

    stage: ClassVar[Stage] = Stage.TRUNCATION
    exceptions: ClassVar[Mapping[str, str]] = {}
    """Laws of ``seqgen.testing`` that this part cannot keep: the law's name and the reason, which is shown."""

    def meet(self, chain: Sequence[Sampler]) -> None:
        """These are the samplers of this generation, in the order of the chain, this one among them.

        Called once, before ``begin``, for constraints that can only be met together: a rhyme within a number of syllables, a
        melody within a bar.  Those of one plugin may agree on one of them that does the work for all.
        """

    def begin(self, prompt_ids: Ids, tokenizer: Tokenizer) -> None:
        """A generation starts: prompt_ids (B, T), the same T for all; T may be 0."""

    def limit(self, tokens: int) -> None:
        """At most so many tokens will be drawn for each row; told after ``begin``, where it is known.

        For constraints under which a text has to come to its end.  Each ``accept`` is one of them.
        """

    def foresee(self, ahead: Ahead) -> None:
        """Look at what the model would say further on; called before each ``adjust`` that a draw follows.

        For constraints that choose by what comes of a token: which words the model would write that end in a rhyme.  What is
        found is remembered for ``adjust``; where there is no model nobody calls it, and the sampler does without.  How far to
        look is the sampler's to bound: each ``Ahead.after`` costs as much as drawing a token for as many sequences.

        Args:
            ahead: the B sequences as they are now.
        """

    @abstractmethod
    def adjust(self, logits: Array) -> Array:
        """float32 logits (B, V) -> logits (B, V), -inf where a token must not be drawn."""

    def accept(self, ids: Ids) -> None:
        """These ids (B,) were drawn, one for each row."""

    def select(self, rows: Ids) -> None:
        """Keep only these rows (B',) of what was remembered, in this order: the other sequences have ended."""

    def finished(self) -> npt.NDArray[np.bool_] | None:
        """(B,) True where the text is whole and ends before another token is drawn; None if that is nowhere.

        Asked before the first token and after each ``accept``, for constraints under which nothing can follow.
        """
        return None

    def notes(self) -> Sequence[Sequence[str]] | None:
        """For each of the B rows, what this sampler promises and the text so far does not keep; None if there is nothing.

        A sentence each, in the order of the text, as "line 3 does not rhyme".  People and programs are told them with
        the text.  Asked for when a text has ended, or has stopped for now and may go on.
        """
        return None
