"""What samplers could not keep of their promises is told with each text."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from seqgen.core.sampler import Sampler
from seqgen.generation.beam import beam_search
from seqgen.generation.chain import Chain
from seqgen.generation.generate import generate, stream
from seqgen.samplers.no_repeat_ngram import NoRepeatNgram
from seqgen.samplers.temperature import Temperature


@dataclass(kw_only=True)
class Watch(Sampler):
    """Promises that a letter does not come, does nothing for it, and tells where it came all the same."""

    letter: str = "e"

    _token: int = field(default=-1, init=False, repr=False)
    _drawn: int = field(default=0, init=False, repr=False)
    _notes: list[list[str]] = field(default_factory=list, init=False, repr=False)

    def begin(self, prompt_ids, tokenizer):
        (self._token,) = tokenizer.encode(self.letter)
        self._drawn, self._notes = 0, [[] for _ in prompt_ids]

    def adjust(self, logits: Any) -> Any:
        return logits

    def accept(self, ids):
        self._drawn += 1
        for notes, token in zip(self._notes, ids.tolist(), strict=True):
            if token == self._token:
                notes.append(f"{self.letter} at {self._drawn}")

    def select(self, rows):
        self._notes = [self._notes[row] for row in rows]

    def notes(self):
        return self._notes


@pytest.fixture
def model(table_model, characters):
    return table_model(characters.vocab_size)


@pytest.fixture
def watched(model, characters):
    return {
        "model": model,
        "tokenizer": characters,
        "prompt_ids": characters.encode("a"),
        "length": 40,
        "samplers": [Watch(letter="e"), Temperature(temperature=1.5), Watch(letter="a")],
        "stop": ["b"],  # so that rows end at different times
    }


def expected(characters, ids):
    text = [characters.decode(ids[place : place + 1]) for place in range(len(ids))]
    return tuple(f"{letter} at {place + 1}" for letter in "ea" for place, each in enumerate(text) if each == letter)


def test_each_sample_has_its_own_in_the_order_of_the_chain(watched, characters):
    samples = generate(**watched, num_samples=8, batch_size=3)
    assert len({sample.tokens for sample in samples}) > 2
    assert any(sample.notes for sample in samples)
    for sample in samples:
        assert sample.notes == expected(characters, sample.ids)


def test_a_stream_has_those_of_what_was_written_so_far(watched, characters):
    (first, *_) = generate(**watched, num_samples=1)
    running = stream(**watched)
    seen = [running.notes for _ in running]
    assert running.notes == seen[-1] == first.notes
    assert all(set(before) <= set(after) for before, after in pairwise(seen))


def test_a_search_has_those_of_the_text_that_it_finds(watched, characters):
    watched["samplers"] = [Watch(letter=letter) for letter in "ea"]
    found = beam_search(**watched, width=3)
    assert found.notes == expected(characters, found.ids)


def test_the_samplers_of_a_chain_meet_as_the_copies_that_work(characters):
    @dataclass
    class Friendly(Sampler):
        met: Any = field(default=None, init=False, repr=False)

        def meet(self, chain):
            self.met = chain

        def adjust(self, logits):
            return logits

    given = [Friendly(), Temperature(), Friendly()]
    chain = Chain(given)
    assert [sampler.met for sampler in given if isinstance(sampler, Friendly)] == [None, None]
    for sampler in chain.samplers:
        if isinstance(sampler, Friendly):
            assert sampler.met == chain.samplers
            assert any(each is sampler for each in sampler.met)
    chain.begin(np.zeros((1, 0), np.int64), characters)
    assert chain.notes(0) == ()


def test_runs_that_repeat_since_nothing_else_could_follow_are_told_drawn_streamed_and_searched(watched, characters):
    watched |= {"samplers": [NoRepeatNgram(size=1)], "length": 20, "stop": [], "forbid": [characters.end_id]}
    count = characters.vocab_size - 2  # without the end, and the prompt's letter
    note = f"token {count + 1} and {20 - count - 1} more after it repeat a token, as each that could follow would"
    samples = generate(**watched, num_samples=3)
    for text in (*samples, beam_search(**watched, width=2)):
        assert len(set(text.ids[:count].tolist())) == count
        assert text.notes == (note,)
    running = stream(**watched)
    assert len("".join(running)) == 20
    assert running.notes == (note,)
    watched["length"] = count
    assert generate(**watched)[0].notes == ()
