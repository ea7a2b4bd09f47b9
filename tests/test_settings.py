"""Options come from the call, the environment, a file, a preset and the defaults, in this order."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

from seqgen import settings
from seqgen.core.errors import OptionError, SeqgenWarning
from seqgen.training.options import PRESETS, TrainingOptions, read_duration


def resolve(given, *, file=None, preset=None, environment=None):
    return settings.resolve(
        TrainingOptions, given, config_file=file, presets=PRESETS, preset=preset, environment=environment
    )


def test_the_nearer_place_wins_and_each_origin_is_kept(tmp_path, monkeypatch):
    file = tmp_path / "train.toml"
    file.write_text("hidden-size = 64\nseq_len = 32\nbatch_size = 8\nlearning_rate = 0.5\n")
    monkeypatch.setenv("SEQGEN_SEQ_LEN", "48")
    monkeypatch.setenv("SEQGEN_BATCH_SIZE", "9")
    values, origins = resolve({"batch_size": "10"}, file=file, preset="small")
    names = ("batch_size", "seq_len", "hidden_size", "embedding_size", "optimizer")
    assert [(values[name], origins[name]) for name in names] == [
        (10, "command line"),
        (48, "environment"),
        (64, str(file)),
        (32, "preset small"),
        ("adamw", "default"),
    ]


@pytest.mark.parametrize(
    "name", ["default", "environment", "command line", "chosen", "resume", "preset small", "corpus ice", "model sea"]
)
def test_a_file_that_is_called_like_another_origin_is_told_from_it(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    Path(name).write_text('hidden_size = 64\ntokenizer = "word"\n')
    values, origins = resolve({}, file=Path(name))
    assert (values["hidden_size"], origins["hidden_size"], origins["tokenizer"]) == (64, f"./{name}", f"./{name}")
    Path(name).write_text("dropout = 2\n")
    with pytest.raises(OptionError, match=rf"^train \(\./{name}\): dropout is 2, but must be "):
        resolve({}, file=Path(name))


def test_a_file_of_any_other_name_is_its_own_origin(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("default.toml").write_text("hidden_size = 64\n")
    assert resolve({}, file=Path("default.toml"))[1]["hidden_size"] == "default.toml"


def test_the_preset_may_stand_in_the_file_or_the_environment(tmp_path, monkeypatch):
    file = tmp_path / "train.toml"
    file.write_text('preset = "tutorial"\n')
    assert resolve({}, file=file)[0]["input_encoding"] == "scalar"
    monkeypatch.setenv("SEQGEN_PRESET", "small")
    assert resolve({}, file=file)[0]["hidden_size"] == 256


def test_a_wrong_value_says_from_where_it_came(tmp_path, monkeypatch):
    monkeypatch.setenv("SEQGEN_DROPOUT", "2")
    with pytest.raises(OptionError, match=r"train \(SEQGEN_DROPOUT in the environment\): dropout is 2, but must be "):
        resolve({})


def test_a_variable_that_is_empty_says_nothing_as_where_a_container_hands_on_one_that_nobody_set(monkeypatch):
    for name in ("SEQGEN_DEVICE", "SEQGEN_HIDDEN_SIZE", "SEQGEN_DETERMINISTIC"):
        monkeypatch.setenv(name, "")
    values, origins = resolve({})
    assert values["device"] == "auto"
    assert {origins[name] for name in ("device", "hidden_size", "deterministic")} == {"default"}


@pytest.mark.parametrize("content", ["hidden_size = ", "\xff", "[a"])
def test_a_file_that_is_not_toml_is_a_sentence(tmp_path, content):
    file = tmp_path / "train.toml"
    file.write_text(content, "latin-1")
    with pytest.raises(OptionError, match=r"train\.toml cannot be read"):
        resolve({}, file=file)


def test_a_missing_file_and_an_unknown_preset_are_sentences(tmp_path):
    with pytest.raises(OptionError, match="does not exist"):
        resolve({}, file=tmp_path / "absent.toml")
    with pytest.raises(OptionError, match='No preset "huge".  There are: default, small, large, tutorial'):
        resolve({}, preset="huge")


@pytest.mark.parametrize("written", ['["small"]', "3", "{}", "false", '"huge"'])
def test_a_preset_in_a_file_that_is_none_is_told_with_the_file(tmp_path, written):
    file = tmp_path / "train.toml"
    file.write_text(f"preset = {written}\n")
    with pytest.raises(OptionError, match=r'No preset ".*" \(.*train\.toml\)\.  There are: default, '):
        resolve({}, file=file)


def test_a_preset_in_the_environment_that_is_none_is_told_with_its_variable(monkeypatch):
    monkeypatch.setenv("SEQGEN_PRESET", "huge")
    with pytest.raises(OptionError, match=r'No preset "huge" \(SEQGEN_PRESET in the environment\)\.  There are: '):
        resolve({})
    monkeypatch.setenv("SEQGEN_PRESET", "")
    assert resolve({})[1]["hidden_size"] == "default"


def test_every_preset_is_made_of_options_that_are_allowed():
    for name in PRESETS:
        values, _ = resolve({}, preset=name)
        assert values["tokenizer"].startswith("char")


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("90s", 90), ("5m", 300), ("1h30m", 5400), ("0.5h", 1800), ("1d", 86400)]
)
def test_durations_are_read_as_people_write_them(text, seconds):
    assert read_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "m", "5x", "-3", "1h 30m", "five"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(ValueError, match="is not a duration"):
        read_duration(text)


def test_a_file_that_begins_with_the_mark_of_editors_of_windows_is_read(tmp_path):
    file = tmp_path / "train.toml"
    file.write_text("hidden-size = 64\n", "utf-8-sig")
    assert resolve({}, file=file)[0]["hidden_size"] == 64


def test_a_file_that_is_nested_too_deeply_is_a_sentence(tmp_path):
    file = tmp_path / "train.toml"
    file.write_text("a=" + "[" * 3000)
    with pytest.raises(OptionError, match=r"train\.toml cannot be read: something in it is nested too deeply\.$"):
        resolve({}, file=file)


def test_an_option_that_a_file_gives_twice_is_refused(tmp_path):
    file = tmp_path / "train.toml"
    file.write_text("max-steps = 3\nmax_steps = 4\n")
    with pytest.raises(OptionError, match="gives max_steps twice, as max-steps and as max_steps.  Leave one out."):
        resolve({}, file=file)


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("SEQGEN_HIDEN_SIZE", "SEQGEN_HIDDEN_SIZE"),
        ("SEQGEN_PRESETS", "SEQGEN_PRESET"),
        ("SEQGEN_DISABLE_PLUGIN", "SEQGEN_DISABLE_PLUGINS"),
        ("SEQGEN_MAX-STEPS", "SEQGEN_MAX_STEPS"),
        ("SEQGEN_hiden_size", "SEQGEN_HIDDEN_SIZE"),
    ],
)
def test_a_variable_whose_name_is_misspelt_is_told_with_the_nearest(monkeypatch, variable, meant):
    monkeypatch.setenv(variable, "3")
    with pytest.warns(SeqgenWarning, match=f"^{variable} in the environment sets nothing.  Nearest: {meant}$"):
        resolve({})


def test_variables_that_somebody_else_reads_or_that_are_empty_are_not_told(monkeypatch):
    for name in ("HOME", "NO_PLUGINS", "DISABLE_PLUGINS", "PRESET", "HIDDEN_SIZE"):
        monkeypatch.setenv(f"SEQGEN_{name}", {"PRESET": "small", "HIDDEN_SIZE": "8"}.get(name, "0"))
    for name in ("SOUNDFONT", "CORPUS", "DEBUG", "MODEL", "API_KEY"):  # a plugin's, or a person's own
        monkeypatch.setenv(f"SEQGEN_{name}", "x")
    monkeypatch.setenv("SEQGEN_HIDEN_SIZE", "")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert resolve({})[0]["hidden_size"] == 8


def test_another_environment_counts_instead_of_that_of_the_process_also_for_what_is_misspelt(monkeypatch):
    for name, text in {"HIDDEN_SIZE": "5", "SEQ_LEN": "6", "HIDEN_SIZE": "3", "PRESET": "tutorial"}.items():
        monkeypatch.setenv(f"SEQGEN_{name}", text)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        values, origins = resolve({}, environment={"SEQGEN_HIDDEN_SIZE": "7"})
    assert (values["hidden_size"], origins["hidden_size"]) == (7, "environment")
    assert (origins["seq_len"], values["batching"]) == ("default", None)


def test_the_variables_that_set_some_options_are_told_from_all_others():
    environment = {"SEQGEN_DEVICE": "cpu", "SEQGEN_GRAD_CLIP": "1", "SEQGEN_PRESET": "small", "DEVICE": "cuda"}
    assert settings.variables_that_set(["device", "keep"], environment) == {"SEQGEN_DEVICE": "cpu"}
