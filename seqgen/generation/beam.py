"""Beam search: the likeliest text among those that are kept on the way (Lowerre 1976, The Harpy Speech Recognition System)."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, Unpack, cast

import numpy as np
import numpy.typing as npt

from seqgen.core.arrays import log_softmax, on_host
from seqgen.core.backend import Model
from seqgen.core.errors import GenerationError
from seqgen.core.tokenizer import Tokenizer
from seqgen.core.types import Ids, State
from seqgen.generation.batch import Branches, explained, take
from seqgen.generation.chain import Chain
from seqgen.generation.generate import Sample
from seqgen.generation.length import at_least
from seqgen.generation.memory import enough_memory
from seqgen.generation.start import SearchOptions, Start
from seqgen.generation.writer import FinishReason, Writer, nothing

_FARTHEST = 1e6
"""How far the chain moves a log-probability at most: this decides anyway, and a sum of many still tells the others apart.

A penalty that grows with each repeated token, as that of dry does, would else take up all 16 digits of a score.
"""


class _Path(NamedTuple):
    """The tokens of a text, the last first: texts share those that they begin with, which none of them copies."""

    token: int
    before: _Path | None


class _End:
    """Tells whether a text has ended that only a length in tokens or the end token ends, as a writer does that decodes it.

    Attributes:
        tokens: how many it has taken.
        finish_reason: see ``Writer``.
    """

    def __init__(self, length: int | None, end_id: int | None) -> None:
        self._length = length
        self._end_id = end_id
        self.tokens = 0
        self.finish_reason: FinishReason | None = "length" if length == 0 else None

    def take(self, token: int) -> None:
        """Go on by a token."""
        self.tokens += 1
        if token == self._end_id:
            self.finish_reason = "end"
        elif self.tokens == self._length:
            self.finish_reason = "length"

    def end(self) -> None:
        """The text is whole, says a sampler."""
        self.finish_reason = "end"


@dataclass
class _Hypothesis:
    """A text that is kept.

    Attributes:
        path: its tokens; None where it has none yet.
        score: the sum of what the chain leaves of their log-probabilities.
        log_probability: the sum of the model's, before the chain.
        writer: tells whether it has ended.
        chain: remembers its tokens.
    """

    path: _Path | None
    score: float
    log_probability: float
    writer: Writer | _End
    chain: Chain

    def ids(self) -> list[int]:
        """Its tokens, the first first."""
        backwards = []
        path = self.path
        while path is not None:
            backwards.append(path.token)
            path = path.before
        return backwards[::-1]


class _Search:
    """What all texts of one search have in common."""

    def __init__(self, start: Start, width: int) -> None:
        self._start = start
        self._model = start.model
        self._tokenizer = start.tokenizer
        self._width = width

    def run(self) -> Sample:
        """The best text after the prompt."""
        prefix = self._start.prefix
        chain = Chain(self._start.samplers)
        chain.begin(prefix.ids[None], self._tokenizer, self._start.length)
        beam = [_Hypothesis(None, 0.0, 0.0, self._ending(), chain)]
        _end_if_whole(beam[0].writer, chain)
        logits, state = on_host(prefix.logits), prefix.state  # of the running ones among the beam, in its order
        while running := [kept for kept in beam if kept.writer.finish_reason is None]:
            ended = [kept for kept in beam if kept.writer.finish_reason is not None]
            beam, rows = self._step(ended, running, logits, state)
            if rows:
                ids = np.array([kept.path.token for kept in beam if kept.path and kept.writer.finish_reason is None])
                device_logits, state = self._model.next_logits(ids, take(state, np.array(rows)))
                logits = on_host(device_logits)
        return self._sample(beam[0])

    def _step(
        self,
        ended: list[_Hypothesis],
        running: list[_Hypothesis],
        logits: npt.NDArray[np.floating],
        state: State,
    ) -> tuple[list[_Hypothesis], list[int]]:
        """The next beam, best first, and for each running text of it the row (of R) that it goes on from."""
        for row, kept in enumerate(running):
            if kept.chain.foresees:
                kept.chain.foresee(Branches(self._model, logits[row : row + 1], take(state, np.array([row]))))
        own = log_softmax(logits)  # (R, V)
        left = np.concatenate(
            [kept.chain.adjust(own[row : row + 1].astype(np.float32)) for row, kept in enumerate(running)]
        )
        left = _within_reach(left, own)
        scores = left + np.array([kept.score for kept in running])[:, None]  # (R, V) float64
        flat = np.concatenate([[kept.score for kept in ended], scores.ravel()])
        best = [int(place) for place in _largest(flat, self._width) if flat[place] > -np.inf]
        if not best or np.isnan(own).any():
            raise _fault(running, logits)
        beam: list[_Hypothesis] = []
        rows: list[int] = []
        children = iter(self._children(running, [place - len(ended) for place in best if place >= len(ended)], own))
        for place in best:
            if place < len(ended):
                beam.append(ended[place])
                continue
            row, child = next(children)
            child.score = float(flat[place])
            beam.append(child)
            if child.writer.finish_reason is None:
                rows.append(row)
        return beam, rows

    def _children(
        self, running: list[_Hypothesis], places: list[int], own: npt.NDArray[np.float64]
    ) -> Iterator[tuple[int, _Hypothesis]]:
        """Each continuation at a place in the flat (R, V) table, with its row; the last of a parent takes over what it has."""
        pairs = [divmod(place, own.shape[1]) for place in places]
        last = {row: index for index, (row, _) in enumerate(pairs)}
        for index, (row, token) in enumerate(pairs):
            parent = running[row]
            last_child = last[row] == index
            chain = parent.chain if last_child else parent.chain.fork(self._tokenizer)
            writer = parent.writer if last_child else self._forked(parent)
            writer.take(token)
            chain.accept(np.array([token]))
            _end_if_whole(writer, chain)
            log_probability = parent.log_probability + float(own[row, token])
            yield row, _Hypothesis(_Path(token, parent.path), parent.score, log_probability, writer, chain)

    def _ending(self) -> Writer | _End:
        """What tells whether a text has ended; only a stop text or a length in characters needs its text for that."""
        start = self._start
        return self._writer() if start.stop or start.characters is not None else _End(start.length, start.end_id)

    def _writer(self) -> Writer:
        return cast("Writer", self._start.writer())  # as there are no lines to continue

    def _forked(self, parent: _Hypothesis) -> Writer | _End:
        """Another that has taken the same tokens."""
        return copy.copy(parent.writer) if isinstance(parent.writer, _End) else parent.writer.fork(parent.ids())

    def _sample(self, best: _Hypothesis) -> Sample:
        writer, own = self._writer(), best.ids()
        text = nothing(self._tokenizer).join([writer.take(token) for token in own])
        reason = best.writer.finish_reason or "length"
        if writer.finish_reason is None and best.writer.finish_reason is not None:  # it is whole, said a sampler
            text += writer.end()
        ids = np.array(own, np.int64)
        return Sample(0, text, ids, reason, best.log_probability, best.chain.notes(0))


def _end_if_whole(writer: Writer | _End, chain: Chain) -> None:
    if writer.finish_reason is None and len(chain.finished(1)):
        writer.end()


def beam_search(
    model: Model,
    tokenizer: Tokenizer,
    prompt_ids: Ids,
    *,
    width: int,
    length: int | None,
    **options: Unpack[SearchOptions],
) -> Sample:
    """The text to which the model gives the highest probability, as far as a beam finds it; nothing is drawn.

    At each step every text that is kept goes on with every token, and the ``width`` best of all stay, those that have
    ended among them, until all that are kept have ended.  With a width that no step exceeds this is the best of all
    texts; with 1 it is always the likeliest token.  Among equals the earlier text and the smaller id stay.

    What is summed up is what the chain leaves of each log-probability, which is not normalised again: a constraint
    excludes texts, and makes none of the others likelier.

    A token takes as long however many came before it; but with ``stop`` or ``characters`` each text that branches off is decoded
    anew from its first token on, for a decoder cannot be copied.

    Args:
        model: gives logits.
        tokenizer: decodes, and is shown to the samplers.
        prompt_ids: (T,) what to go on from, at least one token.
        width: how many texts are kept.
        length: how many tokens a text has at most; None where ``characters`` alone bounds it.
        **options: penalties and constraints, where a text ends, and more, see :class:`seqgen.generation.start.SearchOptions`.

    Raises:
        PromptError: the prompt is empty.
        OptionError: the width is below 1, a stop text that is empty or of the wrong type, or the texts are longer together than
            what may be held, or have no length.
        GenerationError: the samplers leave nothing, the model gives what is no number, or memory does not suffice.
    """
    at_least(1, beam=width)
    # Named here, what only texts that are drawn have is refused among the options, which mypy alone would do.
    start = Start(model, tokenizer, prompt_ids, length=length, held=width, random_seed=0, prefix_lines=None, **options)
    # What is too small for its type is zero, also where a program has NumPy raise for it.
    with enough_memory(model, f"for a beam of {width:,} texts", "Reduce --beam"), np.errstate(under="ignore"):
        return _Search(start, width).run()


def _fault(running: list[_Hypothesis], logits: npt.NDArray[np.floating]) -> GenerationError:
    """The error that names what leaves nothing to one of the texts."""
    for row, kept in enumerate(running):
        error = explained(kept.chain, logits[row : row + 1], kept.writer.tokens + 1, [0])
        if error is not None:
            return error
    return GenerationError("The samplers leave no token to any text that the beam keeps.  Loosen them")


def _within_reach(left: npt.NDArray[np.floating], own: npt.NDArray[np.float64]) -> npt.NDArray[np.floating]:
    """What the chain leaves, (R, V), with each token moved from its own by no more than ``_FARTHEST``."""
    with np.errstate(invalid="ignore"):  # what the model itself excludes is moved by no number
        moved = left - own
    far = np.isfinite(left) & (np.abs(moved) > _FARTHEST)
    return np.where(far, own + np.copysign(_FARTHEST, moved), left)


def _largest(values: npt.NDArray[np.float64], count: int) -> npt.NDArray[np.int64]:
    """The places of so many largest values, the largest first; among equals the earlier place."""
    places = np.arange(len(values))
    if count < len(values):
        least = np.partition(values, -count)[-count]
        places = np.flatnonzero(values >= least)  # with ties more than count
    best: npt.NDArray[np.int64] = places[np.argsort(-values[places], kind="stable")][:count]
    return best
