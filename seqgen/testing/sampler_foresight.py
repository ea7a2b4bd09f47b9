"""Laws of samplers that look at what the model would say further on, and what all laws of samplers start from."""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from seqgen.core.arrays import on_host
from seqgen.core.sampler import Sampler
from seqgen.core.tokenizer import Tokenizer
from seqgen.core.types import Ids
from seqgen.testing.laws import Contract, LawBroken, law, require
from seqgen.testing.letters import LettersTokenizer
from seqgen.testing.moments import LARGE, Logits, Moment, moments, require_alike, rows_of_logits, shown


class SamplerForesightLaws(Contract):
    """The part of the samplers' contract that is about ``foresee``; kept where a sampler does not look."""

    max_examples = 30
    vocab_sizes: ClassVar[SearchStrategy[int]] = st.sampled_from([2, 3, 4, 5, 6, 7, 1, LARGE])

    @abstractmethod
    def make(self) -> Sampler:
        """A fresh sampler."""

    def tokenizer(self, vocab_size: int) -> Tokenizer:
        """What the sampler begins with, of so many tokens; override it (and ``vocab_sizes``) if it asks what tokens mean."""
        return LettersTokenizer(vocab_size)

    def rows(self, vocab_size: int) -> SearchStrategy[Logits]:
        """The logits (V,) of one sequence: ordinary, tied, huge, all equal, some excluded, all but one excluded."""
        return rows_of_logits(vocab_size)

    def instance(self) -> Sampler:
        """A fresh sampler."""
        return self.make()

    def _begun_with(self, vocab_size: int) -> Tokenizer:
        """What ``tokenizer`` gives, which must have as many tokens as the logits."""
        tokenizer = self.tokenizer(vocab_size)
        require(
            tokenizer.vocab_size == vocab_size,
            f"tokenizer({vocab_size}) of {type(self).__name__} gives one whose vocab_size is {tokenizer.vocab_size}.  Give one "
            f"of as many tokens as it is asked for, or let it be asked for no other: vocab_sizes = "
            f"st.just({tokenizer.vocab_size}).",
        )
        return tokenizer

    def moments(self, min_rows: int = 1) -> SearchStrategy[Moment]:
        """Moments of generations of up to four sequences."""
        return moments(self.vocab_sizes, self.rows, min_rows)

    @law
    def test_with_foresight_a_row_alone_gives_what_it_gives_among_others(self) -> None:
        """What a row foresees, and what becomes of it, does not depend on the other rows.

        Sample 3 must be the same text alone, among 16, and after others have ended; the rows of Ahead are those of its texts.
        """

        def check(moment: Moment) -> None:
            together = on_host(self._foreseeing(moment).adjust(moment.logits.copy()))
            for row in range(len(together)):
                one = slice(row, row + 1)
                require_alike(
                    on_host(self._foreseeing(moment, one).adjust(moment.logits[one].copy())),
                    together[one],
                    f"Row {row} that foresees alone differs from row {row} among {len(together)}.",
                    moment,
                )

        self._for_all_that_foresee(check, min_rows=2)

    @law
    def test_with_foresight_a_token_of_each_row_survives_and_none_comes_back(self) -> None:
        """After foresee too, each row keeps a token, and none that was excluded comes back.

        What the model would say of a text is no permission to write what an earlier sampler excluded.
        """

        def check(moment: Moment) -> None:
            left = on_host(self._foreseeing(moment).adjust(moment.logits.copy()))
            for before, after in zip(moment.logits, left, strict=True):
                fine = np.isfinite(after).any() and not np.isfinite(after[np.isneginf(before)]).any()
                require(fine, f"After foresee, {shown(before)} became {shown(after)}.")

        self._for_all_that_foresee(check)

    @law
    def test_foreseeing_twice_gives_what_foreseeing_once_gives(self) -> None:
        """A second foresee of the same present changes nothing.

        It is told the present and not that time goes by: only accept says what was drawn.
        """

        def check(moment: Moment) -> None:
            sampler = self._foreseeing(moment)
            once = on_host(sampler.adjust(moment.logits.copy()))
            sampler.foresee(_MadeUp.of(moment))
            message = (
                "After a second foresee it gives something else.  Replace what was foreseen, and add nothing to it."
            )
            require_alike(on_host(sampler.adjust(moment.logits.copy())), once, message, moment)

        self._for_all_that_foresee(check)

    @law
    def test_what_foresees_keeps_no_hold_of_the_model(self) -> None:
        """What foresee was shown is not kept.

        It holds the states of all sequences: kept for each text of a search, they would fill the memory.
        """

        def check(moment: Moment) -> None:
            sampler = self._foreseeing(moment)
            copy.deepcopy(sampler)  # which meets the Ahead, where it is held

        self._for_all_that_foresee(check)

    def _for_all_that_foresee(self, check: Any, min_rows: int = 1) -> None:
        if type(self.make()).foresee is not Sampler.foresee:
            self.for_all(check, moment=self.moments(min_rows))

    def _foreseeing(self, moment: Moment, rows: Any = slice(None)) -> Sampler:
        """The sampler at this moment, of a generation of these rows alone, which has foreseen at each step."""
        sampler = self.make()
        sampler.begin(moment.prompt_ids[rows].copy(), self._begun_with(moment.vocab_size))
        for step in range(len(moment.drawn)):
            sampler.foresee(_MadeUp.of(Moment(moment.prompt_ids, moment.drawn[:step], moment.logits), rows))
            sampler.accept(moment.drawn[step][rows].copy())
        sampler.foresee(_MadeUp.of(moment, rows))
        return sampler

    def _played(
        self, moment: Moment, rows: Any = slice(None), sampler: Sampler | None = None, limit: int | None = None
    ) -> Sampler:
        """The sampler at this moment, of a generation of these rows alone, in which at most so many tokens are drawn."""
        sampler = sampler or self.make()
        sampler.begin(moment.prompt_ids[rows].copy(), self._begun_with(moment.vocab_size))
        if limit is not None:
            sampler.limit(limit)
        for ids in moment.drawn:
            sampler.accept(ids[rows].copy())
        return sampler

    def _limits(self, moment: Moment) -> Sequence[int | None]:
        """None, and where the sampler asks for it, the limit under which the token that comes next is the last."""
        asks = type(self.make()).limit is not Sampler.limit
        return (None, len(moment.drawn) + 1) if asks else (None,)

    def _rows(self, moment: Moment, limit: int | None = None) -> Iterator[tuple[Logits, npt.NDArray[Any]]]:
        """The logits (V,) of each row of the moment, before and after."""
        after = on_host(self._played(moment, limit=limit).adjust(moment.logits.copy()))
        return zip(moment.logits, after, strict=True)


class _MadeUp:
    """What a model says that is made up: a function of all tokens of a text, the same to the last bit in any company."""

    def __init__(self, memory: npt.NDArray[np.int64], logits: Logits) -> None:
        self._memory = memory  # (R,)
        self.logits = logits  # (R, V)
        self.logits.setflags(write=False)

    @classmethod
    def of(cls, moment: Moment, rows: Any = slice(None)) -> _MadeUp:
        """The present of these rows of a moment."""
        read = np.hstack([moment.prompt_ids, moment.drawn.T])[rows].astype(np.int64)  # (B, N)
        memory = np.zeros(len(read), np.int64)
        for ids in read.T:
            memory = _remembered(memory, ids)
        return cls(memory, moment.logits[rows].copy())

    def after(self, rows: Ids, ids: Ids) -> _MadeUp:
        """The texts of these rows with an id more."""
        rows, ids = np.asarray(rows), np.asarray(ids)
        count, vocab_size = self.logits.shape
        for name, given, bound in (("rows", rows, count), ("ids", ids, vocab_size)):
            whole = given.ndim == 1 and (given.dtype.kind in "iu" or not len(given))
            inside = whole and bool(((given >= 0) & (given < bound)).all())
            require(inside, f"Ahead.after was asked for {name} {shown(given)}, but they must be from 0 to {bound - 1}.")
        require(len(rows) == len(ids), f"Ahead.after was asked for {len(rows)} rows and {len(ids)} ids.")
        memory = _remembered(self._memory[rows.astype(np.intp)], ids.astype(np.int64))
        slopes = np.arange(vocab_size) * 0.7 + 1
        return _MadeUp(memory, (6 * np.sin(memory[:, None] * slopes)).astype(np.float32))

    def __deepcopy__(self, memo: dict[int, Any]) -> _MadeUp:
        raise LawBroken("The sampler holds what foresee was shown.  Remember what you found, and not the Ahead.")


def _remembered(memory: npt.NDArray[np.int64], ids: Ids) -> npt.NDArray[np.int64]:
    return (memory * 31 + ids + 1) % 9973
