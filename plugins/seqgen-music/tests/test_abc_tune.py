"""Reading a tune takes time that grows with it, and no faster."""

from __future__ import annotations

import time

import pytest

from seqgen_music.abc.lexemes import LINE_END, Kind, Lexeme, character
from seqgen_music.abc.tune import read_tune, tune_of


def seconds(lines: list[list[Lexeme]]) -> float:
    """The processor's time, the least of three."""

    def taken() -> float:
        begun = time.process_time()
        tune_of(lines)
        return time.process_time() - begun

    return min(taken() for _ in range(3))


def test_brackets_are_counted_and_each_kind_that_stays_open_is_told_once():
    def faults(music: str) -> list[str]:
        return [fault for _, fault in read_tune(f"X:1\nK:C\n{music}").faults]

    assert faults("((A)B") == faults("(((AB") == ['"(" is not closed']
    assert faults("((A)B)") == []
    assert faults("(A))B") == ['")" closes nothing']
    assert sorted(faults("((A{[B")) == ['"(" is not closed', '"[" is not closed', '"{" is not closed']


def test_a_chord_or_grace_notes_that_are_not_closed_end_with_their_bar_and_are_told_with_its_line():
    tune = read_tune("X:1\nM:2/4\nL:1/4\nK:C\nAB|\n[c {d|\nef|ga|]")
    assert tune.faults == [(6, '"[" is not closed'), (6, '"{" is not closed')]
    assert [bar.length for bar in tune.bars] == [tune.bars[0].full] * 3


@pytest.mark.parametrize("field", ["N:", "C:"])
def test_fields_of_one_letter_are_joined_in_their_order(field):
    assert read_tune(f"X:1\n{field}one\nT:Ice\n{field}two\nK:C\n{field}three\nA|").fields == {
        "X": "1",
        field[0]: "one\ntwo",
        "T": "Ice",
        "K": "C",
    }


def test_slurs_that_are_never_closed_take_no_more_time_than_those_that_are():
    slur, note, closed = Lexeme(Kind.SLUR, "("), Lexeme(Kind.PITCH, "A"), Lexeme(Kind.SLUR_END, ")")
    key, count = [Lexeme(Kind.FIELD, "K:C")], 6000
    assert seconds([key, [slur, note] * count]) < 3 * seconds([key, [slur, note, closed] * count])


def test_many_lines_of_one_field_take_no_more_time_than_as_many_comments():
    def lines(opening: str) -> list[list[Lexeme]]:
        return [[Lexeme(Kind.TEXT, opening), character("x" * 100), LINE_END]] * 10_000

    assert seconds(lines("N:")) < 3 * seconds(lines("%"))
