"""A third party's plugin, installed by pip: its parts are the program's, in any process, and seqgen needs no change."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import seqgen
from seqgen.checkpoint import read_weights
from seqgen.core.catalog import Catalog
from seqgen.core.errors import AmbiguousPartError, DamagedModelError, OptionError
from seqgen.core.plugin import Plugin
from seqgen.core.spec import ModelSpec, OptimizerSpec
from seqgen.core.types import Batch
from seqgen.installed import installed_catalog

PARTS = {
    ("tokenizer", "case"),
    ("dataset", "paragraphs"),
    ("backend", "counting"),
    ("sampler", "no-stutter"),
    ("callback", "tally"),
}
COUNTS = "bigram.counts"
TRAINED_WITH_IT = ["--tokenizer", "case", "--dataset", "paragraphs", "--backend", "counting"]


@pytest.fixture
def seqgen_beside_toy(toy_folder, seqgen_home, tmp_path):
    """``seqgen ARGUMENTS`` in a process of its own, in which the toy plugin is installed."""

    def run(*arguments, **environment):
        path = os.pathsep.join(filter(None, [str(toy_folder), os.environ.get("PYTHONPATH")]))
        return subprocess.run(
            [sys.executable, "-m", "seqgen", *map(str, arguments)],
            env={**os.environ, "PYTHONPATH": path, "COLUMNS": "200", "NO_COLOR": "1", **environment},
            cwd=tmp_path,
            capture_output=True,
            check=False,
            text=True,
        )

    return run


def test_its_parts_are_listed_with_the_distribution_that_they_come_from(seqgen_beside_toy):
    listed = json.loads(seqgen_beside_toy("list-plugins", "--json").stdout)
    toys = [part for part in listed["parts"] if part["distribution"] == "seqgen-toy"]
    assert {(part["kind"], part["name"]) for part in toys} == PARTS
    assert all(part["version"] == "0.3.0" and part["ready"] for part in toys)
    problems = {plugin["distribution"]: plugin["problem"] for plugin in listed["plugins"]}
    assert (problems["seqgen"], problems["seqgen-toy"]) == (None, None)


def test_another_process_trains_generates_and_runs_its_command(seqgen_beside_toy, small_corpus, tmp_path):
    log = ["--log-to", "tally:path=runs.txt"]
    trained = seqgen_beside_toy(
        "train", small_corpus, "--name", "north", *TRAINED_WITH_IT, *log, "--epochs", 2, "--json"
    )
    assert trained.returncode == 0, trained.stderr
    assert json.loads(trained.stdout)["backend"] == "counting"
    assert (tmp_path / "runs.txt").read_text().startswith("north: ")
    written = seqgen_beside_toy("generate", "--sampler", "no-stutter:times=1", "--seed", "The", "--random-seed", 1)
    assert written.returncode == 0, written.stderr
    text = written.stdout.rstrip("\n")
    assert text.startswith("The")
    assert len(text) > 10
    assert not any(a == b for a, b in pairwise(text[3:]))
    shown = seqgen_beside_toy("alphabet", "north").stdout.splitlines()
    assert "'a'" in shown
    assert "'A'" not in shown
    assert "alphabet" in seqgen_beside_toy("--help").stdout


def test_without_plugins_there_is_nothing_of_it(seqgen_beside_toy):
    for arguments, environment in ((["--no-plugins"], {}), ([], {"SEQGEN_NO_PLUGINS": "1"})):
        listed = json.loads(seqgen_beside_toy(*arguments, "list-plugins", "--json", **environment).stdout)
        assert {part["distribution"] for part in listed["parts"]} == {"seqgen"}


@pytest.fixture(scope="module")
def toy_model(shared_main, toy_plugin, small_corpus):
    result = shared_main("train", small_corpus, "--name", "toy", *TRAINED_WITH_IT, "--epochs", 3, "--json", "--quiet")
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def test_a_model_whose_plugin_is_not_installed_says_which_package_to_install(
    shared_main, toy_model, monkeypatch, toy_folder
):
    monkeypatch.setattr(sys, "path", [folder for folder in sys.path if folder != str(toy_folder)])
    result = shared_main("generate", "--model", "toy")
    assert (result.exit_code, result.stdout) == (1, "")
    assert 'needs the tokenizer "case" of seqgen-toy 0.3.0, which is not installed.  pip install seqgen-toy' in (
        result.stderr
    )


def test_an_architecture_of_its_own_is_taken_where_none_is_named_and_generates_again(shared_main, toy_model):
    config = json.loads(shared_main("models", "show", "toy", "--json").stdout)["config"]
    assert config["model"]["architecture"] == "bigram"
    assert config["origins"]["architecture"] == "backend counting"
    written = json.loads(shared_main("generate", "--model", "toy", "--length", 20, "--json").stdout)
    assert written["backend"] == "counting"
    assert written["samples"][0]["tokens"] > 0


def test_what_was_counted_is_gone_on_with(shared_main, toy_model, small_corpus):
    options = ["--from", "toy", "--name", "more", "--dataset", "paragraphs", "--epochs", 1, "--quiet", "--json"]
    result = shared_main("train", small_corpus, "--backend", "counting", *options)
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["validation_loss"] < toy_model["validation_loss"] * 1.02
    assert 1 < seqgen.load("more").score(small_corpus).bits_per_character < 5


@pytest.mark.parametrize("command", [["generate"], ["train", "--from", "toy", "--max-steps", "1"]])
def test_a_backend_that_lacks_the_architecture_says_which_it_has(shared_main, toy_model, command):
    result = shared_main(*command, "--backend", "torch", *(["--model", "toy"] if command == ["generate"] else []))
    assert (result.exit_code, result.stdout) == (2, "")
    assert 'Backend "torch" has no architecture "bigram"' in result.stderr
    assert "It has: lstm, gru, rnn" in result.stderr


def test_weights_other_than_the_backend_states_are_refused(toy_model):
    path = Path(toy_model["path"]) / "model.safetensors"
    backend = installed_catalog().make("backend", "counting")
    weights = read_weights(path, {COUNTS: (toy_model["parameters"] ** 0.5,) * 2}, where="toy:1")
    assert list(weights) == [COUNTS]
    with pytest.raises(DamagedModelError, match=r'toy:1: tensor "bigram.counts" has shape'):
        read_weights(path, backend.weight_shapes(ModelSpec(vocab_size=3)), where="toy:1")
    with pytest.raises(DamagedModelError, match=r'toy:1: tensor "bigram.counts" is unknown'):
        read_weights(path, {"bigram.other": (3, 3)}, where="toy:1")


def test_names_that_a_plugin_shares_with_bundled_parts_do_not_break_what_goes_without_a_name(toy_model):
    class Colliding:
        @seqgen.hookimpl
        def register_backends(self, register):
            for name in ("torch", "numpy"):
                register(name, "seqgen_toy.counting:CountingBackend", summary="not the bundled one")

        @seqgen.hookimpl
        def register_samplers(self, register):
            for name in ("temperature", "top-k", "min-p"):
                register(name, "seqgen_toy.no_stutter:NoStutter", summary="not the bundled one")

    plugins = installed_catalog().plugins
    catalog = Catalog([*plugins, Plugin("plugin", "toy", "other", "1", Colliding)])
    model = seqgen.load("toy", catalog=catalog)
    assert model.generate(length=5, top_k=1) == seqgen.load("toy").generate(length=5, top_k=1)
    assert model.generate(length=5, random_seed=1) == seqgen.load("toy").generate(length=5, random_seed=1)
    with pytest.raises(AmbiguousPartError, match="Write seqgen/numpy or other/numpy"):
        seqgen.load("toy", backend="numpy", catalog=catalog)
    with pytest.raises(OptionError, match=r"^sampler top-k: k is 0, but must be"):
        model.generate(top_k=0)


def test_a_backend_generates_with_the_options_that_it_trained_with(shared_main, small_corpus, toy_plugin, monkeypatch):
    options = ["--backend", "counting:smoothing=2.5", "--max-steps", 1, "--name", "smooth", "--quiet"]
    assert shared_main("train", small_corpus, *options).exit_code == 0
    from seqgen_toy.counting import CountingBackend

    used = []
    real = CountingBackend.build
    monkeypatch.setattr(
        CountingBackend, "build", lambda self, *a, **k: (used.append(self.smoothing), real(self, *a, **k))[1]
    )
    seqgen.load("smooth")
    assert used == [2.5]


@pytest.fixture(scope="module")
def make(toy_plugin):
    return installed_catalog().make


def test_the_tokenizer_spends_two_tokens_on_a_capital(make):
    tokenizer = make("tokenizer", "case").fit(["The tea"])
    assert tokenizer.symbols == " aeht"
    assert tokenizer.encode("The").tolist() == [1, 6, 5, 4]
    assert tokenizer.missing("Ox") == {"O": None, "x": None}


def test_only_what_has_a_capital_follows_shift(make):
    grammar = make("tokenizer", "case").fit(["The 2"]).grammar()
    state = grammar.next(grammar.start, 1)
    assert grammar.allowed(state).tolist() == [False, False, False, False, True, True, True]  # e, h, t; not " ", 2
    assert (grammar.may_end(grammar.start), grammar.may_end(state)) == (True, False)


def test_the_sampler_grammar_holds_a_text_to_it(shared_main, toy_model):
    model = seqgen.load("toy")
    grammar = model.tokenizer.grammar()

    def keeps(sample):
        state = grammar.start
        for token in sample.ids.tolist():
            if token == model.tokenizer.end_id:
                return grammar.may_end(state)
            if not grammar.allowed(state)[token]:
                return False
            state = grammar.next(state, token)
        return True

    samples = model.prepare(temperature=9, length=80, random_seed=1).samples(20)
    assert not all(map(keeps, samples))
    held = model.prepare(samplers=["grammar"], temperature=9, length=80, random_seed=1).samples(20)
    assert all(map(keeps, held))
    options = ["--sampler", "grammar", "--temperature", 9, "--length", 80, "--random-seed", 1, "--json"]
    result = shared_main("generate", "--model", "toy", *options)
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["samples"][0]["text"] == held[0].text


def test_a_tokenizer_whose_tokens_depend_on_others_takes_no_regex(shared_main, toy_model):
    result = shared_main("generate", "--model", "toy", "--sampler", "regex:pattern=a+")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "sampler regex needs the text of each token" in result.stderr


def test_the_dataset_gives_paragraphs(make, tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("One\nand one.\n \n\nTwo.\n\n\n")
    documents = list(make("dataset", "paragraphs", sources=(str(path),)).documents())
    assert [(each.id, each.content) for each in documents] == [(f"{path}#1", "One and one."), (f"{path}#2", "Two.")]


def test_the_sampler_excludes_what_came_too_often_unless_it_is_all_there_is(make):
    sampler = make("sampler", "no-stutter:times=2")
    sampler.begin(np.array([[0, 1, 1], [0, 1, 2]]), tokenizer=None)
    logits = np.zeros((2, 3), np.float32)
    assert sampler.adjust(logits).tolist() == [[0, -np.inf, 0], [0, 0, 0]]
    only = np.array([[-np.inf, 0, -np.inf]] * 2, np.float32)
    assert sampler.adjust(only).tolist() == only.tolist()


def test_the_backend_counts_what_is_scored(make):
    backend = make("backend", "counting:smoothing=0.5")
    model = backend.build(ModelSpec(vocab_size=3, architecture="bigram"), optimizer=OptimizerSpec())
    ids = np.array([[0, 1, 2], [0, 1, 0]])
    batch = Batch(ids[:, :-1], ids[:, 1:], weights=np.array([[1, 1], [1, 0]], np.float32))
    assert model.train_step(batch, 0.1) == pytest.approx(np.log(3))
    assert model.weights()[COUNTS].tolist() == [[0.5, 2.5, 0.5], [0.5, 0.5, 1.5], [0.5, 0.5, 0.5]]
    assert model.train_step(batch, 0.1) < np.log(3)
    logits, _ = model.prefill(ids[:, :2], model.initial_state(2))
    assert np.exp(logits[0]).tolist() == pytest.approx([0.5 / 3.5, 0.5 / 3.5, 2.5 / 3.5])
