"""The options of a training while they are chosen one after another: each keeps where its value came from."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest

from seqgen.core.errors import OptionError
from seqgen.training.chosen import resolve_options
from seqgen.training.options import SettledOptions, TrainingOptions


@pytest.fixture
def chosen():
    """What a person gave, and nothing chosen yet."""
    return resolve_options({"hidden_size": 8, "dropout": None}, preset="large", config=None, environment={})


def test_each_option_has_a_value_and_where_it_came_from(chosen):
    given = {"hidden_size": 8, "embedding_size": 128, "num_layers": 2, "dropout": 0.2, "learning_rate": 2e-3}
    assert chosen.options == TrainingOptions(**given)
    assert {name: origin for name, origin in chosen.origins.items() if chosen.given(name)} == {
        "hidden_size": "command line",
        **dict.fromkeys(("embedding_size", "num_layers", "dropout", "learning_rate"), "preset large"),
    }


def test_what_is_given_is_read_from_a_file_and_the_environment_too(tmp_path):
    (tmp_path / "mine.toml").write_text("seq-len = 9")
    where = {"preset": None, "config": str(tmp_path / "mine.toml"), "environment": {"SEQGEN_EPOCHS": "2"}}
    found = resolve_options({}, **where)
    assert (found.options.seq_len, found.options.epochs) == (9, 2.0)
    assert (found.origins["seq_len"], found.origins["epochs"]) == (str(tmp_path / "mine.toml"), "environment")
    with pytest.raises(OptionError, match="The name of the configuration file is empty"):
        resolve_options({}, preset=None, config="")


def test_what_is_taken_comes_from_where_it_is_said_and_what_was_there_before_stays_as_it_was(chosen):
    before = asdict(chosen.options), dict(chosen.origins)
    after = chosen.take("chosen", seq_len=64, dropout=0.5)
    assert (after.options.seq_len, after.options.dropout, after.options.hidden_size) == (64, 0.5, 8)
    assert [after.origins[name] for name in ("seq_len", "dropout", "hidden_size")] == [
        "chosen",
        "chosen",
        "command line",
    ]
    assert (asdict(chosen.options), chosen.origins) == before


def test_what_was_taken_over_from_a_model_is_told_apart_from_what_was_given_or_chosen(chosen):
    after = chosen.take("model novel:3", num_layers=1, dropout=0.0).take("chosen", seq_len=64)
    assert (chosen.inherited, after.inherited) == (frozenset(), {"num_layers", "dropout"})


def test_a_name_that_is_of_no_option_is_a_mistake_at_once(chosen):
    with pytest.raises(TypeError, match="wieght_decay"):
        chosen.take("chosen", wieght_decay=0.1)
    with pytest.raises(KeyError, match="wieght_decay"):
        chosen.given("wieght_decay")


def test_values_stand_in_the_order_of_their_origins_as_a_config_json_has_them(chosen):
    values = chosen.take("chosen", seq_len=64).values
    assert values == {**asdict(chosen.options), "seq_len": 64}
    assert list(values) == list(chosen.origins)
    assert list(values)[:3] == ["hidden_size", "embedding_size", "num_layers"]
    assert json.loads(json.dumps(values)) == values


def test_the_options_of_a_run_are_those_that_were_chosen(chosen):
    taken = chosen.take("chosen", seq_len=64, batch_size=16, batching="stream", backend="torch")
    assert isinstance(taken.settled, SettledOptions)
    assert asdict(taken.settled) == asdict(taken.options)
