"""Penalties over what is only looked at: each text has its own, and those of the chain stay as they are."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from seqgen.core.errors import PluginError
from seqgen.core.sampler import Stage
from seqgen.samplers.logit_bias import LogitBias
from seqgen.samplers.repetition_penalty import RepetitionPenalty
from seqgen.samplers.temperature import Temperature
from seqgen.tokenizers.char import CharTokenizer
from seqgen_lyrics.penalties import Penalties, penalised

TOKENIZER = CharTokenizer().fit(["abcd"])
PROMPTS = np.stack([TOKENIZER.encode(prompt) for prompt in ("aa", "bb", "cc", "dd")])


def begun(*chain):
    for sampler in chain:
        sampler.begin(PROMPTS, TOKENIZER)
    return Penalties(chain, TOKENIZER)


def held_back(held):
    """The letters that a penalty makes less likely after each of these texts."""
    left = penalised(np.zeros((len(held), TOKENIZER.vocab_size), np.float32), held)
    return [str(TOKENIZER.decode(np.flatnonzero(row < 0))) for row in left]


def test_each_row_has_the_penalties_of_its_own_text_also_where_it_comes_twice():
    penalties = begun(RepetitionPenalty(penalty=2.0))
    held = penalties.of([2, 0, 3, 2])
    assert held_back(held) == ["c", "a", "d", "c"]
    longer = penalties.after(held, [0, 1, 2, 3], TOKENIZER.encode("abbd").tolist())
    assert held_back(longer) == ["ac", "ab", "bd", "cd"]


def test_of_a_text_that_goes_on_in_several_ways_each_goes_on_by_itself():
    penalties = begun(RepetitionPenalty(penalty=2.0))
    longer = penalties.after(penalties.of([1, 3]), [0, 0, 1, 0], TOKENIZER.encode("acad").tolist())
    assert held_back(longer) == ["ab", "bc", "ad", "bd"]
    assert held_back(penalties.of([0, 1, 2, 3])) == ["a", "b", "c", "d"]  # the chain has read nothing of it


def test_only_the_penalties_of_a_chain_count_and_one_after_the_other():
    penalties = begun(LogitBias(bias={"b": -1.0}), LogitBias(bias={"b": -2.0}), Temperature(temperature=9.0))
    (left,) = penalised(np.zeros((1, TOKENIZER.vocab_size), np.float32), penalties.of([0]))
    assert left[TOKENIZER.encode("b")[0]] == -3
    assert not begun(Temperature())


def test_where_nothing_is_looked_at_nothing_is_copied():
    assert begun(RepetitionPenalty()).of([]) == []


@dataclass(kw_only=True)
class Locked(LogitBias):
    """Remembers what cannot be copied."""

    _lock: Any = field(default_factory=threading.Lock, init=False, repr=False, compare=False)


def test_a_penalty_that_cannot_be_copied_is_named_in_a_sentence():
    assert Locked().stage == Stage.PENALTY
    with pytest.raises(PluginError, match="Locked.* cannot be copied with what it remembers"):
        begun(Locked()).of([0])
