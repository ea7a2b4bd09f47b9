"""Laws of what a sampler tells of its texts: what they do not keep, and where they end."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from seqgen.core.sampler import Sampler
from seqgen.testing.laws import law, require
from seqgen.testing.moments import Moment
from seqgen.testing.sampler_foresight import SamplerForesightLaws


class SamplerTellingLaws(SamplerForesightLaws):
    """The part of the samplers' contract that is about ``notes`` and ``finished``; kept where there are none."""

    @law
    def test_notes_are_texts_and_those_of_each_row_alone(self) -> None:
        """``notes`` is None or has texts for each row, the same that this row has alone.

        They are shown with the text that they are about, and a program reads them by it.
        """

        def check(moment: Moment) -> None:
            together = self._notes(self._played(moment), moment)
            for row in range(len(moment.logits)):
                alone = self._notes(self._played(moment, slice(row, row + 1)), moment, rows=1)
                require(
                    alone == together[row : row + 1],
                    f"Row {row} of {len(together)} has the notes {together[row]}, and alone {alone[0]}.",
                )

        self.for_all(check, moment=self.moments())

    @law
    def test_selected_rows_keep_their_notes(self) -> None:
        """After select, the notes are those of these rows, in this order.

        When a sequence ends the others move up; a person would be told of another's faults.
        """

        def check(moment: Moment, data: st.DataObject) -> None:
            count = len(moment.logits)
            rows = np.array(data.draw(st.permutations(range(count)), label="rows")[: data.draw(st.integers(1, count))])
            sampler = self._played(moment)
            before = self._notes(sampler, moment)
            sampler.select(rows)
            after = self._notes(sampler, moment, rows=len(rows))
            expected = [before[row] for row in rows]
            require(
                after == expected,
                f"After select({rows.tolist()}) the notes are {after} instead of {expected}.  Index them by rows too.",
            )

        self.for_all(check, moment=self.moments(min_rows=2), data=st.data())

    @law
    def test_each_row_ends_as_it_would_alone(self) -> None:
        """``finished`` is None, or says of each row what it says of it alone, also after select.

        A sample ends where it says so; with another's end it would stop in the middle of a line, or never.
        """

        def check(moment: Moment, data: st.DataObject) -> None:
            together = self._finished(self._played(moment), len(moment.logits))
            for row in range(len(together)):
                alone = self._finished(self._played(moment, slice(row, row + 1)), 1)
                require(
                    alone == together[row : row + 1],
                    f"Row {row} of {len(together)} is finished: {together[row]}, and alone: {alone[0]}.",
                )
            rows = np.array(data.draw(st.permutations(range(len(together))), label="rows")[:2])
            sampler = self._played(moment)
            sampler.select(rows)
            found, expected = self._finished(sampler, len(rows)), [together[row] for row in rows]
            require(
                found == expected,
                f"After select({rows.tolist()}) finished is {found} instead of {expected}.  Index what you keep by rows.",
            )

        self.for_all(check, moment=self.moments(), data=st.data())

    def _finished(self, sampler: Sampler, count: int) -> list[bool]:
        finished = sampler.finished()
        if finished is None:
            return [False] * count
        found = np.asarray(finished)
        right = found.shape == (count,) and found.dtype == np.bool_
        require(
            right, f"finished gives {found.dtype} {found.shape} for {count} rows, but must give booleans ({count},)."
        )
        return [bool(each) for each in found]

    def _notes(self, sampler: Sampler, moment: Moment, rows: int | None = None) -> list[list[str]]:
        count = len(moment.logits) if rows is None else rows
        notes = sampler.notes()
        if notes is None:
            return [[] for _ in range(count)]
        require(len(notes) == count, f"notes has {len(notes)} entries for {count} rows.")
        texts = not any(isinstance(each, str) for each in notes) and all(
            isinstance(note, str) for each in notes for note in each
        )
        require(texts, f"notes is {notes!r}, but must be a sequence of texts for each row.")
        return [list(each) for each in notes]
