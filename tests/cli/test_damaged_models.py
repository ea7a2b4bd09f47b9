"""Model folders that are incomplete, altered, or made elsewhere: one sentence that says which file, and exit 1."""

from __future__ import annotations

import json
import struct

import pytest

from tests.conftest import sealed


def edit_json(path, change):
    value = json.loads(path.read_text())
    change(value)
    path.write_text(json.dumps(value))


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json", "manifest.json"])
def test_a_missing_file_is_named(refused, novel, name):
    (novel / name).unlink()
    assert refused("generate", exit_code=1) == f"novel:1/{name}: the file is missing."


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json"])
def test_a_truncated_file_is_named_with_its_size(refused, novel, name):
    content = (novel / name).read_bytes()
    (novel / name).write_bytes(content[:-9])
    assert refused("generate", exit_code=1) == (
        f"novel:1/{name}: {len(content) - 9:,} bytes, but {len(content)} were written; the model is damaged.  "
        "Train again, or copy it anew."
    )


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json"])
def test_an_altered_byte_is_found(refused, novel, name):
    content = bytearray((novel / name).read_bytes())
    content[-20] ^= 1
    (novel / name).write_bytes(content)
    assert refused("generate", exit_code=1) == (
        f"novel:1/{name}: its bytes are not those that were written; the model was altered or damaged."
    )


def test_a_manifest_that_is_no_json_is_named(refused, novel):
    (novel / "manifest.json").write_text("{")
    assert refused("generate", exit_code=1).startswith("novel:1/manifest.json: not JSON: ")


def test_a_manifest_of_a_later_format_is_refused_by_all_that_reads_one(seqgen, refused, novel, tmp_path):
    edit_json(novel / "manifest.json", lambda manifest: manifest.update(format_version=99, layout="columns"))
    told = "novel:1/manifest.json: format version 99 is not 1, the one this seqgen reads.  Upgrade seqgen."
    for command in (("generate", "--model", "novel"), ("models", "push", "novel", tmp_path / "remote")):
        assert refused(*command, exit_code=1) == told
    assert json.loads(seqgen("models", "list", "--json").stdout)[0]["damaged"] == told
    outcome = seqgen("models", "verify")
    assert (outcome.exit_code, told in outcome.stdout + outcome.stderr) == (1, True)
    assert not (tmp_path / "remote").exists()


def test_a_header_that_claims_more_than_the_file_has_is_not_believed(refused, novel):
    # The manifest agrees, so only the file itself gives it away.
    path = novel / "model.safetensors"
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    tensor = header["output.bias"]
    tensor["shape"], tensor["data_offsets"] = [10**12], [0, 4 * 10**12]
    lie = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(lie)) + lie + content[8 + length :])
    sealed(novel)
    assert refused("generate", exit_code=1) == (
        f'novel:1/model.safetensors: tensor "output.bias" claims 1,000,000,000,000 numbers in a file of '
        f"{path.stat().st_size:,} bytes; not loaded."
    )


def test_a_header_longer_than_the_file_is_not_believed(refused, novel):
    path = novel / "model.safetensors"
    path.write_bytes(struct.pack("<Q", 2**60) + path.read_bytes()[8:])
    sealed(novel)
    assert "the file is truncated or not safetensors" in refused("generate", exit_code=1)


def test_a_model_whose_plugin_is_not_installed_names_it(refused, novel):
    def of_the_music_plugin(config):
        config["parts"]["tokenizer"] |= {"name": "abc", "distribution": "seqgen-music", "version": "0.2"}

    edit_json(novel / "config.json", of_the_music_plugin)
    sealed(novel)
    for command in (("generate",), ("evaluate", "novel", novel / "README.md"), ("train", "--from", "novel")):
        assert refused(*command, exit_code=1) == (
            'Model novel:1 needs the tokenizer "abc" of seqgen-music 0.2, which is not installed.  pip install seqgen-music'
        )


def test_a_model_whose_plugin_fails_says_how(seqgen, novel, install):
    install("broken", "raise ValueError('no sheet music here')")
    edit_json(novel / "config.json", lambda config: config["parts"]["tokenizer"].update(distribution="broken"))
    sealed(novel)
    outcome = seqgen("generate")
    assert (outcome.exit_code, outcome.stdout) == (1, "")
    assert outcome.stderr.splitlines() == [
        "warning: plugin broken 1.2 is left out: loading failed: ValueError: no sheet music here",
        (
            'error: Model novel:1 needs the tokenizer "char" of broken, which cannot be used: '
            "loading failed: ValueError: no sheet music here"
        ),
    ]


@pytest.mark.parametrize(
    ("arguments", "environment", "why"),
    [
        ((), {"SEQGEN_DISABLE_PLUGINS": "bars"}, "SEQGEN_DISABLE_PLUGINS disables it"),
        (("--no-plugins",), {}, "--no-plugins or SEQGEN_NO_PLUGINS leaves out all plugins"),
        ((), {"SEQGEN_NO_PLUGINS": "1"}, "--no-plugins or SEQGEN_NO_PLUGINS leaves out all plugins"),
    ],
)
def test_a_model_whose_plugin_is_turned_off_says_so_and_not_to_install_it(
    refused, novel, install, monkeypatch, arguments, environment, why
):
    install("bars", "")
    edit_json(novel / "config.json", lambda config: config["parts"]["tokenizer"].update(distribution="bars"))
    sealed(novel)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert refused(*arguments, "generate", exit_code=1) == (
        f'Model novel:1 needs the tokenizer "char" of bars, which cannot be used: {why}'
    )


def test_a_model_whose_dataset_is_not_installed_still_generates(seqgen, refused, novel, corpus):
    edit_json(novel / "config.json", lambda config: config["parts"]["dataset"].update(distribution="seqgen-music"))
    sealed(novel)
    assert seqgen("generate", "--length", 5).exit_code == 0
    assert refused("evaluate", "novel", corpus, exit_code=1).startswith(
        'Model novel:1 needs the dataset "text" of seqgen-music'
    )
    assert seqgen("evaluate", "novel", corpus, "--dataset", "text").exit_code == 0


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda config: config.update(format_version=2), "format version 2 is not 1, the one this seqgen reads."),
        (lambda config: config.update(code="import os"), "unknown key code"),
        (
            lambda config: config["model"].update(hidden_size=0),
            "hidden_size is 0, but must be a whole number at least 1 and at most 65536.",
        ),
        (lambda config: config["model"].update(hidden_size=17), 'tensor "layers.0.input_weight" has shape (64, 8), '),
        (lambda config: config["model"].update(vocab_size=9), " tokens, but the model has 9."),
    ],
    ids=["newer format", "unknown key", "impossible size", "another size", "another vocabulary"],
)
def test_a_configuration_that_does_not_fit_is_told(refused, novel, change, sentence):
    edit_json(novel / "config.json", change)
    sealed(novel)
    assert sentence in refused("generate", exit_code=1)


@pytest.mark.parametrize(
    ("name", "value", "arguments", "sentence"),
    [
        ("batching", None, ("evaluate", "novel", "novel.txt"), "batching is missing."),
        ("seq_len", 0, ("evaluate", "novel", "novel.txt"), "seq_len is 0, but must be a whole number at least 1."),
        ("seq_len", "x", ("evaluate", "novel", "novel.txt"), "seq_len is x, but must be a whole number at least 1."),
        (
            "validation_fraction",
            2,
            ("evaluate", "novel", "--samples", 3),
            "validation_fraction is 2, but must be a number",
        ),
        ("tokenizer", None, ("train", "novel.txt", "--from", "novel", "-q"), "tokenizer is missing."),
    ],
)
def test_options_of_training_that_none_has_are_told(refused, novel, corpus, name, value, arguments, sentence):
    edit_json(novel / "config.json", lambda config: config["training"].update({name: value}))
    sealed(novel)
    told = refused(*arguments, exit_code=1)
    assert told.startswith("novel:1/config.json: training")
    assert sentence in told


def test_a_seq_len_beyond_all_memory_scores_as_one_that_is_as_long_as_the_text(seqgen, novel, corpus):
    expected = seqgen("evaluate", "novel", corpus, "--json").stdout
    edit_json(novel / "config.json", lambda config: config["training"].update(seq_len=10**13))
    sealed(novel)
    outcome = seqgen("evaluate", "novel", corpus, "--json")
    bits = [json.loads(each)["files"][0]["bits_per_character"] for each in (outcome.stdout, expected)]
    assert bits[0] == pytest.approx(bits[1], rel=1e-2)


@pytest.mark.parametrize("form", ["html", "onnx"])
def test_a_folder_that_names_no_tokenizer_is_not_exported(refused, novel, form):
    edit_json(novel / "config.json", lambda config: config["parts"].clear())
    sealed(novel)
    told = refused("models", "export", "novel", f"novel.{form}", exit_code=1)
    assert told == "novel:1/config.json: names no tokenizer."


def test_a_folder_that_names_no_dataset_is_told(seqgen, novel, corpus):
    edit_json(novel / "config.json", lambda config: config["parts"].pop("dataset"))
    sealed(novel)
    reproduce = ("models", "reproduce", "novel", "--run", "-q")  # says the command before it runs it
    for command in (("evaluate", "novel", corpus), ("evaluate", "novel", "--samples", 3), reproduce):
        outcome = seqgen(*command)
        assert (outcome.exit_code, outcome.stdout) == (1, "")
        assert outcome.stderr.splitlines()[-1] == "error: novel:1/config.json: names no dataset."


def test_a_tokenizer_that_is_no_tokenizer_is_told(refused, novel):
    (novel / "tokenizer.json").write_text('{"characters": 3}')
    sealed(novel)
    assert "tokenizer" in refused("generate", exit_code=1).lower()


def test_weights_that_are_not_numbers_are_told(refused, novel):
    path = novel / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[-4:] = struct.pack("<f", float("nan"))
    path.write_bytes(content)
    sealed(novel)
    assert refused("generate", exit_code=1).endswith("holds values that are not finite numbers.")
