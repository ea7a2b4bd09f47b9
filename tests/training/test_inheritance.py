"""What a training takes over from the model that it goes on from, where nothing else is said."""

from __future__ import annotations

from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import pytest

from seqgen import home
from seqgen.checkpoint import SavedModel
from seqgen.core.catalog import load_catalog
from seqgen.core.errors import DamagedModelError, MissingDependencyError, OptionError, PluginError, UsageError
from seqgen.registry import Registry
from seqgen.registry.moving import rename
from seqgen.training.chosen import resolve_options
from seqgen.training.preparation import prepare

from .conftest import TINY, Reporter

TOYS = Path(__file__).parents[1] / "toy_plugin" / "src"


@pytest.fixture
def catalog(monkeypatch):
    """The bundled parts and the toys, among them a backend that trains an architecture of its own, with an option."""
    monkeypatch.syspath_prepend(TOYS)
    return load_catalog([EntryPoint(name="toy", value="seqgen_toy", group="seqgen")])


def prepared(parent, *sources, catalog=None, **given):
    """A training that goes on from a model, as it is prepared."""
    chosen = resolve_options({"max_steps": 2, **given}, preset=None, config=None)
    return prepare(catalog or load_catalog(), list(map(str, sources)), chosen, parent=parent)


@pytest.fixture
def counted(start, catalog):
    """A model that the toy backend has trained."""
    return start(catalog=catalog, backend="counting:smoothing=0.5", precision="auto", max_steps=2).version.open()


def backend_of(ready):
    return ready.config.training["backend"], ready.config.parts["backend"].options


def test_where_the_usual_backend_lacks_the_architecture_it_is_the_models_with_the_options_it_was_trained_with(
    counted, corpus, catalog
):
    ready = prepared(counted, corpus, catalog=catalog)
    assert backend_of(ready) == ("counting:smoothing=0.5", {"smoothing": 0.5})
    assert ready.config.origins["backend"] == "model sea:1"
    assert ready.config.model.architecture == "bigram"


@pytest.mark.parametrize(
    ("named", "smoothing"), [("counting", 0.5), ("seqgen_toy/counting", 0.5), ("counting:smoothing=0.25", 0.25)]
)
def test_the_models_own_that_is_named_has_the_options_it_was_trained_with_as_far_as_none_are_given(
    counted, corpus, catalog, named, smoothing
):
    ready = prepared(counted, corpus, catalog=catalog, backend=named)
    assert backend_of(ready) == (f"{named.partition(':')[0]}:smoothing={smoothing}", {"smoothing": smoothing})


VERSIONS = (
    "It was written by seqgen_toy 0, and this is seqgen_toy 1.0, which may not read it.  pip install seqgen_toy==0"
)


def of_an_earlier_version(model, plugin, **options):
    """A model as the version 0 of a backend's plugin made it, which is 1.0 by now."""
    plugin.version = "1.0"
    record = replace(model.config.parts["backend"], version="0", options=options)
    return replace(model, config=replace(model.config, parts=model.config.parts | {"backend": record}))


@pytest.mark.parametrize("named", [None, "counting", "counting:smoothing=0.25"])
def test_an_option_that_the_models_own_has_no_longer_names_the_model_and_the_versions(counted, corpus, catalog, named):
    model = of_an_earlier_version(counted, catalog.plugins[1], smooth=0.5)
    with pytest.raises(OptionError) as error:
        prepared(model, corpus, catalog=catalog, backend=named)
    assert str(error.value) == (
        'sea:1/config.json: backend counting has no option "smooth".  Nearest: smoothing.  It has: smoothing.  '
        + VERSIONS
    )


def test_tensors_that_the_models_own_has_only_since_name_the_versions(counted, corpus, catalog, monkeypatch):
    backend = catalog.find("backend", "counting").load()
    shapes = backend.weight_shapes
    model = of_an_earlier_version(counted, catalog.plugins[1], smoothing=0.5)
    monkeypatch.setattr(backend, "weight_shapes", lambda self, spec: {**shapes(self, spec), "skip": (1,)})
    with pytest.raises(DamagedModelError) as error:
        prepared(model, corpus, catalog=catalog)
    assert str(error.value) == f'sea:1/model.safetensors: tensor "skip" is missing.  {VERSIONS}'


def test_for_a_model_of_an_architecture_of_its_own_no_other_backend_is_imported(counted, corpus, catalog, monkeypatch):
    monkeypatch.setattr("seqgen.training.inheritance._first_that_trains", lambda _: pytest.fail("PyTorch is imported"))
    assert backend_of(prepared(counted, corpus, catalog=catalog))[0] == "counting:smoothing=0.5"


def test_an_interrupted_run_of_an_architecture_of_its_own_goes_on(start, resume, catalog):
    options = {"backend": "counting", "precision": "auto", "max_steps": 12, "eval_every": 2}
    start(catalog=catalog, reporter=Reporter(signal_at=1), **options)
    assert resume(catalog=catalog).record["steps"] == 12


def test_what_an_architecture_of_its_own_begins_with_is_its_backends_to_choose(counted, corpus, catalog):
    assert counted.config.training["output_bias"] is None
    with pytest.raises(OptionError) as error:
        prepared(None, corpus, catalog=catalog, backend="counting", output_bias="frequencies")
    assert str(error.value) == (
        "output_bias frequencies is for lstm, gru, rnn: what a model of architecture bigram begins with is its backend's to "
        "choose.  Leave it out"
    )


def test_another_that_is_named_must_have_the_architecture(counted, corpus, catalog):
    with pytest.raises(OptionError, match='Backend "torch" has no architecture "bigram"'):
        prepared(counted, corpus, catalog=catalog, backend="torch")


def test_the_models_own_that_is_not_installed_is_named(counted, corpus):
    with pytest.raises(MissingDependencyError, match="needs the backend"):
        prepared(counted, corpus)


def test_of_an_architecture_that_the_usual_one_has_it_is_the_usual_one(start, corpus):
    ready = prepared(start(max_steps=2).version.open(), corpus)
    assert (backend_of(ready)[0], ready.config.origins["backend"]) == ("torch", "default")


def test_the_usual_one_that_cannot_be_made_is_named(start, corpus, monkeypatch):
    def fail(self, **options):
        raise RuntimeError("no beads")

    model = start(max_steps=2).version.open()
    monkeypatch.setattr("seqgen.backends.torch.backend.TorchBackend.__init__", fail)
    with pytest.raises(PluginError, match='backend "torch" of seqgen .* cannot be made: RuntimeError: no beads'):
        prepared(model, corpus)


def test_a_time_alone_has_a_limit_of_passes_as_in_any_other_training_for_the_models_shape_is_nobodys_choice(
    start, corpus
):
    parent = start(max_steps=2).version.open()
    alone = prepared(parent, corpus, max_steps=None, max_time=600.0)
    assert (alone.config.origins["hidden_size"], alone.config.origins["epochs"]) == ("model sea:1", "chosen")
    assert alone.options.epochs >= 50
    named = prepared(parent, corpus, max_steps=None, max_time=600.0, hidden_size=8)
    assert (named.config.origins["hidden_size"], named.options.epochs) == ("command line", None)


@pytest.fixture
def lines(tmp_path):
    """Documents of symbols that the corpus has."""
    path = tmp_path / "lines.txt"
    path.write_text("The sea is wide\nand the ice is white\n" * 60)
    return path


def biases(parent, ready):
    """The logits' biases of a model, and those that a training begins with which goes on from it."""
    before = parent.weights(load_catalog().make("backend", "torch"))
    return before["output.bias"], ready.model.weights()["output.bias"]


def test_where_documents_end_that_did_not_before_an_end_begins_as_unlikely_as_the_most_unlikely_symbol(start, lines):
    parent = start(max_steps=2).version.open()
    ready = prepared(parent, lines, dataset="lines")
    (*symbols, end), (*same, begins) = biases(parent, ready)
    assert ready.tokenizer.end_id == len(symbols)
    assert (same, begins) == (symbols, min(symbols))
    assert end < begins


@pytest.mark.parametrize(("before", "now"), [("text", "text"), ("lines", "lines"), ("lines", "text")])
def test_otherwise_an_end_is_as_likely_as_it_was(start, lines, before, now):
    parent = start(sources=[str(lines)], tokenizer="byte", max_steps=2, dataset=before).version.open()
    old, new = biases(parent, prepared(parent, lines, dataset=now))
    assert np.array_equal(old, new)


def test_where_no_corpus_is_named_it_is_the_models_and_so_is_the_name(start, corpus):
    parent = start(max_steps=2, dataset="lines", validation_fraction=0.25).version.open()
    reporter = Reporter()
    outcome = start(sources=[], parent=parent, max_steps=2, reporter=reporter)
    config = outcome.version.open().config
    assert (str(outcome.version), outcome.version.open().manifest["parent"]) == ("sea:2", "sea:1")
    assert outcome.version.open().manifest["corpus"]["sources"] == [str(corpus)]
    assert (config.training["dataset"], config.training["validation_fraction"]) == ("lines", 0.25)
    assert config.origins["validation_fraction"] == "model sea:1"
    assert reporter.told[0].startswith("corpus   that of sea:1, since no corpus was named: ")
    given = start(sources=[], parent=parent, max_steps=2, validation_fraction=0.1).version.open()
    assert given.config.training["validation_fraction"] == 0.1


def test_a_model_that_was_renamed_is_gone_on_with_by_its_name_now_and_a_folder_by_what_it_was_published_as(start):
    folder = start(max_steps=2).version.folder
    assert prepared(SavedModel.open(folder, where=str(folder))).name == "sea"
    (version,) = rename(Registry(home.models_folder()), "sea", "ocean")
    assert prepared(version.open()).name == "ocean"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            lambda corpus: corpus.write_text("Something else.  " * 60),
            "is not what sea:1 was trained on: it has changed",
        ),
        (lambda corpus: corpus.unlink(), "The corpus of sea:1 cannot be read any more"),
    ],
    ids=["changed", "gone"],
)
def test_a_corpus_that_is_not_there_as_it_was_has_to_be_named(start, corpus, change, reason):
    parent = start(max_steps=2).version.open()
    change(corpus)
    with pytest.raises(UsageError) as error:
        prepared(parent)
    assert reason in str(error.value)
    assert str(error.value).endswith("  Name what to go on with: seqgen train CORPUS --from sea:1")


def test_so_has_one_that_is_not_read_unasked(start, tmp_path):
    parent = start(max_steps=2).version.open()
    parent.manifest["corpus"] |= {"sources": ["https://example.org/sea.txt"]}
    with pytest.raises(UsageError, match=r"was read from https://example.org/sea.txt.*  Name what to go on with"):
        prepared(parent)


def test_where_nothing_is_named_at_all_it_is_the_bundled_story_which_is_said(seqgen_home):
    ready = prepared(None, **TINY)
    assert ready.name == "ice"
    assert ready.choice.startswith("ice, the bundled story, since no corpus was named: 154,800 training tokens")
