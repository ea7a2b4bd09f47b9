"""What ``import seqgen`` offers."""

from __future__ import annotations

import io
import json
import shutil
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated, Any

import pytest
from annotated_doc import Doc

import seqgen
from seqgen.api import dry_run, find_learning_rate
from seqgen.backends.numpy.backend import NumpyBackend
from seqgen.checkpoint import write_weights
from seqgen.core.canonical import initial_weights
from seqgen.core.catalog import Catalog, load_catalog
from seqgen.core.dataset import Dataset
from seqgen.core.errors import DamagedModelError, OptionError, SeqgenWarning, UnknownPartError, UsageError
from seqgen.core.hookspecs import hookimpl
from seqgen.core.plugin import Plugin
from seqgen.core.spec import ModelSpec
from seqgen.core.types import Document
from seqgen.corpora import locate
from seqgen.files import write_json
from seqgen.manifest import CONFIG, TOKENIZER, WEIGHTS, write_manifest
from seqgen.model_config import ModelConfig, PartRecord, config_to_json
from seqgen.registry import ModelVersion
from seqgen.tokenizers.char import CharTokenizer
from seqgen.training.session import Session


@pytest.mark.parametrize("log_to", ["csw:path=a.csv", ["csw:path=a.csv"]])
def test_one_callback_may_be_named_without_a_list(seqgen_home, log_to):
    with pytest.raises(UnknownPartError, match=r'No callback "csw"\.  Nearest: csv\.'):
        seqgen.train(log_to=log_to, progress=False)


@dataclass(frozen=True, kw_only=True)
class Attentive(NumpyBackend):
    """What it builds depends on an option that no weights tell."""

    heads: Annotated[int, Doc("how many heads")] = 8
    width: Annotated[int, Doc("of each")] = 16

    def build(self, spec: ModelSpec, **options: Any) -> Any:
        model = super().build(spec, **options)
        model.built_with = (self.heads, self.width)
        return model


class Offering:
    @hookimpl
    def register_backends(self, register):
        register("attentive", "seqgen_attentive:Attentive", summary="attends")


@pytest.fixture
def catalog(monkeypatch) -> Iterator[Catalog]:
    """The bundled parts, and two distributions with a backend of one name."""
    monkeypatch.setitem(sys.modules, "seqgen_attentive", SimpleNamespace(Attentive=Attentive))
    plugins = [Plugin(name, "seqgen_attentive", name, "1", Offering) for name in ("seqgen-attentive", "another")]
    return Catalog([*load_catalog().plugins, *plugins])


@pytest.fixture
def folder(tmp_path):
    """A model that was trained with a backend and options that are not its defaults."""
    tokenizer = CharTokenizer().fit(["abc"])
    spec = ModelSpec(vocab_size=tokenizer.vocab_size, embedding_size=3, hidden_size=5)
    parts = {
        "tokenizer": PartRecord("char", "seqgen", "0"),
        "backend": PartRecord("attentive", "seqgen-attentive", "1", {"heads": 4, "width": 2}),
    }
    write_weights(tmp_path / WEIGHTS, initial_weights(spec, 0))
    write_json(tmp_path / CONFIG, config_to_json(ModelConfig(spec, parts, {}, {}, has_ends=False)))
    write_json(tmp_path / TOKENIZER, tokenizer.state())
    write_manifest(tmp_path, {})
    return tmp_path


@pytest.mark.parametrize(
    ("backend", "built_with"),
    [
        ("seqgen-attentive/attentive", (4, 2)),
        ("seqgen-attentive/attentive:heads=1", (1, 2)),
        ("another/attentive", (8, 16)),  # another's, though its name is the same
        ("another/attentive:heads=1", (1, 16)),
    ],
)
def test_a_model_s_own_backend_has_the_options_of_the_training_where_others_are_not_given(
    folder, catalog, backend, built_with
):
    assert seqgen.load(folder, backend=backend, catalog=catalog).model.built_with == built_with


@pytest.fixture
def older(folder):
    """Makes the same model one that an earlier version of the backend made with these options."""

    def make(**options):
        config = json.loads((folder / CONFIG).read_text())
        config["parts"]["backend"] |= {"version": "0.1", "options": options}
        write_json(folder / CONFIG, config)
        write_manifest(folder, {})
        return folder

    return make


VERSIONS = (
    "It was written by seqgen-attentive 0.1, and this is seqgen-attentive 1, which may not read it.  "
    "pip install seqgen-attentive==0.1"
)


@pytest.mark.parametrize("backend", ["seqgen-attentive/attentive", "seqgen-attentive/attentive:heads=1"])
def test_an_option_that_the_model_s_own_backend_has_no_longer_names_the_model_and_the_versions(older, catalog, backend):
    model = older(head=4)
    with pytest.raises(OptionError) as error:
        seqgen.load(model, backend=backend, catalog=catalog)
    assert str(error.value) == (
        f'{model}/config.json: backend attentive has no option "head".  Nearest: heads.  It has: heads, width.  {VERSIONS}'
    )


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("heads=few", "backend attentive: heads is few, but must be a whole number."),
        ("hats=1", 'backend attentive has no option "hats".'),
    ],
)
def test_a_wrong_option_that_a_person_gives_for_it_is_not_said_to_be_the_model_s(older, catalog, given, sentence):
    with pytest.raises(OptionError, match=f"^{sentence}"):
        seqgen.load(older(head=4), backend=f"seqgen-attentive/attentive:{given}", catalog=catalog)


def test_tensors_that_the_model_s_own_backend_has_only_since_name_the_versions(older, catalog, monkeypatch):
    shapes = Attentive.weight_shapes
    monkeypatch.setattr(Attentive, "weight_shapes", lambda self, spec: {**shapes(self, spec), "skip": (1,)})
    model = older(heads=4)
    with pytest.raises(DamagedModelError) as error:
        seqgen.load(model, backend="seqgen-attentive/attentive", catalog=catalog)
    assert str(error.value) == f'{model}/model.safetensors: tensor "skip" is missing.  {VERSIONS}'


def test_what_was_trained_is_given_wherever_models_are_looked_for_by_then(folder, monkeypatch, tmp_path):
    def start(*_, **__):
        monkeypatch.setenv("SEQGEN_HOME", str(tmp_path / "another"))
        return SimpleNamespace(version=ModelVersion("ada", 1, folder), record={"steps": 7}, signal_number=None)

    monkeypatch.setattr(Session, "start", start)
    model = seqgen.train(progress=False)
    assert (model.reference, model.saved.folder, model.training_record) == ("ada:1", folder, {"steps": 7})


TINY = {"name": "ada", "hidden_size": 8, "max_steps": 9, "ngram_order": 0, "backend": "torch", "progress": False}


@pytest.fixture
def signalled(monkeypatch, seqgen_home):
    """A signal that comes with the first step of each training."""
    from seqgen.backends.torch.model import TorchModel

    step = TorchModel.train_step

    def interrupted(self, batch, learning_rate):
        signal.raise_signal(number[0])
        return step(self, batch, learning_rate)

    number = [signal.SIGINT]
    monkeypatch.setattr(TorchModel, "train_step", interrupted)
    return number


def test_ctrl_c_ends_the_program_too_once_the_model_is_published(signalled):
    with pytest.raises(KeyboardInterrupt) as caught:
        seqgen.train(**TINY)
    assert caught.value.__notes__ == ['Saved as ada:1.  To go on: seqgen.train(resume="ada")']
    assert [each.reference for each in seqgen.models()] == ["ada:1"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_other_signals_reach_the_program_s_own_handlers_which_may_go_on(signalled, number):
    signalled[0], told = number, []
    before = signal.signal(number, lambda received, _: told.append((received, len(seqgen.models()))))
    try:
        model = seqgen.train(**TINY)
    finally:
        signal.signal(number, before)
    assert told == [(number, 1)]
    assert (model.reference, model.signal_number, model.training_record["steps"]) == ("ada:1", number, 1)


def test_a_program_that_wants_the_model_instead_gets_it(signalled):
    model = seqgen.train(**TINY, raise_signals=False)
    assert (model.reference, model.signal_number) == ("ada:1", signal.SIGINT)


@pytest.mark.parametrize("call", [seqgen.train, dry_run, find_learning_rate])
@pytest.mark.parametrize("given", ["It was a dark night. " * 300, ["one.txt", "two.txt"]])
def test_a_text_or_a_list_in_place_of_files_is_refused(seqgen_home, call, given):
    with pytest.raises(UsageError, match="no file's name"):
        call(given, progress=False)


HANDED_OVER: list[tuple[str, ...]] = []
"""The sources of each playlist that was read."""


@dataclass(frozen=True, kw_only=True)
class Playlist(Dataset):
    """Songs of lists that need be no files."""

    def documents(self):
        HANDED_OVER.append(self.sources)
        yield Document("song", "la la lu la. " * 300)


class OfferingPlaylists:
    @hookimpl
    def register_datasets(self, register):
        register("playlist", "seqgen_playlists:Playlist", summary="songs of a list")


def test_a_dataset_is_handed_what_can_be_read_again_in_a_training_and_what_was_typed_elsewhere(
    seqgen_home, tmp_path, monkeypatch
):
    monkeypatch.setitem(sys.modules, "seqgen_playlists", SimpleNamespace(Playlist=Playlist))
    catalog = Catalog([*load_catalog().plugins, Plugin("lists", "lists", "lists", "1", OfferingPlaylists)])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"la la la")))
    HANDED_OVER.clear()
    named = ("summer-2024", "*.txt", "songs://winter", "names", "-")
    model = seqgen.train(*named, dataset="playlist", catalog=catalog, **TINY)
    *others, kept = HANDED_OVER[0]
    assert others == [str(tmp_path / "summer-2024"), str(tmp_path / "*.txt"), "songs://winter", str(locate("names"))]
    assert (seqgen_home / "corpora" / "stdin", b"la la la") == ((path := Path(kept)).parent, path.read_bytes())
    HANDED_OVER.clear()
    model.score(*named)
    assert set(HANDED_OVER) == {named}


def test_labels_that_cannot_be_read_are_warned_of_where_models_are_listed(folder, seqgen_home):
    registry = seqgen_home / "models" / "novel"
    shutil.copytree(folder, registry / "1", ignore=lambda *_: ["home"])
    (registry / "labels.json").write_text("{")
    with pytest.warns(SeqgenWarning, match="^novel/labels.json: not JSON") as warned:
        found = seqgen.models()
    assert [(each.reference, each.tags) for each in found] == [("novel:1", ())]
    assert [each.filename for each in warned] == [__file__]
