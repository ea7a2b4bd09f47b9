"""What a law says of a part that is nearly right."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Annotated

import pytest
from annotated_doc import Doc
from mutants import dataset, sampler
from mutants.backends import offering

from seqgen.core.callback import Callback
from seqgen.samplers.min_p import MinP
from seqgen.testing import LawBroken, worker

OPTIONS = "test_each_option_has_a_type_a_sentence_and_a_default_that_it_allows"


def contract(module, name):
    """The contract of a mutant."""
    return next(found for _, _, found in module.MUTANTS if found.__name__ == name)()


def test_a_field_that_is_no_option_is_told_what_to_do():
    with pytest.raises(LawBroken, match=r"^k is no option: annotate it with Doc, or say field\(init=False\)\.$"):
        getattr(contract(sampler, "Unexplained"), OPTIONS)()


def test_weights_in_another_order_are_told_so():
    with pytest.raises(LawBroken) as broken:
        contract(offering, "Backwards").test_weights_are_those_that_weight_shapes_states()
    assert str(broken.value) == (
        "weights() of rnn gives the names in another order than weight_shapes.\n"
        'The names are the same, in another order: "output.bias" is where "embedding.weight" belongs.'
    )


def test_a_tokenizer_of_another_size_than_asked_for_is_told_so():
    with pytest.raises(LawBroken, match=r"^tokenizer\(2\) of AnyTokenizer gives one whose vocab_size is 5\."):
        contract(sampler, "AnyTokenizer").test_a_token_of_each_row_survives()


def test_a_file_in_a_folder_that_cannot_be_read_is_named():
    with pytest.raises(LawBroken, match=r"^A file that holds b'.+' raises UnicodeDecodeError"):
        contract(dataset, "BelievesInFolders").test_a_source_of_any_bytes_is_read_or_refused()


@dataclass(frozen=True, kw_only=True)
class WithoutDefault(MinP):
    depth: Annotated[int, Doc("how far it looks")]


@dataclass
class Failing(Callback):
    path: Annotated[str, Doc("where it goes")] = "log.txt"

    def __post_init__(self):
        raise ValueError("out of rope")


@dataclass(kw_only=True)
class Needing(Callback):
    url: Annotated[str, Doc("where it goes")]


@dataclass
class Odd(Callback):
    path: Annotated[Nowhere, Doc("where it goes")] = dataclasses.field(default="log.txt")  # noqa: F821


@pytest.mark.parametrize(
    ("kind", "part", "problem"),
    [
        ("sampler", WithoutDefault, "Option depth has no default, so the part cannot be named without it."),
        (
            "callback",
            Needing,
            "Option url has no default.  Write a test with CallbackContract, whose make gives it a value.",
        ),
        ("callback", Failing, "It cannot be made with its default options: ValueError: out of rope"),
        ("callback", Odd, ""),  # a law tells of it
    ],
)
def test_a_part_that_cannot_be_made_is_told_why_in_one_sentence(kind, part, problem):
    assert worker.why_not_made(worker.contract_of(kind, part), part) == problem
