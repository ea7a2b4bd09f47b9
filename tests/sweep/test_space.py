"""What is searched, as a person writes it: ranges, and choices of which some are parts with options of their own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqgen.core.errors import OptionError
from seqgen.sweep.plan import duration
from seqgen.sweep.space import Choices, Range, around, combinations, from_json, parse_search
from seqgen.training.options import read_duration


@pytest.mark.parametrize(
    ("text", "dimension"),
    [
        ("hidden-size=128,256,512", Choices("hidden_size", (128, 256, 512))),
        ("hidden_size=128", Choices("hidden_size", (128,))),
        ("hidden-size=64..512", Range("hidden_size", 64, 512)),
        ("learning-rate=1e-3..1e-2", Range("learning_rate", 0.001, 0.01)),
        ("dropout=0.0..0.6", Range("dropout", 0.0, 0.6)),
        ("dropout=0..0.6", Range("dropout", 0.0, 0.6)),
        ("patience=none,3", Choices("patience", (None, 3))),
        ("tie-embeddings=true,false", Choices("tie_embeddings", (True, False))),
        ("architecture=lstm, gru", Choices("architecture", ("lstm", "gru"))),
        ("architecture=lstm,gru,lstm", Choices("architecture", ("lstm", "gru"))),
        ("tokenizer=char, word", Choices("tokenizer", ("char", "word"))),
        ("tokenizer=char | word", Choices("tokenizer", ("char", "word"))),
        ("tokenizer=bpe:vocab_size=512, min_count=2, char", Choices("tokenizer", ("bpe:vocab_size=512, min_count=2", "char"))),
        ("tokenizer=char,bpe:vocab_size=512", Choices("tokenizer", ("char", "bpe:vocab_size=512"))),
        ("tokenizer=bpe:vocab_size=512,min_count=2,char", Choices("tokenizer", ("bpe:vocab_size=512,min_count=2", "char"))),
        ("tokenizer=bpe:vocab_size=512,min_count=2|char", Choices("tokenizer", ("bpe:vocab_size=512,min_count=2", "char"))),
        ("tokenizer=a:x=1\\,2,char", Choices("tokenizer", ("a:x=1\\,2", "char"))),
    ],
)  # fmt: skip
def test_what_is_written_is_what_is_searched(text, dimension):
    assert parse_search([text]) == [dimension]


@pytest.mark.parametrize(
    ("texts", "sentence"),
    [
        (["hidden-size"], '--search "hidden-size" is not OPTION=VALUES.'),
        (["hidden-size="], '--search "hidden-size=" is not OPTION=VALUES.'),
        (["=1,2"], '--search "=1,2" is not OPTION=VALUES.'),
        (["hiden-size=1,2"], 'sweep --search has no option "hiden-size".  Nearest: hidden_size.'),
        (
            ["hidden-size=8,many"],
            "sweep --search: hidden_size is many, but must be a whole number at least 1 and at most 65536.",
        ),
        (
            ["hidden-size=8.5..16"],
            "sweep --search: hidden_size is 8.5, but must be a whole number at least 1 and at most 65536.",
        ),
        (["dropout=0.5..1.5"], "sweep --search: dropout is 1.5, but must be a number at least 0"),
        (["dropout=0.5..0.1"], "--search dropout=0.5..0.1: 0.5 is not below 0.1."),
        (["tokenizer=1..2"], "--search 1..2 is a range, but tokenizer is no number."),
        (["dropout=0.1", "dropout=0.2"], "--search names dropout twice."),
        (["max-time=1m,2m"], "max_time cannot be searched: every trial has the same: --trial-time."),
        (
            ["dataset=text,lines"],
            "dataset cannot be searched: trials are compared on the same held-out text, and another",
        ),
        (["validation-fraction=0.1,0.2"], "validation_fraction cannot be searched: trials are compared by"),
    ],
)
def test_what_cannot_be_searched_is_refused_in_a_sentence(texts, sentence):
    with pytest.raises(OptionError) as refusal:
        parse_search(texts)
    assert str(refusal.value).startswith(sentence)


@given(st.integers(1, 4000), st.integers(1, 4000))
def test_a_range_is_of_whole_numbers_where_the_option_is_and_logarithmic_where_it_is_wide(one, other):
    low, high = sorted((one, other))
    if low < high:
        (dimension,) = parse_search([f"hidden-size={low}..{high}"])
        assert dimension.whole
        assert dimension.logarithmic == (high >= 10 * low)
        (dimension,) = parse_search([f"learning-rate={low}..{high}"])
        assert not dimension.whole
        assert dimension.logarithmic == (high >= 10 * low)


@pytest.mark.parametrize(
    "value",
    [
        5,
        {},
        {"name": "dropout", "low": 0.0},
        {"name": "dropout", "low": 0.5, "high": 0.1},
        {"name": "dropout", "low": None, "high": 0.1},
        {"name": "dropout", "low": 0.1, "high": 1.5},
        {"name": "hidden_size", "values": []},
        {"name": "hidden_size", "values": 8},
        {"name": "hidden_size", "values": [8, 0]},
        {"name": "tokenizer", "values": [5]},
        {"name": "tokenizer", "low": "a", "high": "b"},
        {"name": 5, "values": [8]},
        {"name": "momentum", "values": [8]},
        {"name": "max_time", "values": [8]},
    ],
)
def test_what_a_file_says_that_cannot_be_searched_is_refused(value):
    with pytest.raises(OptionError):
        from_json(value)


@pytest.mark.parametrize(
    ("dimension", "inside", "outside"),
    [
        (Choices("hidden_size", (4, 8)), [4, 8], [6, None, [4]]),
        (Range("hidden_size", 4, 8), [4, 6, 8], [3, 9, None, "6", True]),
    ],
)
def test_it_has_what_can_be_drawn_from_it(dimension, inside, outside):
    assert [each for each in [*inside, *outside] if dimension.has(each)] == inside


def test_a_range_from_zero_is_not_logarithmic():
    assert not parse_search(["warmup-steps=0..1000"])[0].logarithmic


values = st.one_of(
    st.lists(st.sampled_from(["char", "bpe:vocab_size=512", "bpe:vocab_size=512,min_count=2"]), min_size=2, unique=True)
    .map(tuple)
    .map(lambda each: Choices("tokenizer", each)),
    st.lists(st.integers(1, 999), min_size=1, unique=True).map(tuple).map(lambda each: Choices("hidden_size", each)),
    st.tuples(st.integers(1, 99), st.integers(100, 2**16)).map(lambda ends: Range("hidden_size", *ends)),
    st.tuples(st.floats(1e-9, 0.1), st.floats(0.2, 1e9)).map(lambda ends: Range("learning_rate", *ends)),
)


@given(values)
def test_it_is_shown_as_it_could_be_written_and_survives_json(dimension):
    assert parse_search([str(dimension)]) == [dimension]
    assert from_json(dimension.to_json()) == dimension


def test_all_combinations_are_listed_where_they_are_few_and_all_choices():
    space = parse_search(["hidden-size=8,16", "tokenizer=char,byte"])
    assert combinations(space, limit=4) == [
        {"hidden_size": 8, "tokenizer": "char"},
        {"hidden_size": 8, "tokenizer": "byte"},
        {"hidden_size": 16, "tokenizer": "char"},
        {"hidden_size": 16, "tokenizer": "byte"},
    ]
    assert combinations(space, limit=3) is None
    assert combinations(parse_search(["hidden-size=8,16", "dropout=0.1..0.2"]), limit=99) is None


CHOSEN = {"hidden_size": 512, "learning_rate": 4e-3, "dropout": 0.5, "batch_size": 32, "seq_len": 64, "num_layers": 1}


def test_without_a_search_the_space_lies_around_what_is_chosen_and_leaves_out_what_is_settled():
    space, centre = around(CHOSEN, taken=set())
    assert centre == CHOSEN
    for dimension in space:
        if isinstance(dimension, Choices):
            assert CHOSEN[dimension.name] in dimension.values
        else:
            assert dimension.low <= CHOSEN[dimension.name] <= dimension.high
    space, centre = around({**CHOSEN, "dropout": 0.0}, taken=set(CHOSEN) - {"dropout"})
    assert (space, centre) == ([Range("dropout", 0.0, 0.6)], {"dropout": 0.0})


@given(st.integers(1, 999).map(lambda number: number / 10) | st.integers(1, 500_000).map(float))
def test_a_duration_is_written_as_it_is_read(seconds):
    assert read_duration(duration(seconds)) == seconds
