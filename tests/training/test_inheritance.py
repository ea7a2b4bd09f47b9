"""What a training takes over from the model that it goes on from, where nothing else is said."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from seqgen import home, settings
from seqgen.checkpoint import SavedModel
from seqgen.core.catalog import load_catalog
from seqgen.core.errors import MissingDependencyError, OptionError, UsageError
from seqgen.registry import Registry
from seqgen.registry.moving import rename
from seqgen.training.options import PRESETS, TrainingOptions
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
    values, origins = settings.resolve(
        TrainingOptions, {"max_steps": 2, **given}, config_file=None, presets=PRESETS, preset=None
    )
    return prepare(catalog or load_catalog(), list(map(str, sources)), values, origins, parent=parent)


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


def test_another_that_is_named_must_have_the_architecture(counted, corpus, catalog):
    with pytest.raises(OptionError, match='Backend "torch" has no architecture "bigram"'):
        prepared(counted, corpus, catalog=catalog, backend="torch")


def test_the_models_own_that_is_not_installed_is_named(counted, corpus):
    with pytest.raises(MissingDependencyError, match="needs the backend"):
        prepared(counted, corpus)


def test_of_an_architecture_that_the_usual_one_has_it_is_the_usual_one(start, corpus):
    ready = prepared(start(max_steps=2).version.open(), corpus)
    assert (backend_of(ready)[0], ready.config.origins["backend"]) == ("torch", "default")


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
