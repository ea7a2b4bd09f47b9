"""The sequences of one batch: drawing a token for each, going on, and letting those go that have ended."""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from seqgen.core.arrays import on_host
from seqgen.core.backend import Model
from seqgen.core.errors import GenerationError, PluginError
from seqgen.core.sampler import Sampler
from seqgen.core.tokenizer import Tokenizer
from seqgen.core.types import Array, Ids, State
from seqgen.generation.chain import Chain
from seqgen.generation.draw import RandomStreams, draw, fault

_PREFILL = 1024
"""Tokens of the prompt that the model reads at once, so that a long prompt needs no more memory than a short one."""


class Prefix:
    """A prompt that the model has read once, for any number of sequences that go on from it.

    Attributes:
        ids: (T,) the prompt.
        logits: (1, V) for the token that follows it.
        state: the model's, for one sequence.

    Args:
        model: reads it.
        prompt_ids: (T,) at least one token.
        on_read: called after each piece of it with the number of tokens that the model has read so far, for progress.
    """

    def __init__(self, model: Model, prompt_ids: Ids, on_read: Callable[[int], None] | None = None) -> None:
        self.ids = prompt_ids
        self.state = model.initial_state(1)
        for start in range(0, len(prompt_ids), _PREFILL):
            piece = prompt_ids[None, start : start + _PREFILL]  # (1, up to _PREFILL)
            with np.errstate(under="ignore"):
                self.logits, self.state = model.prefill(piece, self.state)
            if on_read is not None:
                on_read(min(start + _PREFILL, len(prompt_ids)))


class Branches:
    """R texts as the model has read them, and what it would say after any that go on from them (``Ahead`` of the contract).

    Args:
        model: gives logits.
        logits: (R, V) for the next token of each; a NumPy array.
        state: the model's, of R sequences; never changed.
    """

    def __init__(self, model: Model, logits: npt.NDArray[np.floating], state: State) -> None:
        self.logits = logits[:]  # not to be written to, which the model's own may be
        self.logits.flags.writeable = False
        self.model = model
        self._state = state

    def after(self, rows: Ids, ids: Ids) -> Branches:
        """The texts (R',) that go on from these rows (R',) with these ids (R',).

        Raises:
            PluginError: there are no such rows or ids; a sampler asks for them.
        """
        for name, given, bound in zip(("rows", "ids"), (rows, ids), self.logits.shape, strict=True):
            asked = np.asarray(given)
            if len(asked) and (asked.dtype.kind not in "iu" or asked.min() < 0 or asked.max() >= bound):
                raise PluginError(
                    f"Ahead.after was asked for {name} {reprlib.repr(given)}, but they must be whole numbers from 0 to {bound - 1}."
                )
        if not len(rows):
            return Branches(self.model, self.logits[:0], self._state)
        logits, state = self.model.next_logits(np.asarray(ids), take(self._state, np.asarray(rows)))
        return Branches(self.model, on_host(logits), state)


class Sequences:
    """B sequences that go on from one prompt, a token each at a time.

    A number that is too small for its type is zero, also in a program in which NumPy raises for it (``np.seterr``): a step
    that raises is done again with that said, for saying it before each would take a twentieth of a step's time.

    Attributes:
        model: gives the logits.
        sequences: the numbers of those that still run, (B,).
        logits: (B, V) what the model gives for the next token, before the chain; a NumPy array.
        tokens: how many each has drawn.
    """

    def __init__(
        self,
        model: Model,
        tokenizer: Tokenizer,
        prefix: Prefix,
        sequences: Sequence[int],
        samplers: Iterable[Sampler],
        random_seed: int,
        length: int | None,
    ) -> None:
        rows = np.zeros(len(sequences), np.int64)  # row 0 of the prefix, B times
        self.sequences = np.asarray(sequences)
        self.logits: npt.NDArray[np.floating] = on_host(prefix.logits)[rows]
        self.tokens = 0
        self.model = model
        self._state = take(prefix.state, rows)
        self._streams = RandomStreams(random_seed, sequences)
        self._chain = Chain(samplers)
        self._chain.begin(np.broadcast_to(prefix.ids, (len(rows), len(prefix.ids))), tokenizer, length)

    def draw(self, forced: Mapping[int, int] | None = None) -> Ids:
        """The next ids, (B,).

        Args:
            forced: rows and the token that each of them takes, whatever the chain leaves.  A number of its random
                stream is used up all the same, so that each draw stays tied to its position.

        Raises:
            GenerationError: nothing can be drawn; says for which sequence, where, and through what.
            PluginError: a sampler leaves something else than logits.
        """
        if self._chain.foresees:
            with np.errstate(under="ignore"):
                self._chain.foresee(Branches(self.model, self.logits, self._state))
        uniforms = self._streams.next()
        try:
            ids = self._drawn(uniforms, forced)
        except FloatingPointError:
            with np.errstate(under="ignore"):
                ids = self._drawn(uniforms, forced)
        self.tokens += 1
        return ids

    def _drawn(self, uniforms: npt.NDArray[np.float64], forced: Mapping[int, int] | None) -> Ids:
        """The ids (B,) that these numbers (B,) draw."""
        try:
            left = self._chain.adjust(self.logits)
            if forced:
                left = np.array(on_host(left))
                for row, token in forced.items():
                    left[row] = -np.inf
                    left[row, token] = 0
            return draw(left, uniforms)
        except PluginError:
            raise
        except GenerationError as error:
            raise explained(self._chain, self.logits, self.tokens + 1, self.sequences) or error from error
        except Exception as error:
            if mistake := self._chain.mistaken(self.logits):
                raise PluginError(mistake) from error
            raise

    def accept(self, ids: Ids) -> None:
        """Tell the chain that these ids (B,) were taken."""
        self._chain.accept(ids)

    def finished(self) -> list[int]:
        """The rows whose text is whole, says a sampler, so that nothing more is to be drawn."""
        if not self._chain.may_finish:
            return []
        rows: list[int] = self._chain.finished(len(self.sequences)).tolist()
        return rows

    def notes(self, row: int) -> tuple[str, ...]:
        """What of their promises the samplers could not keep in the text of this row."""
        return self._chain.notes(row)

    def go_on(self, ids: Ids) -> None:
        """Go on with these ids (B,), which the chain has been told."""
        try:
            logits, self._state = self.model.next_logits(ids, self._state)
        except FloatingPointError:
            with np.errstate(under="ignore"):
                logits, self._state = self.model.next_logits(ids, self._state)
        self.logits = on_host(logits)

    def select(self, rows: Ids) -> None:
        """Keep only these rows (B',); between ``draw`` and ``go_on``, which sets ``logits`` anew."""
        self.sequences = self.sequences[rows]
        self._state = take(self._state, rows)
        self._streams.select(rows)
        self._chain.select(rows)


def explained(
    chain: Chain, logits: npt.NDArray[np.floating], token: int, sequences: Sequence[int] | Ids
) -> GenerationError | None:
    """The error that names the first link, from the model to the last sampler, that leaves nothing to draw.

    Args:
        chain: the samplers.
        logits: (B, V) of the model.
        token: how many tokens there are with the one to be drawn.
        sequences: the numbers (B,) of the sequences.
    """
    row, wrong = _first_fault(logits)
    if wrong:
        return GenerationError(
            f"Token {token} of sample {sequences[row]}: the model gives {wrong}.  "
            "Its training may have diverged; use an earlier version of it, or train with a lower --learning-rate"
        )
    for sampler, left in chain.links(logits):
        row, wrong = _first_fault(on_host(left))
        if wrong:
            return GenerationError(
                f"Token {token} of sample {sequences[row]}: {sampler} leaves {wrong}.  Loosen it, or leave it out"
            )
    return None


def _first_fault(logits: npt.NDArray[np.floating]) -> tuple[int, str]:
    for row, top in enumerate(logits.max(axis=-1)):
        if wrong := fault(float(top)):
            return row, wrong
    return 0, ""


def take(state: State, rows: Ids) -> State:
    """The rows (B',) of each array of a state, whose first axis is B."""
    return {name: _take_rows(array, rows) for name, array in state.items()}


def _take_rows(array: Array, rows: Ids) -> Array:
    if type(array) is np.ndarray:
        return array[rows]
    from array_api_compat import array_namespace, device

    xp = array_namespace(array)
    return xp.take(array, xp.asarray(rows, device=device(array)), axis=0)
