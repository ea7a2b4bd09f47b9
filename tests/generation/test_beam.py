from __future__ import annotations

import itertools
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqgen.core.arrays import log_probabilities
from seqgen.core.errors import GenerationError, OptionError, PluginError
from seqgen.core.sampler import Sampler, Stage
from seqgen.generation.beam import beam_search
from seqgen.generation.generate import generate
from seqgen.generation.writer import Writer
from seqgen.samplers.greedy import Greedy
from seqgen.samplers.no_repeat_ngram import NoRepeatNgram
from seqgen.samplers.regex import Regex
from seqgen.samplers.repetition_penalty import RepetitionPenalty
from seqgen.testing.letters import LettersTokenizer
from seqgen.tokenizers.bpe import BpeTokenizer

LETTERS = LettersTokenizer(4)
"""a, b, c, and d, which serves as the end token where one is named."""

PROMPT = np.array([1])


def score(model, ids):
    """The model's log-probability of these ids after the prompt."""
    logits, state = model.prefill(PROMPT[None], model.initial_state(1))
    total = 0.0
    for token in ids:
        total += log_probabilities(logits, np.array([token]))[0]
        logits, state = model.next_logits(np.array([token]), state)
    return total


def all_texts(length, **options):
    """Every sequence of ids that ends: at the length, a stop text or the end token."""
    for ids in itertools.product(range(4), repeat=length):
        writer = Writer(LETTERS, length=length, **options)
        for count, token in enumerate(ids, 1):
            writer.take(token)
            if writer.finish_reason is not None:
                if not any(ids[count:]):  # each beginning once
                    yield ids[:count]
                break


def exhaustive(model, length, allowed=bool, **options):
    return max(filter(allowed, all_texts(length, **options)), key=lambda ids: score(model, ids))


def runs_once(size):
    def allowed(ids):
        ids = [*PROMPT.tolist(), *ids]
        runs = [tuple(ids[i : i + size]) for i in range(len(ids) - size + 1)]
        return len(runs) == len(set(runs))

    return allowed


@pytest.fixture
def model(table_model):
    return table_model(13)


@pytest.mark.parametrize("random_seed", range(4))
@pytest.mark.parametrize(
    "options", [{}, {"end_id": 3}, {"stop": ["ab", "cca"]}, {"end_id": 3, "stop": ["ba"]}], ids=str
)  # fmt: skip
def test_a_beam_wide_enough_finds_the_best_of_all_texts(table_model, random_seed, options):
    table = np.random.default_rng(random_seed).normal(scale=1.0, size=(4, 4)).astype(np.float32)
    model = table_model(table)
    best = exhaustive(model, 5, **options)
    found = beam_search(model, LETTERS, PROMPT, width=4**5, length=5, **options)
    assert found.ids.tolist() == list(best)
    assert found.log_probability == pytest.approx(score(model, best))


@pytest.mark.parametrize("random_seed", range(4))
def test_so_it_does_under_a_constraint_which_remembers_each_text(table_model, random_seed):
    model = table_model(np.random.default_rng(random_seed).normal(scale=2.0, size=(4, 4)).astype(np.float32))
    best = exhaustive(model, 5, runs_once(2))
    found = beam_search(model, LETTERS, PROMPT, width=4**5, length=5, samplers=[NoRepeatNgram(size=2)])
    assert found.ids.tolist() == list(best)
    assert found.log_probability == pytest.approx(score(model, best))


def test_it_finds_what_is_missed_by_always_taking_the_likeliest_token(table_model):
    table = np.log(np.array([[0.4, 0.6, 0, 0], [0.5, 0.5, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]) + 1e-9)
    table[1] = np.log([0.45, 1e-9, 0.55, 1e-9])  # the prompt, b: c is likelier at once
    table[2] = np.log([0.25] * 4)  # but leads to nothing in particular
    table[0] = np.log([0.97, 0.01, 0.01, 0.01])
    model = table_model(table)
    model.slopes = np.zeros(4, np.float32)
    assert beam_search(model, LETTERS, PROMPT, width=1, length=3).text.startswith("c")
    found = beam_search(model, LETTERS, PROMPT, width=2, length=3)
    assert found.text == "aaa"
    assert found.log_probability == pytest.approx(np.log(0.45 * 0.97 * 0.97), rel=1e-5)


def test_a_beam_of_one_takes_the_likeliest_token_each_time(model, characters):
    options = {"length": 40, "end_id": characters.end_id, "samplers": [RepetitionPenalty(penalty=1.4, window=8)]}
    found = beam_search(model, characters, PROMPT, width=1, **options)
    options["samplers"].append(Greedy())
    (greedy,) = generate(model, characters, PROMPT, log_probabilities=True, **options)
    assert (found.text, found.finish_reason) == (greedy.text, greedy.finish_reason)
    assert found.log_probability == pytest.approx(greedy.log_probability)


def test_a_text_is_these_characters(model, characters):
    found = beam_search(model, characters, PROMPT, width=4, length=20, samplers=[NoRepeatNgram(size=2)])
    assert found.text == "ggihcifiejehbh jjg"


def test_it_is_the_same_each_time_and_in_torch(model, table_model, characters):
    options = {"width": 5, "length": 25, "samplers": [NoRepeatNgram(size=3)]}
    texts = {beam_search(one, characters, PROMPT, **options).text for one in (model, model, table_model(13, "torch"))}
    assert len(texts) == 1


@given(width=st.integers(1, 9), length=st.integers(1, 12))
def test_the_model_goes_on_with_no_more_texts_than_the_beam_is_wide(table_model, width, length):
    model = table_model(4)
    found = beam_search(model, LETTERS, PROMPT, width=width, length=length, end_id=3)
    assert max(model.batch_sizes) <= width
    assert len(model.batch_sizes) <= length  # the prompt, and each token but the last
    assert found.log_probability == pytest.approx(score(table_model(4), found.ids))


def test_among_equals_the_smaller_id_stays(table_model):
    model = table_model(np.zeros((4, 4)))
    model.slopes = np.zeros(4, np.float32)
    assert beam_search(model, LETTERS, PROMPT, width=3, length=5).text == "aaaaa"


def test_a_length_in_characters_and_text_of_several_bytes(table_model):
    tokenizer = BpeTokenizer(vocab_size=262).fit(["é→é→"])
    model = table_model(tokenizer.vocab_size)
    found = beam_search(model, tokenizer, PROMPT, width=3, length=None, characters=6)
    assert (len(found.text), found.finish_reason) == (6, "length")


class Counted(LettersTokenizer):
    """Counts how many tokens are decoded."""

    decoded = 0

    def decoder(self):
        decoder = super().decoder()
        push = decoder.push

        def counted(token):
            self.decoded += 1
            return push(token)

        decoder.push = counted
        return decoder


@pytest.mark.parametrize("end_id", [None, 3])
def test_only_the_text_that_is_given_is_decoded_where_its_tokens_alone_end_it(table_model, end_id):
    """Else each text that branches off would be decoded anew from its first token on, which takes the square of the length."""
    tokenizer = Counted(4)
    table = np.random.default_rng(1).normal(size=(4, 4))
    table[:, 3] = -9
    beam_search(table_model(table), tokenizer, PROMPT, width=4, length=60, end_id=end_id)
    assert tokenizer.decoded == 60


@given(
    random_seed=st.integers(0, 9),
    width=st.integers(1, 6),
    length=st.integers(0, 12),
    has_ends=st.booleans(),
    samplers=st.sampled_from([(), (NoRepeatNgram(size=2),), (Regex(pattern="[abc]{3,5}"),)]),
)
def test_a_stop_text_that_never_comes_changes_nothing(
    table_model, characters, random_seed, width, length, has_ends, samplers
):
    """With a stop text the search decodes each text on the way, and without it none."""
    model = table_model(np.random.default_rng(random_seed).normal(size=(13, 13)))
    options = {"width": width, "length": length, "end_id": characters.end_id if has_ends else None}
    found, decoded = (
        beam_search(model, characters, PROMPT, stop=stop, samplers=samplers, **options) for stop in ((), ["never"])
    )
    assert (found.text, found.ids.tolist(), found.finish_reason, found.log_probability) == (
        decoded.text,
        decoded.ids.tolist(),
        decoded.finish_reason,
        decoded.log_probability,
    )


def test_nothing_to_write_is_an_empty_text(model, characters):
    found = beam_search(model, characters, PROMPT, width=3, length=0)
    assert (found.text, found.tokens, found.finish_reason) == ("", 0, "length")


class Without(Sampler):
    """Takes these tokens away from the text that ends in another."""

    stage = Stage.CONSTRAINT

    def __init__(self, after, tokens):
        self.after, self.tokens = after, tokens

    def begin(self, prompt_ids, tokenizer):
        self.last = prompt_ids[:, -1]

    def adjust(self, logits):
        left = logits.copy()
        for row, token in enumerate(self.last):
            if token == self.after:
                left[row, self.tokens] = -np.inf
        return left

    def accept(self, ids):
        self.last = ids

    def __repr__(self):
        return "Without()"


class Dear(Sampler):
    """Leaves only a token at first, and takes much from it, as a penalty does from what a constraint repeats."""

    stage = Stage.PENALTY

    def __init__(self, taken):
        self.taken = taken

    def begin(self, prompt_ids, tokenizer):
        self.first = True

    def adjust(self, logits):
        if not self.first:
            return logits
        left = np.full_like(logits, -np.inf)
        left[:, 3] = logits[:, 3] - np.float32(self.taken)
        return left

    def accept(self, ids):
        self.first = False


@pytest.mark.parametrize("width", [1, 4])
@pytest.mark.parametrize("taken", [1e30, -1e30])
def test_after_a_large_penalty_the_likelier_text_is_still_the_likelier(model, characters, width, taken):
    found, expected = (
        beam_search(model, characters, PROMPT, width=width, length=20, samplers=[Dear(each)]) for each in (taken, 0)
    )
    assert found.ids.tolist() == expected.ids.tolist()


def test_a_text_that_cannot_go_on_is_left(table_model):
    table = np.zeros((4, 4), np.float32)
    table[:, 2] = 5  # all prefer c, after which nothing may come
    found = beam_search(table_model(table), LETTERS, PROMPT, width=3, length=4, samplers=[Without(2, [0, 1, 2, 3])])
    assert "c" not in found.text[:-1]
    assert found.tokens == 4


def test_a_forbidden_token_is_in_no_text_however_likely_it_is(table_model, characters):
    table = np.zeros((13, 13), np.float32)
    table[:, characters.end_id] = 100
    found = beam_search(table_model(table), characters, PROMPT, width=3, length=6, forbid=[characters.end_id])
    assert (found.tokens, found.finish_reason) == (6, "length")
    assert characters.end_id not in found.ids


def test_a_sampler_that_cannot_be_copied_is_told_by_its_name(model, characters):
    class Locked(Without):
        def begin(self, prompt_ids, tokenizer):
            super().begin(prompt_ids, tokenizer)
            self.lock = threading.Lock()

        def __repr__(self):
            return "Locked()"

    with pytest.raises(PluginError, match=r"^Locked\(\) cannot be copied with what it remembers"):
        beam_search(model, characters, PROMPT, width=2, length=4, samplers=[Locked(0, [1])])


def test_where_no_text_can_go_on_it_says_what_leaves_nothing(model):
    with pytest.raises(GenerationError) as caught:
        beam_search(model, LettersTokenizer(13), PROMPT, width=3, length=4, samplers=[Without(1, range(13))])
    assert str(caught.value) == (
        "Token 1 of sample 0: Without() leaves no token that may be drawn.  Loosen it, or leave it out"
    )


def test_a_model_that_gives_no_numbers_is_told(table_model):
    table = np.zeros((4, 4), np.float32)
    table[3, 2] = np.nan
    with pytest.raises(GenerationError, match=r"Token 2 of sample 0: the model gives .* not a number\."):
        beam_search(table_model(table), LETTERS, PROMPT, width=4, length=4)


def test_where_numpy_raises_for_what_is_too_small_for_its_type_it_finds_the_same(table_model, characters):
    model = table_model(
        np.repeat(20.0 * np.eye(1, 13), 13, axis=0)
    )  # at 0 its memory halves until it is nearly nothing
    expected = beam_search(model, characters, np.array([1]), width=2, length=200)
    with np.errstate(all="raise"):
        assert beam_search(model, characters, np.array([1]), width=2, length=200).text == expected.text


def test_a_width_of_nothing_is_refused(model, characters):
    with pytest.raises(OptionError, match=r"beam is 0, but must be a whole number at least 1\."):
        beam_search(model, characters, PROMPT, width=0, length=4)
