"""``seqgen models export`` and ``import`` with the forms of other programs."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from safetensors.numpy import save_file

SYMBOLS = "\n abcdefghijklmnopqrstuvwxyz.,'ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@pytest.fixture
def foreign(tmp_path):
    """The state dict of an LSTM with random weights, and its vocabulary, in an order of its own."""
    generator = np.random.default_rng(1)
    shapes = {
        "encoder.weight": (len(SYMBOLS), 8),
        "lstm.weight_ih_l0": (64, 8),
        "lstm.weight_hh_l0": (64, 16),
        "lstm.bias_ih_l0": (64,),
        "lstm.bias_hh_l0": (64,),
        "decoder.weight": (len(SYMBOLS), 16),
        "decoder.bias": (len(SYMBOLS),),
    }
    tensors = {name: generator.normal(0, 0.3, shape).astype(np.float32) for name, shape in shapes.items()}
    save_file(tensors, tmp_path / "my lstm.safetensors")
    (tmp_path / "chars.json").write_text(json.dumps([*reversed(SYMBOLS)]), "utf-8")
    return tmp_path / "my lstm.safetensors"


def test_a_model_of_another_program_is_imported_generates_and_says_where_it_came_from(seqgen, foreign):
    imported = seqgen("models", "import", foreign, "--vocabulary", "chars.json")
    assert (imported.exit_code, imported.stdout) == (0, "my-lstm:1\n"), imported.stderr
    written = seqgen("generate", "--model", "my-lstm", "--seed", "the ice", "--length", 50, "--random-seed", 1)
    assert written.exit_code == 0
    assert written.stdout.startswith("the ice")
    assert len(written.stdout) == len("the ice") + 50 + 1
    shown = json.loads(seqgen("models", "show", "my-lstm", "--json").stdout)
    origin = shown["manifest"]["imported"]
    assert origin["file"] == "my lstm.safetensors"
    assert origin["form"] == "the state dict of a torch.nn module"
    assert (origin["bytes"], origin["vocabulary"]) == (foreign.stat().st_size, "chars.json")
    assert re.fullmatch(r"[0-9a-f]{64}", origin["sha256"])
    assert shown["config"]["parts"]["tokenizer"]["name"] == "char"
    for command in (("models", "show", "my-lstm"), ("models", "list")):
        outcome = seqgen(*command)
        assert (outcome.exit_code, outcome.stderr) == (0, "")
    assert "my lstm.safetensors, the state dict of a torch.nn module" in seqgen("models", "show", "my-lstm").stdout
    again = seqgen("models", "reproduce", "my-lstm")
    assert (again.exit_code, again.stdout) == (2, "")
    assert "my-lstm:1 was not trained with seqgen but imported from my lstm.safetensors" in again.stderr


def test_a_model_of_another_program_has_the_name_that_it_is_given(seqgen, refused, foreign, seqgen_home):
    imported = seqgen("models", "import", foreign, "--vocabulary", "chars.json", "--name", "winter")
    assert imported.stdout == "winter:1\n"
    folder = seqgen_home / "models" / "winter" / "1"
    assert json.loads((folder / "manifest.json").read_text("utf-8"))["name"] == "winter"
    card = (folder / "README.md").read_text("utf-8")
    assert "# winter\n" in card
    assert "seqgen generate --model winter\n" in card
    sentence = refused("models", "import", foreign, "--vocabulary", "chars.json", "--name", "a/b", exit_code=2)
    assert sentence.startswith('"a/b" is not a model name')


def test_an_imported_model_is_evaluated_and_trained_further(seqgen, foreign, corpus):
    seqgen("models", "import", foreign, "--vocabulary", "chars.json", "--name", "other")
    text = corpus.read_text("utf-8")
    corpus.write_text("".join(symbol for symbol in text if symbol in SYMBOLS), "utf-8")
    (before,) = json.loads(seqgen("evaluate", "other", corpus, "--json").stdout)["files"]
    assert before["bits_per_character"] > 5
    options = ("--from", "other", "--name", "trained", "--backend", "torch", "--max-steps", 60, "--learning-rate", 0.02)
    assert seqgen("train", corpus, *options, "-q").exit_code == 0
    (after,) = json.loads(seqgen("evaluate", "trained", corpus, "--json").stdout)["files"]
    assert after["bits_per_character"] < before["bits_per_character"] - 1
    assert json.loads(seqgen("models", "show", "trained", "--json").stdout)["manifest"]["parent"] == "other:1"


def test_a_vocabulary_is_asked_for_where_it_is_needed_and_refused_where_it_is_not(seqgen, refused, foreign, novel):
    sentence = refused("models", "import", foreign, exit_code=2)
    assert sentence == (
        f"my lstm.safetensors is the state dict of a torch.nn module, which does not say what its {len(SYMBOLS)} tokens are.  "
        "Give them with --vocabulary FILE, a JSON list of characters or a text file of them, in the order of their ids"
    )
    assert seqgen("models", "export", "novel", "novel.zip").exit_code == 0
    sentence = refused("models", "import", "novel.zip", "--vocabulary", "chars.json", exit_code=2)
    assert sentence == "novel.zip says itself what its tokens are: leave out --vocabulary."


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".ckpt"])
def test_a_pickle_is_not_opened_and_the_way_around_is_shown(refused, tmp_path, suffix):
    (tmp_path / f"model{suffix}").write_bytes(b"\x80\x02cos\nsystem\n(S'touch ran'\ntR.")
    sentence = refused("models", "import", f"model{suffix}", exit_code=1)
    assert sentence.startswith(f"model{suffix} may be a pickle, which can run code when it is read; not opened.")
    assert "safetensors.torch.save_file" in sentence
    assert not (tmp_path / "ran").exists()


def test_the_weights_of_a_model_folder_alone_are_sent_back_to_their_folder(refused, novel):
    sentence = refused("models", "import", novel / "model.safetensors", exit_code=1)
    assert sentence == "model.safetensors has the weights of a model of seqgen.  Import the folder that it belongs in"


def test_what_does_not_fit_leaves_nothing_behind(refused, seqgen, foreign, seqgen_home):
    foreign.write_bytes(foreign.read_bytes()[:-4])
    sentence = refused("models", "import", foreign, "--vocabulary", "chars.json", exit_code=1)
    assert sentence.startswith("my lstm.safetensors: tensor ")
    assert seqgen("models", "list", "--json").stdout == "[]\n"
    assert [path for path in seqgen_home.glob("models/**/*") if path.is_file()] == []


def test_onnx_and_html_are_written_by_the_suffix_of_the_file(seqgen, novel, tmp_path):
    pytest.importorskip("onnx")
    for name in ("novel.onnx", "novel.html"):
        outcome = seqgen("models", "export", "novel", name)
        assert (outcome.exit_code, outcome.stdout) == (0, f"{name}\n"), outcome.stderr
    assert b"LSTM" in (tmp_path / "novel.onnx").read_bytes()
    assert (tmp_path / "novel.html").read_text("utf-8").startswith("<!DOCTYPE html>")
    assert str(tmp_path) not in (tmp_path / "novel.html").read_text("utf-8")


def test_a_page_names_the_model_as_it_is_called_now(seqgen, novel, tmp_path):
    seqgen("models", "rename", "novel", "winter")
    seqgen("models", "export", "winter", "winter.html")
    page = (tmp_path / "winter.html").read_text("utf-8")
    assert "<title>winter:1</title>" in page
    assert "novel" not in page  # or the command that it shows would write with another model, or none
    seqgen("models", "export", novel.parents[1] / "winter" / "1", "folder.html")
    assert "<title>novel</title>" in (tmp_path / "folder.html").read_text("utf-8")


def test_a_package_that_is_missing_is_named_with_what_to_install(refused, novel, monkeypatch, tmp_path):
    import sys

    monkeypatch.setitem(sys.modules, "onnx", None)
    monkeypatch.setitem(sys.modules, "h5py", None)
    sentence = refused("models", "export", "novel", "novel.onnx", exit_code=1)
    assert sentence == 'Writing ONNX needs onnx, which is not installed.  pip install "seqgen[onnx]"'
    (tmp_path / "a.weights.h5").write_bytes(b"")
    sentence = refused("models", "import", "a.weights.h5", exit_code=1)
    assert sentence == 'Reading what Keras wrote needs h5py, which is not installed.  pip install "seqgen[h5]"'
