"""The code that pages show runs, and does what they say."""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from seqgen.backends.numpy.backend import NumpyBackend
from seqgen.core.canonical import GATES
from seqgen.registry import Registry
from tests.conftest import run_here

EXAMPLES = Path(__file__).parent.parent.parent / "docs" / "examples"
STORY = "The men went over the ice, and there they rested."


@pytest.fixture(scope="module")
def plugin(tmp_path_factory) -> dict[str, str]:
    """The plugin of the guide, installed by pip into a folder; gives the environment in which Python finds it."""
    folder = tmp_path_factory.mktemp("plugins")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, "--target", folder, EXAMPLES / "seqgen-lipogram"], check=True)
    return {"PYTHONPATH": str(folder)}


def test_the_plugin_of_the_guide_is_installed_listed_and_used(plugin, publish, seqgen_cli):
    publish("story", text=STORY)
    listed = seqgen_cli("list-plugins", "--kind", "sampler", env=plugin)
    assert "lipogram" in listed.stdout
    generate = ["generate", "--model", "story", "--length", "200", "--random-seed", "1"]
    without = seqgen_cli(*generate, "--sampler", "lipogram:letters=et", env=plugin)
    assert without.exit_code == 0, without.stderr
    assert len(without.stdout) > 200
    assert not set("etET") & set(without.stdout)
    assert set("etT") <= set(seqgen_cli(*generate, "--temperature", "1", env=plugin).stdout)


def test_the_tests_that_the_guide_shows_pass(plugin, run_python):
    tests = EXAMPLES / "seqgen-lipogram" / "tests"
    result = run_python(
        "import pytest, sys; sys.exit(pytest.main(sys.argv[1:]))", tests, "-pno:cacheprovider", env=plugin
    )
    assert result.exit_code == 0, result.stdout


SHAPES = [
    {"architecture": architecture, "input_encoding": encoding, "num_layers": layers, "tie_embeddings": tied}
    for architecture, encoding, layers, tied in product(
        GATES, ("embedding", "one-hot", "scalar"), (1, 2), (False, True)
    )
    if encoding == "embedding" or not tied
]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_reader_of_the_format_page_computes_the_logits_of_seqgen(shape, publish, load_script, seqgen_home):
    reader = load_script("examples/read_model.py")
    folder = publish("story", random_seed=3, **shape)
    saved = Registry(seqgen_home / "models").find("story").open()
    backend = NumpyBackend()
    model = backend.build(saved.config.model, weights=saved.weights(backend))
    spec = {name: getattr(saved.config.model, name) for name in vars(saved.config.model)}
    weights, state = reader.read_tensors(folder / "model.safetensors"), reader.initial_state(spec)
    expected_state = model.initial_state(1)
    for token in (3, 1, 4, 1, 5):
        logits, state = reader.step(spec, weights, token, state)
        expected, expected_state = model.next_logits(np.array([token]), expected_state)
    np.testing.assert_allclose(logits, expected[0], atol=1e-5)


def test_the_reader_of_the_format_page_writes_the_likeliest_text_without_seqgen(publish, run_python, seqgen_cli):
    folder = publish("story", text=STORY, random_seed=3)
    code = (
        "import runpy, sys; sys.modules['seqgen'] = sys.modules['safetensors'] = None; "
        "sys.argv[:] = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    read = run_python(code, EXAMPLES / "read_model.py", folder, "The ", 60)
    assert read.exit_code == 0, read.stderr
    ours = seqgen_cli("generate", "--model", "story", "--seed", "The ", "--length", "60", "--temperature", "0")
    assert read.stdout == ours.stdout


def test_the_script_of_the_python_guide_trains_generates_and_scores(run_python, tmp_path):
    (tmp_path / "harbour.txt").write_text("Grey Harbour\nNorth Anchor\n", "utf-8")
    # The first budget reached ends a run, so a variable makes the script's own of 20 seconds short.
    script = EXAMPLES / "train_and_generate.py"
    result = run_python("import runpy, sys; runpy.run_path(sys.argv[1])", script, env={"SEQGEN_MAX_STEPS": "2"})
    assert result.exit_code == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0].startswith("ships:1: ")
    assert lines[-1].endswith(tuple("0123456789"))
    assert "perplexity" in lines[-1]


def test_the_script_for_onnx_writes_what_the_command_line_writes(publish, seqgen_cli, run_python, tmp_path):
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    publish("story", text=STORY)
    assert seqgen_cli("models", "export", "story", "story.onnx").exit_code == 0
    code = "import runpy, sys; sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
    read = run_python(code, EXAMPLES / "run_onnx.py", "story.onnx", "The men", 80)
    generate = ["generate", "--model", "story", "--seed", "The men", "--temperature", "0", "--length", "80"]
    assert (read.exit_code, read.stderr) == (0, "")
    assert read.stdout == seqgen_cli(*generate).stdout


@pytest.mark.slow
def test_the_model_that_the_guide_trains_in_pytorch_is_imported_and_predicts_its_corpus(
    seqgen_cli, run_python, tmp_path
):
    (tmp_path / "story.txt").write_text(STORY * 20, "utf-8")
    code = "import runpy, sys; sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
    saved = run_python(code, EXAMPLES / "save_lstm.py", "story.txt")
    assert (saved.exit_code, saved.stderr) == (0, "")
    imported = seqgen_cli("models", "import", "char-lstm.safetensors", "--vocabulary", "chars.json")
    assert (imported.exit_code, imported.stdout) == (0, "char-lstm:1\n"), imported.stderr
    (score,) = json.loads(seqgen_cli("evaluate", "char-lstm", "story.txt", "--json").stdout)["files"]
    assert score["bits_per_character"] < 0.2


def test_the_script_for_checkpoints_saves_weights_that_are_imported_also_where_they_share_memory(
    seqgen_home, tmp_path, monkeypatch
):
    torch = pytest.importorskip("torch")
    embedding, output = torch.nn.Embedding(3, 8), torch.nn.Linear(8, 3)
    output.weight = embedding.weight
    net = torch.nn.ModuleDict({"embedding": embedding, "rnn": torch.nn.GRU(8, 8), "output": output})
    torch.save({"state_dict": net.state_dict(), "n_hidden": 8, "tokens": ["a", "b", "c"]}, tmp_path / "net.pt")
    (tmp_path / "chars.txt").write_text("abc")
    refused = run_here("models", "import", tmp_path / "net.pt")
    assert refused.exit_code == 1
    assert "net.pt may be a pickle" in refused.stderr
    monkeypatch.setattr(sys, "argv", ["", str(tmp_path / "net.pt"), str(tmp_path / "net.safetensors")])
    runpy.run_path(str(EXAMPLES / "convert_checkpoint.py"))
    imported = run_here("models", "import", tmp_path / "net.safetensors", "--vocabulary", tmp_path / "chars.txt")
    assert (imported.exit_code, imported.stdout) == (0, "net:1\n"), imported.stderr
