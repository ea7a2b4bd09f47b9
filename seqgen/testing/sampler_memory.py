"""Laws of what a sampler remembers: of which rows, from where on, and in which copy."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

from seqgen.core.arrays import on_host
from seqgen.core.errors import PluginError
from seqgen.core.sampler import Sampler
from seqgen.core.types import Ids
from seqgen.generation.chain import Chain
from seqgen.testing.laws import LawBroken, law
from seqgen.testing.moments import Logits, Moment, require_alike
from seqgen.testing.sampler_telling import SamplerTellingLaws


class SamplerMemoryLaws(SamplerTellingLaws):
    """The part of the samplers' contract that is about ``begin``, ``accept`` and ``select``, and about copies."""

    @law
    def test_selected_rows_keep_what_they_remember(self) -> None:
        """After select, the memory is that of these rows, in this order.

        When a sequence ends the others move up; with another's memory they would be held to its rhyme.
        """

        def check(moment: Moment, data: st.DataObject) -> None:
            count = len(moment.logits)
            order = data.draw(st.permutations(range(count)), label="rows")
            rows = np.array(order[: data.draw(st.integers(1, count), label="how many")])
            steps = data.draw(st.integers(0, len(moment.drawn)), label="steps before")
            sampler = self._played(Moment(moment.prompt_ids, moment.drawn[:steps], moment.logits))
            sampler.select(rows)
            for ids in moment.drawn[steps:]:
                sampler.accept(ids[rows].copy())
            message = f"select({rows.tolist()}) of {count} rows left others' memory.  Index what you keep by rows."
            self._require_same_memory(sampler, self._played(moment, rows), moment.logits[rows], message, moment)

        self.for_all(check, moment=self.moments(min_rows=2), data=st.data())

    @law
    def test_a_replayed_prefix_gives_the_state_of_the_prefix_as_prompt(self) -> None:
        """Reading ids by begin and accepting them one by one come to the same.

        A text that goes on from what was generated before must go on as if it had never stopped.
        """

        def check(moment: Moment) -> None:
            at_once = Moment(np.hstack([moment.prompt_ids, moment.drawn.T]), moment.drawn[:0], moment.logits)
            message = (
                "The prompts and what was drawn, all as prompts, give something else.  Let begin read as accept does."
            )
            self._require_same_memory(self._played(at_once), self._played(moment), moment.logits, message, moment)

        self.for_all(check, moment=self.moments())

    @law
    def test_begin_forgets_the_generation_before(self) -> None:
        """A second begin starts from nothing.

        One object may serve one generation after another; the second must not remember the first.
        """

        def check(before: Moment, moment: Moment) -> None:
            again = self._played(moment, sampler=self._played(before))
            message = "After a second begin it differs from a fresh one.  Set in begin all that is remembered."
            self._require_same_memory(again, self._played(moment), moment.logits, message, moment)

        self.for_all(check, before=self.moments(), moment=self.moments())

    @law
    def test_copies_are_independent(self) -> None:
        """Copies of one sampler (copy.copy) do not remember each other's generation.

        Each generation works with a copy, so that one object can serve several at a time.
        """
        message = "A copy remembers another's generation.  Make lists, dicts and arrays in begin, not before."

        def check(one: Moment, other: Moment) -> None:
            original = self.make()
            first, second = copy.copy(original), copy.copy(original)
            self._played(one, sampler=first)
            self._played(other, sampler=second)
            for copied, moment in ((first, one), (second, other)):
                self._require_same_memory(copied, self._played(moment), moment.logits, message, moment)

        self.for_all(check, one=self.moments(), other=self.moments())

    @law
    def test_a_deep_copy_goes_on_by_itself(self) -> None:
        """A copy with all that is remembered (copy.deepcopy) goes on by itself, and so does what it was made of.

        A beam goes on with a text in several ways, and copies the samplers for each; the tokenizer and the options are shared.
        """

        def check(moment: Moment, data: st.DataObject) -> None:
            tokenizer = self._begun_with(moment.vocab_size)
            steps = data.draw(st.integers(0, len(moment.drawn)), label="steps before")
            before, further = moment.drawn[:steps], moment.drawn[steps:]
            others = (further + 1) % moment.vocab_size
            limit = self._limits(moment)[-1]
            original = Chain([self.make(), _Listener()])
            original.begin(moment.prompt_ids.copy(), tokenizer, limit)
            _accept(original, before)
            try:
                copied = original.fork(tokenizer)
            except PluginError as error:
                raise LawBroken(str(error)) from error
            _accept(copied, further)
            _accept(original, others)
            for chain, drawn, which in ((copied, further, "copy"), (original, others, "original")):
                (sampler,) = (each for each in chain.samplers if not isinstance(each, _Listener))
                alone = Moment(moment.prompt_ids, np.concatenate([before, drawn]), moment.logits)
                expected = self._played(alone, limit=limit)
                message = f"The {which} remembers what the other accepted.  Copy in __deepcopy__ what accept changes."
                self._require_same_memory(sampler, expected, moment.logits, message, moment)

        self.for_all(check, moment=self.moments(), data=st.data())

    def _require_same_memory(
        self, found: Sampler, expected: Sampler, logits: Logits, message: str, moment: Moment
    ) -> None:
        # On equal logits a penalty shows that a truncation would hide.
        for each in (logits, np.ones_like(logits)):
            require_alike(adjusted_by(found, each), adjusted_by(expected, each), message, moment)


class _Listener(Sampler):
    """Accepts, so that the chain copies all of its samplers."""

    def adjust(self, logits: Any) -> Any:
        """The logits as they are."""
        return logits

    def accept(self, ids: Ids) -> None:
        """Nothing is remembered."""


def _accept(chain: Chain, drawn: Ids) -> None:
    for ids in drawn:
        chain.accept(ids.copy())


def adjusted_by(sampler: Sampler, logits: Logits) -> npt.NDArray[Any]:
    """What a sampler makes of logits (B, V), as a NumPy array."""
    return on_host(sampler.adjust(logits.copy()))
