"""The sampler that holds to the tokenizer's own grammar."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from seqgen.generation.generate import generate, stream
from seqgen.samplers.grammar import GrammarSampler
from seqgen.testing.letters import LettersTokenizer
from seqgen.testing.sampler import SamplerContract

A, B, END = 0, 1, 2


class Bars:
    """``a`` lasts one beat and ``b`` two; a bar has four, and two bars are a tune.  A state is the beats so far."""

    start = 0

    def allowed(self, state):
        left = 0 if state == 8 else 4 - state % 4
        return np.array([left >= 1, left >= 2, False, *[False] * 9])

    def next(self, state, token):
        return min(8, state + {A: 1, B: 2}.get(token, 0))

    def may_end(self, state):
        return state % 4 == 0


@dataclass(frozen=True)
class TunesTokenizer(LettersTokenizer):
    size: int = 12

    @property
    def end_id(self):
        return END

    def grammar(self):
        return Bars()


class TestGrammar(SamplerContract):
    max_examples = 10
    vocab_sizes = st.just(12)

    def make(self):
        return GrammarSampler()

    def tokenizer(self, vocab_size):
        return TunesTokenizer()


def test_notes_fill_the_bar_and_the_tune_ends_only_with_one(table_model):
    options = {"end_id": END, "samplers": [GrammarSampler()], "length": 20, "num_samples": 50}
    for sample in generate(table_model(12), TunesTokenizer(), np.array([END]), **options):
        beats = 0
        for token in sample.ids[sample.ids != END].tolist():
            assert beats % 4 + {A: 1, B: 2}[token] <= 4
            beats += {A: 1, B: 2}[token]
        assert beats in (0, 4, 8)
        assert sample.finish_reason == "end"


def test_a_tune_that_can_only_end_ends_without_an_end_token(table_model):
    options = {"forbid": [END], "samplers": [GrammarSampler()], "length": 20}
    samples = generate(table_model(12), TunesTokenizer(), np.array([END]), num_samples=20, **options)
    assert {sum({A: 1, B: 2}[token] for token in sample.ids.tolist()) for sample in samples} == {8}
    assert {sample.finish_reason for sample in samples} == {"end"}
    for sample in samples:
        streamed = stream(table_model(12), TunesTokenizer(), np.array([END]), sample=sample.number, **options)
        assert ("".join(streamed), streamed.finish_reason) == (sample.text, "end")


def test_the_prompt_counts(table_model):
    (sample,) = generate(
        table_model(12), TunesTokenizer(), np.array([END, B, B, B, A, A, B, A]), length=9, samplers=[GrammarSampler()]
    )
    assert sample.tokens == 0
    assert sample.finish_reason == "end"
