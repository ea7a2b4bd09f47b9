from __future__ import annotations

import numpy as np
import pytest

from seqgen.core.catalog import load_catalog
from seqgen.core.errors import OptionError
from seqgen.samplers.logit_bias import LogitBias
from seqgen.tokenizers.char import CharTokenizer

LETTERS = CharTokenizer().fit(["abc-=, "])


@pytest.fixture(scope="module")
def begun():
    """The sampler after prompts of one length."""

    def begin(bias, *prompts):
        sampler = load_catalog().make("sampler", f"logit-bias:{bias}")
        sampler.begin(np.stack([LETTERS.encode(prompt) for prompt in prompts or ("",)]), LETTERS)
        return sampler

    return begin


def added(sampler, rows=1):
    """What each letter gets, where it is not 0."""
    adjusted = sampler.adjust(np.zeros((rows, LETTERS.vocab_size), np.float32))
    return [{LETTERS.decode([token]): row[token] for token in np.flatnonzero(row)} for row in adjusted]


def drawn(*letters):
    return np.concatenate([LETTERS.encode(letter) for letter in letters])


def test_a_text_of_one_token_gets_its_weight_everywhere(begun):
    assert added(begun("a=2,c=-5")) == [{"a": 2, "c": -5}]


def test_of_a_longer_text_the_last_token_gets_the_weight_where_the_others_have_just_come(begun):
    sampler = begun("cab=-5", "bbbcc")
    assert added(sampler) == [{}]
    sampler.accept(drawn("a"))
    assert added(sampler) == [{"b": -5}]
    sampler.accept(drawn("a"))
    assert added(sampler) == [{}]
    assert added(begun("cab=-5", "ca")) == [{"b": -5}]


def test_weights_for_the_same_token_add_up(begun):
    assert added(begun("a=1,ba=2,cba=4", "cb")) == [{"a": 7}]


@pytest.mark.parametrize(
    ("bias", "expected"),
    [
        (" =1", {" ": 1}),
        (r"\==-2.5", {"=": -2.5}),
        ("-=.5,a=+1e1", {"-": 0.5, "a": 10}),
        (r"\,=3", {",": 3}),
    ],
)
def test_a_text_may_be_a_space_or_a_sign_of_the_notation(begun, bias, expected):
    assert added(begun(bias)) == [expected]


def test_python_gives_it_a_mapping(begun):
    assert LogitBias(bias={"a": 2.0, "cab": -5.0}) == begun("a=2,cab=-5")
    LogitBias().begin(LETTERS.encode("ab")[None], LETTERS)  # no text at all


@pytest.mark.parametrize("bias", ["a=", "a=x", "a=nan", "a=inf", "b=1,a=1=2"])
def test_a_weight_that_is_no_number_is_refused_with_its_text_and_an_example(bias):
    with pytest.raises(OptionError, match="a is .*, but must be a number.  Try --sampler logit-bias:the=2,zebra=-5"):
        load_catalog().make("sampler", f"logit-bias:{bias}")


def test_a_text_that_the_model_cannot_write_is_refused_with_what_it_lacks(begun):
    with pytest.raises(OptionError, match=r"""cannot write the text "cab!": its vocabulary lacks '!'.  Leave it out"""):
        begun("a=1,cab!=2")


def test_what_was_finite_stays_finite_and_what_was_excluded_excluded(begun):
    huge = np.finfo(np.float32).max
    logits = np.full((1, LETTERS.vocab_size), -huge, np.float32)
    logits[0, drawn("a")], logits[0, drawn("b")] = huge, -np.inf
    adjusted = begun("a=1e99,b=1e99,c=-1e99").adjust(logits)
    np.testing.assert_array_equal(adjusted, logits)


def test_rows_remember_each_their_own_and_are_selected_in_order(begun):
    sampler = begun("aab=1", "ca", "ac")
    sampler.select(np.array([1, 0]))
    sampler.accept(drawn("a", "a"))
    assert added(sampler, rows=2) == [{}, {"b": 1}]
