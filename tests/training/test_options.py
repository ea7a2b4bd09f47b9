"""The options of a run: each stands in one panel, and each preset is made of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqgen.core.errors import OptionError
from seqgen.core.options import checked, options_of
from seqgen.training.options import PANELS, PRESETS, TrainingOptions, read_duration, unused


def test_every_option_stands_in_one_panel():
    listed = [name for names in PANELS.values() for name in names]
    assert listed == [option.name for option in options_of(TrainingOptions)]


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_is_made_of_options_with_values_that_are_allowed(preset):
    assert checked(TrainingOptions, PRESETS[preset], where="preset") == PRESETS[preset]


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_says_nothing_that_it_has_no_use_for_itself(preset):
    assert not PRESETS[preset].keys() & unused(PRESETS[preset])


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ({}, set()),
        ({"optimizer": "adam"}, {"weight_decay"}),
        ({"optimizer": "rmsprop", "weight_decay": 0.1}, {"weight_decay"}),
        ({"optimizer": "sgd", "input_encoding": "scalar"}, {"weight_decay", "beta_2", "embedding_size"}),
    ],
)
def test_what_changes_nothing_is_known_by_what_else_is_chosen(values, names):
    assert unused(values) == names


@pytest.mark.parametrize("name", ["hidden_size", "embedding_size"])
def test_a_size_beyond_any_machine_is_refused_in_a_sentence(name):
    with pytest.raises(OptionError, match=f"train: {name} is 10000000000, but must be .* at least 1 and at most 65536"):
        checked(TrainingOptions, {name: "10000000000"}, where="train")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("1.5", 1.5), ("90s", 90), ("5m", 300), ("1h30m", 5400), ("0.5h", 1800), ("1d", 86400), (" 2m ", 120)],
)
def test_a_duration_is_a_number_of_seconds_or_of_units(text, seconds):
    assert read_duration(text) == seconds
    assert checked(TrainingOptions, {"max_time": text}, where="train") == {"max_time": seconds}


@given(st.integers(0, 99), st.integers(0, 59), st.integers(0, 59))
def test_units_add_up(hours, minutes, seconds):
    assert read_duration(f"{hours}h{minutes}m{seconds}s") == 3600 * hours + 60 * minutes + seconds


@pytest.mark.parametrize("text", ["", "m", "5x", "-5m", "1m30", "5 m", "1e3", "nan", "0s"])
def test_anything_else_is_no_duration(text):
    with pytest.raises(OptionError, match="must be a duration above 0, such as 90s, 5m or 1h30m"):
        checked(TrainingOptions, {"max_time": text}, where="train")


@pytest.mark.parametrize(("value", "read"), [("epoch", "epoch"), ("12", 12), (12, 12), (None, None)])
def test_it_evaluates_every_so_many_updates_or_after_each_epoch(value, read):
    assert checked(TrainingOptions, {"eval_every": value}, where="train") == {"eval_every": read}


@pytest.mark.parametrize("value", ["step", "0", 0, 1.5])
def test_or_it_says_what_else_is_allowed(value):
    with pytest.raises(OptionError, match="but must be a whole number at least 1 or epoch"):
        checked(TrainingOptions, {"eval_every": value}, where="train")
