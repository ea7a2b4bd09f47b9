"""What the public functions raise stands in their docstrings: it, or a base of it below ``SeqgenError``."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqgen
from seqgen.api import find_model
from seqgen.checkpoint import SavedModel, write_weights
from seqgen.core.canonical import initial_weights
from seqgen.core.catalog import Catalog, load_catalog
from seqgen.core.errors import (
    AmbiguousPartError,
    DamagedModelError,
    GenerationError,
    MissingDependencyError,
    ModelNotFoundError,
    OptionError,
    OutputError,
    PluginError,
    PromptError,
    SeqgenError,
    UnknownPartError,
    UsageError,
)
from seqgen.core.files import Source, find_sources
from seqgen.core.hookspecs import hookimpl
from seqgen.core.plugin import Plugin
from seqgen.core.sampler import Sampler
from seqgen.core.spec import ModelSpec
from seqgen.files import write_json
from seqgen.language_model import LanguageModel
from seqgen.manifest import CONFIG, TOKENIZER, WEIGHTS, write_manifest
from seqgen.model_config import ModelConfig, PartRecord, config_to_json
from seqgen.registry import ModelVersion, Registry
from seqgen.sharing.exchange import pull, push
from seqgen.sharing.formats import export_model
from seqgen.sharing.importing import import_model
from seqgen.tokenizers.char import CharTokenizer

ZSTD = b"\x28\xb5\x2f\xfd"
"""What such a file begins with."""


@dataclass(kw_only=True)
class Nothing(Sampler):
    """Leaves no token to be drawn."""

    def adjust(self, logits):
        return np.full_like(logits, -np.inf)


class Offering:
    """A plugin whose parts are called as those of another."""

    @hookimpl
    def register_backends(self, register):
        register("twice", "seqgen.backends.numpy.backend:NumpyBackend", summary="of two distributions")

    @hookimpl
    def register_samplers(self, register):
        register("twice", "seqgen.samplers.greedy:Greedy", summary="of two distributions")


class OfferingMore(Offering):
    """The other one, which also has parts that cannot be used."""

    @hookimpl
    def register_samplers(self, register):
        super().register_samplers(register)
        register("lacking", "seqgen.samplers.greedy:Greedy", summary="needs a package", requires="no_such_package")
        register("failing", "no_such_module:Sampler", summary="cannot be imported")

    @hookimpl
    def register_datasets(self, register):
        register("lacking", "seqgen.datasets.text:TextDataset", summary="needs a package", requires="no_such_package")
        register("failing", "no_such_module:Dataset", summary="cannot be imported")


@dataclass
class World:
    """A folder for a test, what is in it, and what may be changed there."""

    path: Path
    patch: pytest.MonkeyPatch

    @property
    def catalog(self) -> Catalog:
        plugins = [
            Plugin("one", "one", "one", "1", Offering),
            Plugin("another", "another", "another", "1", OfferingMore),
        ]
        return Catalog([*load_catalog().plugins, *plugins])

    def bundled(self) -> Catalog:
        """What there is where a person has turned plugins off."""
        return Catalog(load_catalog().plugins, bundled_only=True)

    def folder(self, tokenizer: tuple[str, str] = ("char", "seqgen")) -> Path:
        """A whole model folder, which names this tokenizer of this distribution."""
        folder = self.path / "model"
        folder.mkdir()
        fitted = CharTokenizer().fit(["a cat sat on a mat"])
        spec = ModelSpec(vocab_size=fitted.vocab_size, embedding_size=3, hidden_size=4)
        parts = {
            "tokenizer": PartRecord(*tokenizer, "1"),
            "dataset": PartRecord("text", "seqgen", "0"),
            "backend": PartRecord("numpy", "seqgen", "0"),
        }
        config = ModelConfig(spec, parts, {"batching": "stream", "seq_len": 8}, {}, has_ends=False)
        write_weights(folder / WEIGHTS, initial_weights(spec, 0))
        write_json(folder / CONFIG, config_to_json(config))
        write_json(folder / TOKENIZER, fitted.state())
        write_manifest(folder, {"name": "novel"})
        return folder

    def model(self) -> LanguageModel:
        return seqgen.load(self.folder(), catalog=self.catalog)

    def saved(self, **how: Any) -> SavedModel:
        return ModelVersion("novel", 1, self.folder(**how)).open()

    def altered(self) -> SavedModel:
        """A model whose weights are not any more what was written."""
        saved = self.saved()
        weights = saved.folder / WEIGHTS
        weights.write_bytes(weights.read_bytes()[:-1] + b"?")
        return saved

    def file(self, name: str, content: bytes = b"a cat sat on a mat") -> Path:
        path = self.path / name
        path.write_bytes(content)
        return path

    def without(self, package: str) -> World:
        """Where this package is not installed."""
        self.patch.setitem(sys.modules, package, None)
        return self

    def homeless(self) -> World:
        """Where it is not known in which folder seqgen keeps things."""
        self.patch.delenv("SEQGEN_HOME")
        self.patch.setattr("platformdirs.user_data_dir", lambda *_, **__: "~/seqgen")
        return self

    def closed(self) -> World:
        """Where nothing can be written in the folder in which seqgen keeps things."""
        self.patch.setenv("SEQGEN_HOME", str(self.file("no-folder")))
        return self

    def pushed(self) -> str:
        """Where a model was pushed to."""
        push(self.saved(), str(self.path / "team"))
        return str(self.path / "team")

    def registry(self) -> Registry:
        return Registry.at_home()


@pytest.fixture
def world(tmp_path, seqgen_home, monkeypatch):
    return World(tmp_path, monkeypatch)


PLUGIN = ("abc", "seqgen-nowhere")

RAISED: list[tuple[Callable[..., Any], type[SeqgenError], Callable[[World], Any]]] = [
    (seqgen.load, UsageError, lambda _: seqgen.load("my novel")),
    (seqgen.load, UsageError, lambda w: w.homeless() and seqgen.load()),
    (seqgen.load, ModelNotFoundError, lambda _: seqgen.load("novel")),
    (seqgen.load, DamagedModelError, lambda w: seqgen.load(w.altered().folder)),
    (seqgen.load, UnknownPartError, lambda w: seqgen.load(w.folder(), backend="nmpy")),
    (seqgen.load, AmbiguousPartError, lambda w: seqgen.load(w.folder(), backend="twice", catalog=w.catalog)),
    (seqgen.load, MissingDependencyError, lambda w: seqgen.load(w.folder(PLUGIN))),
    (seqgen.load, PluginError, lambda w: seqgen.load(w.folder(PLUGIN), catalog=w.bundled())),
    (seqgen.load, OptionError, lambda w: seqgen.load(w.folder(), device="cuda:9", backend="numpy")),
    (find_model, UsageError, lambda _: find_model("my novel")),
    (find_model, UsageError, lambda w: w.homeless() and find_model(None)),
    (find_model, ModelNotFoundError, lambda _: find_model("novel")),
    (seqgen.models, UsageError, lambda w: w.homeless() and seqgen.models()),
    (LanguageModel.generate, PromptError, lambda w: w.model().generate("zzz")),
    (LanguageModel.generate, OptionError, lambda w: w.model().generate(best_of=2, num_samples=2)),
    (LanguageModel.generate, OptionError, lambda w: w.model().generate(beam=2, num_samples=2)),
    (LanguageModel.generate, UnknownPartError, lambda w: w.model().generate(samplers="gredy")),
    (LanguageModel.generate, AmbiguousPartError, lambda w: w.model().generate(samplers="twice")),
    (LanguageModel.generate, MissingDependencyError, lambda w: w.model().generate(samplers="lacking")),
    (LanguageModel.generate, PluginError, lambda w: w.model().generate(samplers="failing")),
    (LanguageModel.generate, GenerationError, lambda w: w.model().generate(samplers=Nothing())),
    (LanguageModel.stream, PromptError, lambda w: w.model().stream("zzz")),
    (LanguageModel.stream, OptionError, lambda w: w.model().stream(beam=2)),
    (LanguageModel.stream, UnknownPartError, lambda w: w.model().stream(samplers="gredy")),
    (LanguageModel.stream, AmbiguousPartError, lambda w: w.model().stream(samplers="twice")),
    (LanguageModel.stream, MissingDependencyError, lambda w: w.model().stream(samplers="lacking")),
    (LanguageModel.stream, PluginError, lambda w: w.model().stream(samplers="failing")),
    (LanguageModel.stream, GenerationError, lambda w: list(w.model().stream(samplers=Nothing()))),
    (LanguageModel.prepare, PromptError, lambda w: w.model().prepare("zzz")),
    (LanguageModel.prepare, OptionError, lambda w: w.model().prepare(top_k=0)),
    (LanguageModel.prepare, UnknownPartError, lambda w: w.model().prepare(samplers="gredy")),
    (LanguageModel.prepare, AmbiguousPartError, lambda w: w.model().prepare(samplers="twice")),
    (LanguageModel.prepare, MissingDependencyError, lambda w: w.model().prepare(samplers="lacking")),
    (LanguageModel.prepare, PluginError, lambda w: w.model().prepare(samplers="failing")),
    (LanguageModel.score, UsageError, lambda w: w.model().score(w.file("a.txt"), texts="a cat")),
    (LanguageModel.score, OutputError, lambda w: w.closed().model().score(w.file("a.txt"))),
    (LanguageModel.score, UnknownPartError, lambda w: w.model().score(w.file("a.txt"), dataset="txt")),
    (LanguageModel.score, MissingDependencyError, lambda w: w.model().score(w.file("a.txt"), dataset="lacking")),
    (LanguageModel.score, PluginError, lambda w: w.model().score(w.file("a.txt"), dataset="failing")),
    (LanguageModel.score, MissingDependencyError, lambda w: w.without("zstandard").model().score(w.file("a", ZSTD))),
    (push, UsageError, lambda w: push(w.saved(), str(w.path), as_="novel")),
    (push, DamagedModelError, lambda w: push(w.altered(), str(w.path / "team"))),
    (push, MissingDependencyError, lambda w: w.without("huggingface_hub") and push(w.saved(), "hf://ada/novel")),
    (pull, UsageError, lambda w: pull(str(w.path), "my novel", w.registry())),
    (pull, OutputError, lambda w: pull(w.pushed(), "novel", w.closed().registry())),
    (pull, MissingDependencyError, lambda w: w.without("huggingface_hub") and pull("hf://a/b", None, w.registry())),
    (export_model, UsageError, lambda w: export_model(w.saved(), w.path, catalog=w.catalog)),
    (export_model, DamagedModelError, lambda w: export_model(w.altered(), w.path / "a.zip", catalog=w.catalog)),
    (export_model, OutputError, lambda w: export_model(w.saved(), w.file("a") / "b.zip", catalog=w.catalog)),
    (
        export_model,
        MissingDependencyError,
        lambda w: w.without("onnx") and export_model(w.saved(), w.path / "a.onnx", catalog=w.catalog),
    ),
    (
        export_model,
        PluginError,
        lambda w: export_model(w.saved(tokenizer=PLUGIN), w.path / "a.html", catalog=w.bundled()),
    ),
    (import_model, ModelNotFoundError, lambda w: import_model(w.path / "a.zip", w.registry())),
    (import_model, UsageError, lambda w: import_model(w.file("a.txt"), w.registry())),
    (import_model, MissingDependencyError, lambda w: w.without("h5py") and import_model(w.file("a.h5"), w.registry())),
    (find_sources, UsageError, lambda _: find_sources([""])),
    (find_sources, MissingDependencyError, lambda w: w.without("s3fs") and find_sources(["s3://bucket/a.txt"])),
    (
        find_sources,
        MissingDependencyError,
        lambda w: w.without("zstandard").file("a", ZSTD) and find_sources([str(w.path)]),
    ),
    (Source.blocks, MissingDependencyError, lambda w: list(_unreadable(w).blocks())),
    (Source.text, MissingDependencyError, lambda w: list(_unreadable(w).text())),
    (Source.text, OptionError, lambda w: list(_unreadable(w).text("nonsense"))),
    (Source.start, MissingDependencyError, lambda w: _unreadable(w).start()),
]


def _unreadable(world: World) -> Source:
    """A file that only a package reads which is not installed."""
    (source,) = find_sources([str(world.without("zstandard").file("a.txt.zst", ZSTD))])
    return source


@pytest.mark.parametrize(
    ("function", "error", "call"),
    [
        pytest.param(*row, id=f"{row[0].__qualname__}-{row[1].__name__}-{number}")
        for number, row in enumerate(RAISED, start=1)
    ],
)
def test_what_is_raised_is_stated(world, function, error, call):
    with pytest.raises(SeqgenError) as raised:
        call(world)
    assert raised.type is error
    stated = set(re.findall(r"\w+Error", inspect.getdoc(function).partition("\nRaises:")[2]))
    assert stated & {each.__name__ for each in error.__mro__ if issubclass(each, SeqgenError)} - {"SeqgenError"}
