"""What is drawn is distributed as the chain says (Pearson's chi-square; random seeds are fixed)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest

import seqgen
from seqgen.core.catalog import load_catalog
from seqgen.generation.chain import Chain
from seqgen.generation.draw import RandomStreams, draw
from seqgen.generation.generate import generate, stream
from seqgen.samplers.grammar import GrammarSampler
from seqgen.samplers.min_p import MinP
from seqgen.samplers.regex import Regex
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
    """The ids follow these probabilities, and those of probability 0 do not occur; seldom ones are counted together."""
    probabilities = np.asarray(probabilities, float) / np.sum(probabilities)
    counts = np.bincount(ids, minlength=len(probabilities)).astype(float)
    assert counts[probabilities == 0].sum() == 0
    expected = probabilities * len(ids)
    often = expected > 5
    least = np.where(often, expected, np.inf).argmin()
    for each in (counts, expected):
        each[least] += each[~often].sum()
    statistic = ((counts[often] - expected[often]) ** 2 / expected[often]).sum()
    assert statistic < critical_value(often.sum() - 1) if often.sum() > 1 else statistic < 1e-9


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


def likeliest(weights, count):
    return np.where(np.isin(np.arange(len(weights)), np.argsort(-weights)[:count]), weights, 0)


def nucleus(weights, share):
    ordered = np.sort(weights)[::-1].cumsum() / weights.sum()
    return likeliest(weights, int((ordered < share).sum()) + 1)


def at_least(weights, share):
    return np.where(weights >= share * weights.max(), weights, 0)


def surprise(weights):
    with np.errstate(divide="ignore"):
        return -np.log2(weights / weights.sum())  # infinite, where nothing can be drawn


def typical(weights, share):
    some = weights > 0
    expected = (weights[some] / weights.sum() * surprise(weights)[some]).sum()
    order = np.argsort(abs(surprise(weights) - expected))
    count = int((weights[order].cumsum() / weights.sum() < share).sum()) + 1
    return np.where(np.isin(np.arange(len(weights)), order[:count]), weights, 0)


def unsurprising(weights, bits):
    return np.where(surprise(weights) <= bits, weights, 0)


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


# Through the public API, on a trained network that is mixed with n-grams

LETTERS = "abcdefghij"
PROMPT = "abcab"  # in which c followed the two last letters


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A model of letters of which each makes some others likelier."""
    pytest.importorskip("torch")
    folder = tmp_path_factory.mktemp("letters")
    noise, text = np.random.default_rng(0), [0]
    for _ in range(3000):
        text.append(int(abs(noise.normal(0, 2.5)) + text[-1]) % len(LETTERS))
    (folder / "letters.txt").write_text("".join(LETTERS[letter] for letter in text))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEQGEN_HOME", str(folder / "home"))
        sizes = {"hidden_size": 16, "embedding_size": 8, "max_steps": 40, "learning_rate": 0.02, "ngram_order": 3}
        seqgen.train(folder / "letters.txt", backend="torch", precision="float32", progress=False, **sizes)
        return seqgen.load("letters")


def logits_after(model, text):
    """The model's own (V,), in float64, without the token that is never drawn: its corpus was one document."""
    ids = np.asarray(model.tokenizer.encode(text), np.int64)[None]
    logits, _ = model.model.prefill(ids, model.model.initial_state(1))
    logits = logits[0].astype(np.float64)
    logits[model.tokenizer.end_id] = -np.inf
    return logits


def seen_penalised(logits, text, penalty=2.0):
    """Those of the letters of the text less likely by the penalty, and with a part of their lead over chance."""
    seen = np.isin(np.arange(len(logits)), [token_of(letter) for letter in text])
    lead = np.maximum(logits - np.log(np.exp(logits).mean()), 0)
    return np.where(seen, logits - np.log(penalty) - lead * (1 - 1 / penalty), logits)


def token_of(letter):
    return CharTokenizer().fit([LETTERS]).encode(letter)[0]


def raised(logits, letter, nats):
    return np.where(np.arange(len(logits)) == token_of(letter), logits + nats, logits)


def only_letters(weights, letters):
    return np.where(np.isin(np.arange(len(weights)), [token_of(letter) for letter in letters]), weights, 0)


NONE = -np.inf
PUBLIC = [
    # What follows from the documentation alone: temperature 0.8, where none is given; min_p 0.05, where nothing truncates.
    ([], {}, lambda x: at_least(np.exp(x / 0.8), 0.05)),
    (["top-p:p=0.8"], {}, lambda x: nucleus(np.exp(x / 0.8), 0.8)),
    (["temperature:temperature=1.5"], {}, lambda x: np.exp(x / 1.5)),
    (["greedy"], {}, lambda x: likeliest(np.exp(x), 1)),
    (["top-k:k=4"], {"temperature": 1.3}, lambda x: likeliest(np.exp(x / 1.3), 4)),
    (["min-p:p=0.2"], {"temperature": 1.0}, lambda x: at_least(np.exp(x), 0.2)),
    (["typical:p=0.6"], {"temperature": 1.0}, lambda x: typical(np.exp(x), 0.6)),
    (["mirostat:tau=1.4"], {"temperature": 1.0}, lambda x: unsurprising(np.exp(x), 2.8)),
    (["mirostat:tau=1.4"], {"temperature": 1.5}, lambda x: unsurprising(np.exp(x / 1.5), 2.8)),
    (["repetition-penalty:penalty=2"], {"temperature": 1.0}, lambda x: np.exp(seen_penalised(x, PROMPT))),
    (["no-repeat-ngram:size=3"], {"temperature": 1.0}, lambda x: np.exp(raised(x, "c", NONE))),
    # "abc" would go on the run of two that stood before the first c: 0.5 * 2 ** (2 - 1) nats.
    (["dry:multiplier=0.5,base=2,allowed_length=1"], {"temperature": 1.0}, lambda x: np.exp(raised(x, "c", -1))),
    (["logit-bias:d=1.5"], {"temperature": 1.0}, lambda x: np.exp(raised(x, "d", 1.5))),
    (["grammar"], {"temperature": 1.0}, np.exp),  # characters have no grammar of their own; see PairsTokenizer
    (["regex:pattern=[a-e]+"], {"temperature": 1.0}, lambda x: only_letters(np.exp(x), "abcde")),
    (
        ["top-k:k=3", "regex:pattern=[a-e]+", "repetition-penalty:penalty=2"],
        {"temperature": 0.7},
        lambda x: likeliest(only_letters(np.exp(seen_penalised(x, PROMPT) / 0.7), "abcde"), 3),
    ),
    (
        ["top-p:p=0.8", "min-p:p=0.3", "no-repeat-ngram:size=3", "logit-bias:d=1.5"],
        {"temperature": 1.5},
        lambda x: at_least(nucleus(np.exp(raised(raised(x, "d", 1.5), "c", NONE) / 1.5), 0.8), 0.3),
    ),
    (
        [],
        {"temperature": 0.9, "top_k": 5, "top_p": 0.9, "repetition_penalty": 2.0},
        lambda x: nucleus(likeliest(np.exp(seen_penalised(x, PROMPT) / 0.9), 5), 0.9),
    ),
]


def test_every_bundled_sampler_is_drawn_from_through_the_public_api():
    names = {spec.partition(":")[0] for samplers, _, _ in PUBLIC for spec in samplers}
    assert names == {entry.name for entry in load_catalog().entries("sampler")}


@pytest.mark.parametrize(
    ("samplers", "keywords", "law"), PUBLIC, ids=[f"{samplers} {keywords}" for samplers, keywords, _ in PUBLIC]
)
def test_what_a_trained_model_generates_follows_the_law_of_its_logits(trained, samplers, keywords, law):
    options = {"length": 1, "num_samples": 2000, "random_seed": 8}
    texts = trained.generate(PROMPT, samplers=samplers, **keywords, **options)
    assert_distributed([token_of(text) for text in texts], law(logits_after(trained, PROMPT)))


def test_so_does_the_token_after_the_first(trained):
    options = {"length": 2, "num_samples": 2000, "random_seed": 8}
    texts = trained.generate(
        PROMPT, samplers=["regex:pattern=[a-h]+"], repetition_penalty=2, temperature=0.9, top_k=3, **options
    )

    def law(text):
        return likeliest(only_letters(np.exp(seen_penalised(logits_after(trained, text), text) / 0.9), "abcdefgh"), 3)

    expected = {}
    for first in LETTERS:
        share = law(PROMPT)[token_of(first)] / law(PROMPT).sum()
        after = law(PROMPT + first)
        for second in LETTERS:
            if share * after[token_of(second)]:
                expected[first + second] = share * after[token_of(second)] / after.sum()
    assert len(expected) == 9
    assert_texts_distributed(texts, expected)
