"""Where values come from, in words that are written once: what they say, and what is asked of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from seqgen.origins import (
    CHOSEN,
    COMMAND_LINE,
    DEFAULT,
    ENVIRONMENT,
    RESUME,
    SWEEP,
    asked_for,
    in_brackets,
    is_of_model,
    of_backend,
    of_corpus,
    of_file,
    of_model,
    of_preset,
)


def test_the_words_are_those_of_every_config_json_that_there_is():
    assert [*("default", "command line", "environment", "chosen", "sweep", "resume")] == [
        DEFAULT,
        COMMAND_LINE,
        ENVIRONMENT,
        CHOSEN,
        SWEEP,
        RESUME,
    ]
    assert [
        of_preset("small"),
        of_corpus("ice"),
        of_model("novel:3"),
        of_backend("torch"),
        of_file(Path("a.toml")),
    ] == [*("preset small", "corpus ice", "model novel:3", "backend torch", "a.toml")]


@pytest.mark.parametrize(
    "origin", [DEFAULT, COMMAND_LINE, ENVIRONMENT, CHOSEN, SWEEP, RESUME, of_preset("small"), of_model("novel:3")]
)
def test_no_file_is_called_like_another_origin(origin):
    assert of_file(Path(origin)) == f"./{origin}"


def test_nobody_asked_for_a_default_nor_for_what_a_preset_or_the_list_of_corpora_names():
    origins = [DEFAULT, of_preset("small"), of_corpus("ice"), COMMAND_LINE, ENVIRONMENT, SWEEP, of_model("novel:3")]
    assert [asked_for(origin) for origin in origins] == [False, False, False, True, True, True, True]


def test_what_is_of_a_model_is_known_by_its_origin_and_no_file_is_taken_for_one():
    others = [DEFAULT, COMMAND_LINE, of_preset("small"), of_corpus("ice"), of_file(Path("model novel")), "model.toml"]
    assert [is_of_model(origin) for origin in [of_model("novel:3"), *others]] == [True, *[False] * len(others)]


def test_a_message_says_where_a_value_stands_unless_it_has_just_been_typed():
    assert (in_brackets(COMMAND_LINE), in_brackets(ENVIRONMENT)) == ("", " (environment)")
