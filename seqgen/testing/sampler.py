"""What every sampler must keep."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest

from seqgen.core.arrays import on_host
from seqgen.core.sampler import Sampler, Stage
from seqgen.testing.laws import law, require
from seqgen.testing.moments import Moment, require_alike, shown
from seqgen.testing.sampler_memory import SamplerMemoryLaws, adjusted_by

_FAR = 1 << 30
"""Tokens that nobody asks for."""


class SamplerContract(SamplerMemoryLaws):
    """The laws of samplers.  Subclass it in your tests, one class for each choice of options that works differently.

        class TestNoStutter(SamplerContract):
            def make(self):
                return NoStutter(times=2)

    Attributes:
        vocab_sizes: how many tokens there are.
    """

    # What comes out

    @law
    def test_the_stage_is_a_stage(self) -> None:
        """The stage is a member of Stage.

        The chain is sorted by it: temperature before top-p gives other results than after.
        """
        stage = self.make().stage
        require(isinstance(stage, Stage), f"stage is {stage!r}.  Declare stage: ClassVar[Stage] = Stage.CONSTRAINT.")

    @law
    def test_a_token_of_each_row_survives(self) -> None:
        """At least one token of each row is left, also where by ``limit`` it is the last that may be drawn.

        Where none is left nothing can be drawn, and the generation ends with an error in the middle of a text.
        """

        def check(moment: Moment) -> None:
            for limit in self._limits(moment):
                last = "" if limit is None else f", with limit({limit}), in the last token"
                for before, after in self._rows(moment, limit):
                    require(
                        np.isfinite(after).any(),
                        f"No token is left of {shown(before)}: it became {shown(after)}{last}.  Leave the row as it came instead.",
                    )

        self.for_all(check, moment=self.moments())

    @law
    def test_what_was_excluded_stays_excluded(self) -> None:
        """A token at minus infinity stays there.

        An earlier sampler excluded it; a rhyme or a bar would break if a later one brought it back.
        """

        def check(moment: Moment) -> None:
            for before, after in self._rows(moment):
                require(
                    not np.isfinite(after[np.isneginf(before)]).any(),
                    f"An excluded token came back: {shown(before)} became {shown(after)}.  Keep -inf where it was.",
                )

        self.for_all(check, moment=self.moments())

    @law
    def test_nothing_becomes_nan_or_infinitely_likely(self) -> None:
        """No logit becomes NaN or plus infinity.

        One such number makes all probabilities of its row NaN.  It comes from -inf - -inf, 0 * inf, or an overflow.
        """

        def check(moment: Moment) -> None:
            for before, after in self._rows(moment):
                require(
                    not (np.isnan(after) | np.isposinf(after)).any(),
                    f"{shown(before)} became {shown(after)}.  Clip before exp, and treat -inf by where().",
                )

        self.for_all(check, moment=self.moments())

    @law
    def test_a_row_without_any_token_stays_so(self) -> None:
        """A row that is all minus infinity stays so, and the other rows do not notice.

        The core then says which sampler left nothing; a later one that raises or gives NaN would take the blame.
        """

        def check(moment: Moment) -> None:
            logits = moment.logits.copy()
            logits[0] = -np.inf
            adjusted = adjusted_by(self._played(moment), logits)
            require(np.isneginf(adjusted[0]).all(), f"A row of -inf alone became {shown(adjusted[0])}.")
            expected = adjusted_by(self._played(moment), moment.logits)[1:]
            require_alike(adjusted[1:], expected, "Another row changed with it.", moment)

        self.for_all(check, moment=self.moments())

    @law
    def test_shape_and_type_are_kept(self) -> None:
        """float32 logits (B, V) come out as float32 (B, V).

        The samplers after it and the draw rely on it; float64 would also take twice the memory.
        """

        def check(moment: Moment) -> None:
            adjusted = adjusted_by(self._played(moment), moment.logits)
            require(
                adjusted.shape == moment.logits.shape and adjusted.dtype == np.float32,
                f"float32 {moment.logits.shape} became {adjusted.dtype} {adjusted.shape}.  Keep both: astype, keepdims.",
            )

        self.for_all(check, moment=self.moments())

    # What goes in

    @law
    def test_the_logits_handed_in_are_not_modified(self) -> None:
        """Logits that adjust is handed are not written to.

        They are the model's: the core still reads probabilities from them, before the chain.
        """

        def check(moment: Moment) -> None:
            logits = moment.logits.copy()
            self._played(moment).adjust(logits)
            require(
                np.array_equal(logits, moment.logits),
                f"The logits {shown(moment.logits)} are {shown(logits)} afterwards.  Work on a copy, or use where().",
            )

        self.for_all(check, moment=self.moments())

    @law
    def test_the_ids_handed_in_are_not_modified(self) -> None:
        """Neither begin nor accept writes to the ids that it is handed.

        The same array goes to every sampler of the chain, and the prompt is a read-only view.
        """

        def check(moment: Moment) -> None:
            prompt_ids, drawn = moment.prompt_ids.copy(), moment.drawn.copy()
            sampler = self.make()
            sampler.begin(prompt_ids, self._begun_with(moment.vocab_size))
            for ids in drawn:
                sampler.accept(ids)
            for method, before, after in (("begin", moment.prompt_ids, prompt_ids), ("accept", moment.drawn, drawn)):
                require(
                    np.array_equal(before, after),
                    f"{method} changed the ids {before.tolist()} to {after.tolist()}.  Copy what you change.",
                )

        self.for_all(check, moment=self.moments())

    @law
    def test_ids_of_any_integer_type_are_taken(self) -> None:
        """Ids of any integer type give the same, also from a read-only array.

        Ids come from tokenizers, files and draws, each in the type that suits it; uint16 wraps below zero.
        """

        def check(moment: Moment) -> None:
            for dtype in ("uint16", "int32"):
                prompt_ids, drawn = moment.prompt_ids.astype(dtype), moment.drawn.astype(dtype)
                prompt_ids.setflags(write=False)
                drawn.setflags(write=False)
                found = self._played(Moment(prompt_ids, drawn, moment.logits))
                message = f"Ids of type {dtype} give something else than int64."
                self._require_same_memory(found, self._played(moment), moment.logits, message, moment)

        self.for_all(check, moment=self.moments())

    # What it depends on

    @law
    def test_a_row_alone_gives_what_it_gives_among_others(self) -> None:
        """A row's result does not depend on the other rows.

        Sample 3 must be the same text alone, among 16, and after others have ended.
        """

        def check(moment: Moment) -> None:
            for limit in self._limits(moment):
                together = adjusted_by(self._played(moment, limit=limit), moment.logits)
                for row in range(len(together)):
                    one = slice(row, row + 1)
                    require_alike(
                        adjusted_by(self._played(moment, one, limit=limit), moment.logits[one]),
                        together[one],
                        f"Row {row} alone differs from row {row} among {len(together)}.  Reduce over the last axis only.",
                        moment,
                    )

        self.for_all(check, moment=self.moments(min_rows=2))

    @law
    def test_the_same_generation_gives_the_same(self) -> None:
        """Two samplers that went through the same generation give the same.

        A random seed must write the same text again: a sampler has no randomness of its own, since the core draws.
        """

        def check(moment: Moment) -> None:
            first, second = (adjusted_by(self._played(moment), moment.logits) for _ in range(2))
            message = "A second sampler differs from the first.  Draw no random numbers; keep nothing in the class."
            require_alike(second, first, message, moment)

        self.for_all(check, moment=self.moments())

    @law
    def test_adjusting_remembers_nothing(self) -> None:
        """A second adjust of the same logits gives what the first gave.

        Only begin, accept and select change what is remembered; the core adjusts again to find out what went wrong.
        """

        def check(moment: Moment) -> None:
            sampler = self._played(moment)
            first, second = (adjusted_by(sampler, moment.logits) for _ in range(2))
            require_alike(second, first, "The second adjust differs.  Move what changes to accept.", moment)

        self.for_all(check, moment=self.moments())

    @law
    def test_torch_tensors_give_what_numpy_arrays_give(self) -> None:
        """A torch tensor is adjusted as a NumPy array is, and comes back as a torch tensor.

        Logits may lie on a GPU, and the same seed must write the same text wherever the model runs.
        """
        try:
            torch = importlib.import_module("torch")
        except ModuleNotFoundError:
            pytest.skip("torch is not installed")

        def check(moment: Moment) -> None:
            tensor = self._played(moment).adjust(torch.from_numpy(moment.logits.copy()))
            require(
                isinstance(tensor, torch.Tensor),
                f"A torch tensor came back as {type(tensor).__name__}.  Use array_namespace(logits) instead of numpy.",
            )
            require(tensor.dtype == torch.float32, f"A float32 tensor came back as {tensor.dtype}.")
            expected = adjusted_by(self._played(moment), moment.logits)
            require_alike(on_host(tensor), expected, "A torch tensor gives something else than a NumPy array.", moment)

        self.for_all(check, moment=self.moments())

    @law
    def test_strangers_in_the_chain_change_nothing(self) -> None:
        """Among samplers of other kinds it gives what it gives where it meets none.

        Samplers that must be met together find one another in meet; with anything else, or used alone, each works by itself.
        """

        def check(moment: Moment) -> None:
            for strangers in ([], [_Stranger()]):
                sampler = self.make()
                sampler.meet([*strangers, sampler, *strangers])
                found = adjusted_by(self._played(moment, sampler=sampler), moment.logits)
                message = "It gives something else after meet with samplers that are none of its own."
                require_alike(found, adjusted_by(self._played(moment), moment.logits), message, moment)

        self.for_all(check, moment=self.moments())

    @law
    def test_a_limit_that_is_far_changes_nothing(self) -> None:
        """Told that a great many tokens may be drawn, it gives what it gives where no limit is known.

        ``limit`` is for bringing a text to its end in time; far from it, a text must not depend on the length that was asked for.
        """

        def check(moment: Moment) -> None:
            found = adjusted_by(self._played(moment, limit=_FAR), moment.logits)
            message = f"It gives something else after limit({_FAR:,})."
            require_alike(found, adjusted_by(self._played(moment), moment.logits), message, moment)

        self.for_all(check, moment=self.moments())

    # How it is shown

    @law
    def test_it_is_shown_by_its_options_alone(self) -> None:
        """Its repr works before begin, and does not change with what is remembered.

        Errors name the sampler so; a table of counts in the middle of a sentence helps nobody.
        """
        advice = "Declare what begin sets as field(init=False, repr=False)."

        def check(moment: Moment) -> None:
            sampler = self.make()
            try:
                before = repr(sampler)
            except AttributeError as error:
                before = f"AttributeError: {error}"
            after = repr(self._played(moment, sampler=sampler))
            require(before == after, f"Before begin it is shown as {before}, afterwards as {after}.  {advice}")

        self.for_all(check, moment=self.moments())


class _Stranger(Sampler):
    def adjust(self, logits: Any) -> Any:
        """The logits as they are."""
        return logits
