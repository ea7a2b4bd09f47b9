"""The samplers of a generation are those that are asked for, and defaults where nothing is."""

from __future__ import annotations

import pytest

from seqgen.core.catalog import load_catalog
from seqgen.core.errors import OptionError
from seqgen.core.options import PartSpec
from seqgen.generation.selection import DEFAULT_MIN_P, DEFAULT_TEMPERATURE, asked_for, takes_likeliest, with_defaults
from seqgen.samplers.greedy import Greedy
from seqgen.samplers.min_p import MinP
from seqgen.samplers.repetition_penalty import RepetitionPenalty
from seqgen.samplers.temperature import Temperature
from seqgen.samplers.top_k import TopK
from seqgen.samplers.top_p import TopP

CATALOG = load_catalog()


def test_samplers_are_named_given_or_meant_by_keywords_in_that_order():
    chain = asked_for(["top-k:k=3", RepetitionPenalty()], {"top_p": 0.5, "min_p": None}, CATALOG)
    assert chain == (TopK(k=3), RepetitionPenalty(), TopP(p=0.5))
    assert asked_for(None, {}, CATALOG) == ()


@pytest.mark.parametrize("alone", ["top-k:k=3", PartSpec("top-k", {"k": 3}), TopK(k=3)], ids=repr)
def test_one_alone_may_be_given_as_it_is(alone):
    assert asked_for(alone, {}, CATALOG) == (TopK(k=3),)


@pytest.mark.parametrize("given", [5, ["greedy", 5]])
def test_what_is_no_sampler_is_refused(given):
    with pytest.raises(OptionError) as caught:
        asked_for(given, {}, CATALOG)
    assert str(caught.value) == "samplers has 5, but takes samplers, as objects or NAME:key=value, or one alone."


@pytest.mark.parametrize(
    ("asked", "added"),
    [
        ((), (Temperature(temperature=DEFAULT_TEMPERATURE), MinP(p=DEFAULT_MIN_P))),
        ((RepetitionPenalty(),), (Temperature(temperature=DEFAULT_TEMPERATURE), MinP(p=DEFAULT_MIN_P))),
        ((TopK(k=3),), (Temperature(temperature=DEFAULT_TEMPERATURE),)),
        ((Temperature(temperature=1.2),), ()),
        ((Greedy(),), ()),
    ],
)
def test_a_temperature_stands_in_where_none_is_and_a_truncation_where_neither_is(asked, added):
    assert with_defaults(asked, CATALOG) == (*asked, *added)


@pytest.mark.parametrize("sampler", [Greedy(), Temperature(temperature=0), Temperature(temperature=0.1), TopK(k=1)])
def test_greedy_and_temperature_0_take_the_likeliest_token(sampler):
    found = takes_likeliest((RepetitionPenalty(), sampler, TopP(p=0.5)), CATALOG)
    assert found == (sampler if sampler in (Greedy(), Temperature(temperature=0)) else None)


@pytest.mark.parametrize("chain", [(Greedy(), Temperature(temperature=2.0)), (TopK(k=3), TopK(k=5))])
def test_two_that_settle_the_same_are_refused_by_their_names(chain):
    with pytest.raises(OptionError) as error:
        asked_for(chain, {}, CATALOG)
    assert all(str(sampler) in str(error.value) for sampler in chain)


def test_different_truncations_and_several_penalties_go_together():
    chain = (TopK(k=3), TopP(p=0.5), RepetitionPenalty(), RepetitionPenalty())
    assert asked_for(chain, {}, CATALOG) == chain
