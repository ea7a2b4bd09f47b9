"""A tokenizer whose state has changed since its first version reads what that gave, and keeps the laws of states all the same."""

from __future__ import annotations

import pytest
from mutants.tokenizer import FillsIn, Plain

from seqgen.core.errors import DamagedModelError
from seqgen.testing import LawBroken, TokenizerContract, laws_of

STATES = [law.name for law in laws_of(TokenizerContract) if "_state_" in law.name]


class Numbered(Plain):
    """Version 2, which has the option ``lowercase`` that version 1 lacked, and a number for the form of its state."""

    def state(self):
        return {"form": 2, **super().state()}

    @classmethod
    def from_state(cls, state):
        match state:
            case {"form": 1, "symbols": symbols, **others} if not others:
                return super().from_state({"symbols": symbols, "lowercase": False})
            case {"form": 2, **others}:
                return super().from_state(others)
        raise DamagedModelError("The state of tokenizer numbered is damaged.")


class NumberedSince(Numbered):
    """The same, where version 1 gave no number."""

    @classmethod
    def from_state(cls, state):
        match state:
            case {"symbols": symbols, **others} if not others:
                return super().from_state({"form": 1, "symbols": symbols})
            case {"form": 1}:
                raise DamagedModelError("The state of tokenizer numbered is damaged.")
        return super().from_state(state)


def contract(part):
    return type(part.__name__, (TokenizerContract,), {"max_examples": 4, "make": lambda _: part(lowercase=True)})()


@pytest.mark.parametrize("law", STATES)
@pytest.mark.parametrize("part", [Numbered, NumberedSince])
def test_a_part_that_numbers_the_form_of_its_state_keeps_the_law(part, law):
    getattr(contract(part), law)()


@pytest.mark.parametrize(("part", "first"), [(Numbered, {"form": 1}), (NumberedSince, {})])
def test_it_reads_what_its_first_version_gave(part, first):
    assert part.from_state({**first, "symbols": ["a", "b"]}) == part(symbols=["a", "b"])


def test_one_that_fills_in_what_is_missing_is_told_to_number_the_form():
    with pytest.raises(LawBroken) as broken:
        contract(FillsIn).test_a_state_that_lacks_a_value_is_refused()
    assert str(broken.value) == (
        'A state without "lowercase" is accepted.  Check it in from_state, and raise DamagedModelError.  To read what an '
        "earlier version gave, put a number for the form into state()."
    )
