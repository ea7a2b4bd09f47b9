"""A sampler may ask what the model would say further on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from seqgen.core.arrays import on_host
from seqgen.core.errors import PluginError
from seqgen.core.sampler import Sampler, Stage
from seqgen.generation.batch import Branches, Prefix
from seqgen.generation.beam import beam_search
from seqgen.generation.generate import generate, stream


@dataclass(kw_only=True)
class Avoid(Sampler):
    """Leaves only tokens after which the model would not write a letter, as far as there are any."""

    stage = Stage.CONSTRAINT
    letter: str = "e"

    _token: int = field(default=-1, init=False, repr=False)
    _leads: Any = field(default=None, init=False, repr=False)  # (B, V)

    def begin(self, prompt_ids, tokenizer):
        (self._token,) = tokenizer.encode(self.letter)

    def foresee(self, ahead):
        rows, vocab_size = ahead.logits.shape
        every = np.tile(np.arange(vocab_size), rows)
        further = ahead.after(np.repeat(np.arange(rows), vocab_size), every).logits
        self._leads = (further.argmax(axis=1) == self._token).reshape(rows, vocab_size)

    def adjust(self, logits):
        left = np.where(self._leads, np.float32(-np.inf), logits)
        return np.where(np.isfinite(left).any(axis=1, keepdims=True), left, logits)


@dataclass(kw_only=True)
class AsItIs(Sampler):
    """Looks ahead, and leaves the logits as they are."""

    def foresee(self, ahead):
        rows = np.arange(len(ahead.logits))
        ahead.after(rows, rows % 3).after(rows[:1], rows[:1])

    def adjust(self, logits: Any) -> Any:
        return logits


@pytest.fixture(params=["numpy", "torch"])
def model(request, table_model, characters):
    return table_model(characters.vocab_size, request.param)


@pytest.fixture
def asked(model, characters):
    return {
        "model": model,
        "tokenizer": characters,
        "prompt_ids": characters.encode("ab").astype(np.int64),
        "length": 60,
        "random_seed": 3,
        "stop": ["b"],  # so that rows end at different times
        "samplers": [Avoid(letter="e")],
    }


def after(model, ids):
    """What the model says after these ids, read anew."""
    return on_host(Prefix(model, np.asarray(ids)).logits)[0]


def test_what_follows_is_what_the_model_says_after_the_whole_text(model, characters):
    prefix = Prefix(model, characters.encode("abc").astype(np.int64))
    state = {name: np.array(on_host(array)) for name, array in prefix.state.items()}
    ahead = Branches(model, on_host(prefix.logits), prefix.state)
    further = ahead.after(np.array([0, 0, 0]), np.array([4, 5, 4]))
    last = further.after(np.array([2, 1]), np.array([1, 7]))
    start = characters.encode("abc").tolist()
    for found, ids in ((further, ([4], [5], [4])), (last, ([4, 1], [5, 7]))):
        for row, more in zip(found.logits, ids, strict=True):
            np.testing.assert_array_equal(row, after(model, start + more))
    assert ahead.after(np.array([], np.int64), np.array([], np.int64)).logits.shape == (0, characters.vocab_size)
    for name, array in state.items():
        np.testing.assert_array_equal(on_host(prefix.state[name]), array)


def test_each_sample_foresees_its_own_text_whoever_else_is_written(asked, model, characters):
    samples = generate(**asked, num_samples=8, batch_size=3)
    assert len({sample.tokens for sample in samples}) > 2
    start, (token,) = characters.encode("ab").tolist(), characters.encode("e")
    for sample in samples:
        (alone,) = generate(**asked, numbers=[sample.number])
        assert (alone.text, alone.ids.tolist()) == (sample.text, sample.ids.tolist())
        assert "".join(stream(**asked, sample=sample.number)) == sample.text
        for place in range(1, len(sample.ids)):
            assert after(model, [*start, *sample.ids[:place]]).argmax() != token
    freely = generate(**{**asked, "samplers": []}, num_samples=8)
    texts = [[*start, *sample.ids.tolist()] for sample in freely]
    assert any(after(model, text[:place]).argmax() == token for text in texts for place in range(3, len(text)))


def test_a_search_foresees_for_each_text_that_it_keeps(asked, model, characters):
    searched = {name: value for name, value in asked.items() if name != "random_seed"}
    found = beam_search(**searched | {"stop": [], "length": 12}, width=4)
    start, (token,) = characters.encode("ab").tolist(), characters.encode("e")
    for place in range(1, len(found.ids)):
        assert after(model, [*start, *found.ids[:place]]).argmax() != token


@dataclass(kw_only=True)
class Remembering(Avoid):
    """The same, with a hook that lets a search keep one for each text."""

    def accept(self, ids):
        pass


@pytest.mark.parametrize("random_seed", range(12))
def test_what_is_foreseen_for_a_text_of_a_search_holds_for_it_alone(table_model, characters, random_seed):
    table = np.random.default_rng(random_seed).normal(scale=2.0, size=(13, 13))
    options = {"prompt_ids": characters.encode("ab").astype(np.int64), "width": 4, "length": 12}
    found = [
        beam_search(table_model(table), characters, samplers=[sampler], **options)
        for sampler in (Avoid(), Remembering())
    ]
    assert found[0].ids.tolist() == found[1].ids.tolist()


def test_looking_ahead_changes_no_text(asked):
    plain = generate(**asked | {"samplers": []}, num_samples=5)
    looked = generate(**asked | {"samplers": [AsItIs()]}, num_samples=5)
    assert [sample.text for sample in looked] == [sample.text for sample in plain]


def test_where_no_sampler_looks_ahead_the_model_takes_no_step_for_it(asked, model):
    generate(**asked | {"samplers": [], "stop": []}, num_samples=4)
    assert len(model.batch_sizes) == len(asked["prompt_ids"]) + asked["length"] - 1


@pytest.mark.parametrize(
    ("rows", "ids", "sentence"),
    [
        ([1], [0], "asked for rows [1], but they must be whole numbers from 0 to 0"),
        ([-1], [0], "asked for rows [-1], but"),
        ([0.0], [0], "asked for rows [0.0], but"),
        ([0], [10**6], "asked for ids [1000000], but they must be whole numbers from 0 to"),
    ],
)
def test_it_may_ask_for_rows_and_ids_that_there_are_and_may_not_change_what_it_is_told(model, rows, ids, sentence):
    prefix = Prefix(model, np.array([1, 2]))
    ahead = Branches(model, on_host(prefix.logits), prefix.state)
    with pytest.raises(PluginError) as error:
        ahead.after(rows, ids)
    assert sentence in str(error.value)
    for each in (ahead, ahead.after([0], [1])):
        with pytest.raises(ValueError, match="read-only"):
            each.logits[:] = 0
    assert on_host(prefix.logits).flags.writeable
