"""Models with random weights, in folders of their own: what the exports read."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from seqgen.backends.numpy.model import NumpyModel
from seqgen.checkpoint import SavedModel, write_weights
from seqgen.core.canonical import initial_weights
from seqgen.core.catalog import Catalog
from seqgen.core.options import option_values
from seqgen.core.spec import ModelSpec
from seqgen.core.tokenizer import Tokenizer
from seqgen.files import write_json
from seqgen.installed import installed_catalog
from seqgen.interop.adopt import adopt
from seqgen.interop.exported_model import ExportedModel
from seqgen.manifest import CONFIG, NGRAMS, TOKENIZER, WEIGHTS, write_manifest
from seqgen.model_config import ModelConfig, PartRecord, config_to_json
from seqgen.ngrams.counting import count_ngrams
from seqgen.ngrams.mixture import Mixture, weights_shape
from seqgen.registry import ModelVersion


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    return installed_catalog()


TEXT = "The ice was thick, and it sang.  “Café,” said Élodie — 12 naïve gulls’ cries!\n\tΣίσυφος; İstanbul… 😀\n"

SYMBOLS = [*"the quickbrownfxjmpsvlazydg\n"]  # not in the order of code points
"""The characters of foreign models, in the order of their rows."""


def model_folder(
    folder: Path, tokenizer: Tokenizer, name: str, *, has_ends: bool = False, ngram_order: int = 0, **shape: object
) -> Path:
    """Write a model folder with fresh weights, and biases that are not zero; with n-grams of that order, if there is one."""
    spec = ModelSpec(vocab_size=tokenizer.vocab_size, **shape)
    generator = np.random.default_rng(1)
    weights = {  # recurrent ones no larger: the state of what amplifies differences is chaos, in which no two agree
        tensor: value * 0.9
        if tensor.endswith("recurrent_weight")
        else value + generator.normal(0, 0.3, value.shape).astype(np.float32)
        for tensor, value in initial_weights(spec, random_seed=2).items()
    }
    parts = {
        "tokenizer": PartRecord(name, "seqgen", "0", option_values(tokenizer)),
        "dataset": PartRecord("text", "seqgen", "0"),
        "backend": PartRecord("numpy", "seqgen", "0"),
    }
    folder.mkdir(parents=True)
    write_weights(folder / WEIGHTS, weights)
    if ngram_order:
        tokens = np.resize(tokenizer.encode(TEXT).astype(np.int64), 2_000)
        noisy = np.where(generator.random(2_000) < 0.2, generator.integers(0, spec.vocab_size, 2_000), tokens)
        table = count_ngrams(noisy, spec.vocab_size, ngram_order)
        mixing = generator.random(weights_shape(ngram_order), np.float32)
        mixture = Mixture(NumpyModel(spec, weights), table, mixing)
        write_weights(folder / NGRAMS, mixture.tensors())
    config = ModelConfig(spec, parts, {"batching": "stream", "seq_len": 16}, {}, has_ends)
    write_json(folder / CONFIG, config_to_json(config))
    write_json(folder / TOKENIZER, tokenizer.state())
    write_manifest(folder, {"name": "made", "created": "2026-01-02T03:04:05+00:00", "results": {}, "corpus": {}})
    return folder


@pytest.fixture
def adopted(tmp_path: Path, catalog: Catalog) -> Callable[..., Adopted]:
    """Imports a file with the vocabulary ``SYMBOLS``, or another; gives the model as it is loaded again."""

    def read(source: Path, vocabulary: object = SYMBOLS) -> Adopted:
        listed = tmp_path / "vocabulary.json"
        listed.write_text(json.dumps(vocabulary), "utf-8")
        folder = tmp_path / f"imported-{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        adopt(source, folder, listed)
        saved = SavedModel.open(folder, where="imported")
        loaded = ExportedModel.of(saved, catalog)
        return Adopted(saved, loaded, NumpyModel(loaded.spec, loaded.weights))

    return read


@dataclass(frozen=True)
class Adopted:
    """A model that was imported."""

    saved: SavedModel
    source: ExportedModel
    model: NumpyModel

    def logits(self, rows: np.ndarray, vocabulary: list[str]) -> np.ndarray:
        """The logits (B, T, V) after tokens (B, T), both in the foreign model's rows."""
        symbols = self.source.tokenizer.state()["symbols"]
        id_of_row = np.array([symbols.index(symbol) for symbol in vocabulary])
        state, found = self.model.initial_state(len(rows)), []
        for step in range(rows.shape[1]):
            logits, state = self.model.next_logits(id_of_row[rows[:, step]], state)
            found.append(logits[:, id_of_row])
        return np.stack(found, axis=1)


@pytest.fixture
def make_model(tmp_path: Path) -> Callable[..., SavedModel]:
    """A model folder with this tokenizer and shape."""

    def make(tokenizer: Tokenizer, name: str, **options: object) -> SavedModel:
        within = tmp_path / f"registry-{len(list(tmp_path.iterdir()))}"
        folder = model_folder(within / "made" / "1", tokenizer, name, **options)
        return ModelVersion("made", 1, folder).open()

    return make


@pytest.fixture
def make_source(make_model: Callable[..., SavedModel], catalog: Catalog) -> Callable[..., ExportedModel]:
    """What an export sees of such a model."""
    return lambda tokenizer, name, **options: ExportedModel.of(make_model(tokenizer, name, **options), catalog)
