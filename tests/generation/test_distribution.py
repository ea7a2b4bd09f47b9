"""What is drawn is distributed as the chain says (Pearson's chi-square; random seeds are fixed)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest

from seqgen.generation.chain import Chain
from seqgen.generation.draw import RandomStreams, draw
from seqgen.generation.generate import generate, stream
from seqgen.samplers.dry import Dry
from seqgen.samplers.grammar import GrammarSampler
from seqgen.samplers.greedy import Greedy
from seqgen.samplers.logit_bias import LogitBias
from seqgen.samplers.min_p import MinP
from seqgen.samplers.mirostat import Mirostat
from seqgen.samplers.no_repeat_ngram import NoRepeatNgram
from seqgen.samplers.regex import Regex
from seqgen.samplers.repetition_penalty import RepetitionPenalty
from seqgen.samplers.temperature import Temperature
from seqgen.samplers.top_k import TopK
from seqgen.samplers.top_p import TopP
from seqgen.samplers.typical import Typical
from seqgen.testing.letters import LettersTokenizer
from seqgen.tokenizers.char import CharTokenizer

PROBABILITIES = np.array([0.02, 0.25, 0.08, 0.3, 0.0, 0.1, 0.2, 0.05])
with np.errstate(divide="ignore"):
    LOGITS = np.log(PROBABILITIES).astype(np.float32)[None]


def critical_value(degrees_of_freedom, deviations=3.9):
    """Chi-square exceeded as seldom as a normal variable exceeds so many deviations (Wilson and Hilferty 1931).

    3.9 deviations: right code exceeds it once in 20,000 times.
    """
    scale = 2 / (9 * degrees_of_freedom)
    return degrees_of_freedom * (1 - scale + deviations * math.sqrt(scale)) ** 3


def assert_distributed(ids, probabilities):
    """The ids follow these probabilities, and those of probability 0 do not occur."""
    probabilities = np.asarray(probabilities, float) / np.sum(probabilities)
    counts = np.bincount(ids, minlength=len(probabilities))
    possible = probabilities > 0
    assert counts[~possible].sum() == 0
    expected = probabilities[possible] * len(ids)
    assert expected.min() > 5
    statistic = ((counts[possible] - expected) ** 2 / expected).sum()
    assert statistic < critical_value(possible.sum() - 1) if possible.sum() > 1 else statistic == 0


def only(*tokens):
    return np.where(np.isin(np.arange(8), tokens), PROBABILITIES, 0)


def test_the_critical_value_is_that_of_the_tables():
    # The usual tables give the value that is exceeded once in 1,000 times, 3.0902 deviations.
    assert critical_value(7, 3.0902) == pytest.approx(24.322, rel=0.01)
    assert critical_value(12, 3.0902) == pytest.approx(32.909, rel=0.01)


def test_the_check_refuses_what_is_a_little_off():
    ids = np.random.default_rng(0).choice(8, size=20_000, p=PROBABILITIES)
    assert_distributed(ids, PROBABILITIES)
    with pytest.raises(AssertionError):
        assert_distributed(ids, PROBABILITIES + np.array([0, 0.015, 0, -0.015, 0, 0, 0, 0]))


@pytest.mark.parametrize(
    ("samplers", "probabilities"),
    [
        ([], PROBABILITIES),
        ([Temperature(temperature=0.5)], PROBABILITIES**2),
        ([Temperature(temperature=2)], PROBABILITIES**0.5),
        ([TopK(k=3)], only(3, 1, 6)),
        ([TopP(p=0.8)], only(3, 1, 6, 5)),
        ([MinP(p=0.3)], only(3, 1, 6, 5)),
        ([Typical(p=0.5)], only(6, 1, 3)),
        ([TopP(p=0.8), Temperature(temperature=0.5), TopK(k=5)], only(3, 1, 6) ** 2),
    ],
    ids=str,
)
@pytest.mark.parametrize("one_stream", [True, False], ids=["along a stream", "across sequences"])
def test_draws_follow_the_chain(samplers, probabilities, one_stream):
    count = 4_000
    adjusted = Chain(samplers).adjust(LOGITS)
    if one_stream:
        streams = RandomStreams(2024, [0])
        ids = np.concatenate([draw(adjusted, streams.next()) for _ in range(count)])
    else:
        ids = draw(np.repeat(adjusted, count, axis=0), RandomStreams(2024, range(count)).next())
    assert_distributed(ids, probabilities)


def test_a_generated_text_follows_the_model(table_model, characters):
    table = np.random.default_rng(5).normal(size=(13, 13)).astype(np.float32)
    model = table_model(table)
    model.slopes = np.zeros(13, np.float32)  # a plain bigram model
    written = stream(model, characters, np.array([3]), length=20_000, random_seed=1)
    ids = np.array([token.id for token in written.steps(alternatives=0)])
    weights = np.exp(table.astype(np.float64))
    for token in range(3):
        assert_distributed(ids[1:][ids[:-1] == token], weights[token])


def test_samples_of_one_prompt_follow_the_model(table_model, characters):
    table = np.random.default_rng(5).normal(size=(13, 13)).astype(np.float32)
    model = table_model(table)
    model.slopes = np.zeros(13, np.float32)
    samples = generate(model, characters, np.array([3]), length=1, num_samples=3000, batch_size=1000, random_seed=8)
    assert_distributed([sample.ids[0] for sample in samples], np.exp(table[3].astype(np.float64)))


WEIGHTS = np.exp(np.random.default_rng(5).normal(size=(13, 13)).astype(np.float32).astype(np.float64))[3]
PENALISED = np.where(np.arange(13) == 3, np.minimum(WEIGHTS**2, WEIGHTS**0.5), WEIGHTS)  # the prompt is token 3

LETTER_E = CharTokenizer().fit(["abcdefghij \n"]).encode("e")[0]


def likeliest(weights, count):
    return np.where(np.isin(np.arange(13), np.argsort(-weights)[:count]), weights, 0)


def nucleus(weights, share):
    ordered = np.sort(weights)[::-1].cumsum() / weights.sum()
    return likeliest(weights, int((ordered < share).sum()) + 1)


def surprise(weights):
    with np.errstate(divide="ignore"):
        return -np.log2(weights / weights.sum())


def typical(weights, share):
    expected = (weights / weights.sum() * surprise(weights)).sum()
    order = np.argsort(abs(surprise(weights) - expected))
    count = int((weights[order].cumsum() / weights.sum() < share).sum()) + 1
    return np.where(np.isin(np.arange(13), order[:count]), weights, 0)


def unsurprising(weights, bits):
    return np.where(surprise(weights) <= bits, weights, 0)


@pytest.mark.parametrize(
    ("samplers", "weights"),
    [
        ([Temperature(temperature=0.7)], WEIGHTS ** (1 / 0.7)),
        ([TopK(k=4)], likeliest(WEIGHTS, 4)),
        ([TopP(p=0.8)], nucleus(WEIGHTS, 0.8)),
        ([MinP(p=0.2)], np.where(0.2 * WEIGHTS.max() <= WEIGHTS, WEIGHTS, 0)),
        ([Greedy()], likeliest(WEIGHTS, 1)),
        ([Typical(p=0.6)], typical(WEIGHTS, 0.6)),
        ([LogitBias(bias="e=1.5")], np.where(np.arange(13) == LETTER_E, WEIGHTS * np.exp(1.5), WEIGHTS)),
        ([Mirostat(tau=1.6)], unsurprising(WEIGHTS, 3.2)),
        ([Mirostat(tau=1.6), Temperature(temperature=1.5)], unsurprising(WEIGHTS ** (1 / 1.5), 3.2)),
        ([RepetitionPenalty(penalty=2)], PENALISED),
        ([NoRepeatNgram(size=1)], np.where(np.arange(13) == 3, 0, WEIGHTS)),
        ([TopP(p=0.8), Temperature(temperature=0.7)], nucleus(WEIGHTS ** (1 / 0.7), 0.8)),
        ([RepetitionPenalty(penalty=2), TopK(k=4)], likeliest(PENALISED, 4)),
        (
            [MinP(p=0.2), Temperature(temperature=2)],
            np.where(0.2 * WEIGHTS.max() ** 0.5 <= WEIGHTS**0.5, WEIGHTS**0.5, 0),
        ),
    ],
    ids=str,
)
def test_generated_samples_follow_the_chain(table_model, characters, samplers, weights):
    model = table_model(np.log(np.tile(WEIGHTS, (13, 1))))
    model.slopes = np.zeros(13, np.float32)
    options = {"length": 1, "num_samples": 4000, "batch_size": 1000, "random_seed": 8}
    samples = generate(model, characters, np.array([3]), samplers=samplers, **options)
    assert_distributed([sample.ids[0] for sample in samples], weights)


def test_generated_samples_repeat_as_seldom_as_dry_says(table_model, characters):
    model = table_model(np.log(np.tile(WEIGHTS, (13, 1))))
    model.slopes = np.zeros(13, np.float32)
    samplers = [Dry(multiplier=0.25, base=2, allowed_length=1)]
    options = {"length": 1, "num_samples": 4000, "batch_size": 1000, "random_seed": 8}
    samples = generate(model, characters, np.array([3, 5, 3, 5, 3]), samplers=samplers, **options)
    # 5 would go on with the three tokens "3 5 3": 0.25 * 2 ** (3 - 1) nats.
    weights = np.where(np.arange(13) == 5, WEIGHTS * np.exp(-1), WEIGHTS)
    assert_distributed([sample.ids[0] for sample in samples], weights)


def assert_texts_distributed(texts, probabilities):
    """The texts follow these probabilities, and no others occur."""
    names = sorted(probabilities)
    assert set(texts) <= set(names)
    assert_distributed([names.index(text) for text in texts], [probabilities[name] for name in names])


def test_whole_texts_follow_the_model_within_the_pattern(table_model, characters):
    weight = {symbol: WEIGHTS[characters.encode(symbol)[0]] for symbol in "abcd"}
    end = WEIGHTS[characters.end_id]
    model = table_model(np.log(np.tile(WEIGHTS, (13, 1))))
    model.slopes = np.zeros(13, np.float32)
    options = {"length": 9, "num_samples": 4000, "batch_size": 1000, "random_seed": 8, "end_id": characters.end_id}
    samples = generate(model, characters, np.array([3]), samplers=[Regex(pattern="(ab|c)d?")], **options)
    begins = {"ab": weight["a"] / (weight["a"] + weight["c"]), "c": weight["c"] / (weight["a"] + weight["c"])}
    goes_on = weight["d"] / (weight["d"] + end)
    expected = {text: share * (1 - goes_on) for text, share in begins.items()}
    expected |= {text + "d": share * goes_on for text, share in begins.items()}
    assert_texts_distributed([sample.text for sample in samples], expected)


@dataclass(frozen=True)
class PairsTokenizer(LettersTokenizer):
    """Letters come in pairs of equals, and a text has at most two pairs."""

    size: int = 4

    @property
    def end_id(self):
        return 3

    def grammar(self):
        return Pairs()


class Pairs:
    start = ()

    def allowed(self, state):
        if len(state) == 4:
            return np.zeros(4, bool)
        return np.array([len(state) % 2 == 0 or state[-1] == token for token in range(3)] + [False])

    def next(self, state, token):
        return (*state, token)[:4]

    def may_end(self, state):
        return len(state) % 2 == 0


def test_whole_texts_follow_the_model_within_the_grammar(table_model):
    weights = np.array([0.4, 0.2, 0.25, 0.15])  # three letters and the end
    model = table_model(np.log(np.tile(weights, (4, 1))))
    model.slopes = np.zeros(4, np.float32)
    tokenizer = PairsTokenizer()
    options = {"length": 9, "num_samples": 4000, "batch_size": 1000, "random_seed": 8, "end_id": 3}
    samples = generate(model, tokenizer, np.array([3]), samplers=[GrammarSampler()], **options)
    pairs = [tokenizer.decode(np.array([token, token])) for token in range(3)]
    expected = {"": weights[3]}
    expected |= {pair: weight * weights[3] for pair, weight in zip(pairs, weights, strict=False)}
    expected |= {one + other: weights[i] * weights[j] for i, one in enumerate(pairs) for j, other in enumerate(pairs)}
    assert sum(expected.values()) == pytest.approx(1)
    assert_texts_distributed([sample.text for sample in samples], expected)
