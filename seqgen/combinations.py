"""Any tokenizer with any dataset, backend and sampler: which of those that are installed work together.

matrix = try_all(catalog)
print(matrix.failed, [cell.reasons for cell in matrix.cells if cell.outcome != "works"])
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeAlias, TypeVar

from seqgen import api, corpora
from seqgen.core.catalog import Catalog
from seqgen.core.dataset import Dataset
from seqgen.core.errors import OptionError, PluginError, SeqgenError
from seqgen.core.kinds import Kind
from seqgen.core.part_entry import PartEntry
from seqgen.core.plugin import stdout_to_stderr
from seqgen.language_model import LanguageModel
from seqgen.training.media import media_mismatch
from seqgen.training.sources import DEFAULT

T = TypeVar("T")

Outcome: TypeAlias = Literal["works", "refused", "untried", "fails"]
"""refused: it cannot be, which a property of the parts tells.  untried: something else is needed to try it."""

CORPUS_BYTES = 4000
"""Of each example corpus."""

TINY: Mapping[str, Any] = {
    "max_steps": 2,
    "hidden_size": 8,
    "embedding_size": 4,
    "seq_len": 16,
    "batch_size": 4,
    "random_seed": 0,
}
"""Options of each training."""

LENGTH, NUM_SAMPLES = 8, 2
"""Tokens and samples of each generation."""


@dataclass(frozen=True)
class Unusable:
    """A part or plugin that cannot be tried at all.

    Attributes:
        kind: of the part, or ``plugin``.
        outcome: untried where a package is missing, else fails.
    """

    kind: str
    name: str
    outcome: Outcome
    reason: str


@dataclass(frozen=True)
class Cell:
    """What came of a tokenizer, a dataset and a backend.

    Attributes:
        outcome: works only if training (where the backend trains) and every generation worked.
        samplers: those with which it generated, from every model of the two whose architecture it knows.
        reasons: why it does not work, each once.
        seconds: that training and generating took.
    """

    tokenizer: str
    dataset: str
    backend: str
    outcome: Outcome = "works"
    samplers: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    seconds: float = 0.0

    def after(self, reason: str) -> Cell:
        """The cell after something more failed, for this reason."""
        return replace(self, outcome="fails", reasons=tuple(dict.fromkeys((*self.reasons, reason))))

    def since(self, start: float) -> Cell:
        """The cell after something that began at that reading of the clock."""
        return replace(self, seconds=round(self.seconds + time.perf_counter() - start, 3))


@dataclass(frozen=True)
class Matrix:
    """What came of all combinations.

    Attributes:
        backends, samplers: the names of those that were tried.
        cells: tokenizer by tokenizer, then dataset by dataset, then backend by backend.
        unusable: what could not be tried, and why.
    """

    backends: tuple[str, ...]
    samplers: tuple[str, ...]
    cells: tuple[Cell, ...]
    unusable: tuple[Unusable, ...]

    @property
    def failed(self) -> bool:
        """Whether anything fails."""
        return "fails" in [each.outcome for each in self.cells] + [each.outcome for each in self.unusable]


Follow: TypeAlias = Callable[[str], None]
"""Called now and then with what is being tried."""


def try_all(catalog: Catalog, *, follow: Follow | None = None) -> Matrix:
    """Train a tiny model with each tokenizer, dataset and backend, and generate from it with each backend and sampler.

    It all happens in a ``SEQGEN_HOME`` of its own that is removed at the end.  Until then it is that of the whole process, so that
    other threads would train and load there, too.  What parts print goes to standard error.

    Args:
        catalog: the parts.
        follow: to show how far it is.

    Raises:
        KeyboardInterrupt: somebody wants it to end.
    """
    with stdout_to_stderr(), _temporary_home() as folder:
        return _Trial(catalog, folder, follow or (lambda _: None)).matrix()


@dataclass(frozen=True)
class _Part:
    """A part that can be used.

    Attributes:
        name: as shown: without the distribution where no other part has that name.
        part: its class; of a backend, what it can do.
    """

    entry: PartEntry
    name: str
    part: Any


@dataclass(frozen=True)
class _Backend:
    can_train: bool
    architectures: tuple[str, ...]


@dataclass(frozen=True)
class _Corpus:
    """What a dataset is tried on: sources, or why there are none."""

    sources: tuple[str, ...] = ()
    outcome: Outcome = "works"
    reason: str = ""


class _Trial:
    def __init__(self, catalog: Catalog, folder: Path, follow: Follow) -> None:
        self._catalog = catalog
        self._folder = folder
        self._follow = follow
        self._unusable: list[Unusable] = []
        catalog.entries("tokenizer")  # from now on, plugins are being imported
        catalog.wait()
        self._tokenizers = self._usable("tokenizer")
        self._datasets = self._usable("dataset")
        self._backends = self._usable("backend")
        self._samplers = self._usable("sampler")
        self._corpora = {dataset.entry.reference: self._corpus(dataset) for dataset in self._datasets}

    def matrix(self) -> Matrix:
        cells: list[Cell] = []
        pairs = [(tokenizer, dataset) for tokenizer in self._tokenizers for dataset in self._datasets]
        for number, (tokenizer, dataset) in enumerate(pairs, start=1):
            cells += self._pair(tokenizer, dataset, f"{number}/{len(pairs)}  {tokenizer.name} × {dataset.name}")
        plugins = [
            Unusable(
                "plugin", plugin.distribution, "fails", f"plugin {plugin.distribution}: {_one_line(plugin.problem)}"
            )
            for plugin in self._catalog.plugins
            if plugin.problem
        ]
        return Matrix(
            backends=tuple(backend.name for backend in self._backends),
            samplers=tuple(sampler.name for sampler in self._samplers),
            cells=tuple(cells),
            unusable=(*plugins, *self._unusable),
        )

    def _usable(self, kind: Kind) -> list[_Part]:
        """The parts of a kind that can be used; the others are noted."""
        entries = self._catalog.entries(kind)
        often = Counter(entry.name for entry in entries)
        found = []
        for entry in entries:
            name = entry.name if often[entry.name] == 1 else entry.reference
            part, reason = _tried(partial(self._loaded, entry))
            if reason:
                self._unusable.append(Unusable(kind, name, "untried" if entry.missing else "fails", reason))
            else:
                found.append(_Part(entry, name, part))
        return found

    def _loaded(self, entry: PartEntry) -> Any:
        if entry.kind != "backend":
            return entry.load()
        backend = self._catalog.make("backend", entry.reference)
        try:
            return _Backend(bool(backend.can_train), tuple(backend.architectures()))
        except Exception as error:
            msg = f"{entry.where} cannot say what it can do: {type(error).__name__}: {error}"
            raise PluginError(msg) from error

    def _corpus(self, dataset: _Part) -> _Corpus:
        part: type[Dataset] = dataset.part
        folder = self._folder / "corpora" / dataset.entry.reference
        folder.mkdir(parents=True)
        sources, reason = _tried(lambda: tuple(part.example(folder, CORPUS_BYTES)))
        if reason:
            return _Corpus((), "fails", f"example corpus of dataset {dataset.name}: {reason}")
        if sources:
            return _Corpus(sources)
        if part.media_type == "text/plain":
            return _Corpus(_plain_text(folder))
        sentence = (
            f"Dataset {dataset.name} gives {part.media_type} and has no corpus to be tried on.  Give it the classmethod "
            "example(folder, size)"
        )
        return _Corpus((), "untried", sentence)

    def _pair(self, tokenizer: _Part, dataset: _Part, doing: str) -> list[Cell]:
        """The cells of a tokenizer and a dataset, one for each backend."""
        corpus = self._corpora[dataset.entry.reference]
        if sentence := media_mismatch(dataset.entry, dataset.part, tokenizer.entry, tokenizer.part):
            corpus = _Corpus((), "refused", sentence)
        cells = [Cell(tokenizer.name, dataset.name, backend.name) for backend in self._backends]
        if not corpus.sources:
            return [replace(cell, outcome=corpus.outcome, reasons=(corpus.reason,)) for cell in cells]
        models: list[LanguageModel] = []
        for number, backend in enumerate(self._backends):
            if backend.part.can_train:
                self._follow(f"{doing} × {backend.name}: training")
                start = time.perf_counter()
                train = partial(self._train, corpus.sources, tokenizer, dataset, backend)
                model, reason = _tried(train)
                if model:
                    models.append(model)
                else:
                    cells[number] = cells[number].after(f"training by {backend.name}: {reason}")
                cells[number] = cells[number].since(start)
        for number, backend in enumerate(self._backends):
            self._follow(f"{doing} × {backend.name}: generating")
            cells[number] = self._generated(cells[number], backend, models)
        return cells

    def _train(self, sources: Sequence[str], tokenizer: _Part, dataset: _Part, backend: _Part) -> LanguageModel:
        model = api.train(
            *sources,
            name=f"{tokenizer.name}.{dataset.name}.{backend.name}".replace("/", "."),
            tokenizer=tokenizer.entry.reference,
            dataset=dataset.entry.reference,
            backend=backend.entry.reference,
            progress=False,
            catalog=self._catalog,
            raise_signals=False,
            environment={},
            **TINY,
        )
        if model.signal_number is not None:  # a signal ends training early, and here all that was to follow
            raise KeyboardInterrupt
        return model

    def _generated(self, cell: Cell, backend: _Part, models: Sequence[LanguageModel]) -> Cell:
        """The cell after its backend has generated from each model whose architecture it knows, with each sampler."""
        start = time.perf_counter()
        architectures = backend.part.architectures
        known = [model for model in models if model.saved.config.model.architecture in architectures]
        if not known and not cell.reasons:
            sentence = (
                f"Backend {backend.name} does not train, and none that does gave a model that it knows: "
                f"{', '.join(architectures)}"
            )
            return replace(cell, outcome="untried", reasons=(sentence,))
        failed = set() if known else {sampler.name for sampler in self._samplers}
        for model in known:
            load = partial(api.load, model.reference, backend=backend.entry.reference, catalog=self._catalog)
            loaded, reason = _tried(load)
            wrong, refused = self._wrong(loaded) if loaded else ({each.name: reason for each in self._samplers}, {})
            failed |= wrong.keys() | refused.keys()
            if len(wrong) == len(self._samplers) and len(set(wrong.values())) == 1:  # so it is no sampler's fault
                cell = cell.after(f"generating by {backend.name}: {next(iter(wrong.values()))}")
                continue
            for name, text in wrong.items():
                cell = cell.after(f"sampler {name}: {text}")
        working = tuple(sampler.name for sampler in self._samplers if sampler.name not in failed)
        return replace(cell, samplers=working).since(start)

    def _wrong(self, model: LanguageModel) -> tuple[dict[str, str], dict[str, str]]:
        """The samplers with which a model does not generate, and why; and those that refuse its tokenizer, as some of them may."""
        wrong, refused = {}, {}
        for sampler in self._samplers:
            generate = partial(model.generate, num_samples=NUM_SAMPLES, length=LENGTH, random_seed=0)
            try:
                _, reason = _tried(partial(generate, samplers=[sampler.entry.reference]), passing=OptionError)
            except OptionError as error:
                refused[sampler.name] = _one_line(str(error))
                continue
            if reason:
                wrong[sampler.name] = reason
        return (wrong, refused) if len(refused) < len(self._samplers) else (refused, {})


def _tried(do: Callable[[], T], *, passing: type[Exception] | tuple[()] = ()) -> tuple[T | None, str]:
    """What it gives, and why it failed; one of the two.  Errors of the kind that is to pass are raised."""
    try:
        return do(), ""
    except KeyboardInterrupt:
        raise
    except passing:
        raise
    except SeqgenError as error:
        return None, _one_line(str(error))
    except BaseException as error:  # noqa: BLE001  a plugin may raise anything, SystemExit included
        return None, _one_line(f"{type(error).__name__}: {error}")


def _one_line(text: str) -> str:
    return "  ".join(line.strip() for line in text.splitlines())


def _plain_text(folder: Path) -> tuple[str, ...]:
    """Two files of the bundled corpus's beginning."""
    path = corpora.locate(DEFAULT)
    assert path is not None  # it is bundled
    text = path.read_text("utf-8")[:CORPUS_BYTES]
    half = text.index("\n\n", CORPUS_BYTES // 2)
    files = folder / "one.txt", folder / "two.txt"
    for file, part in zip(files, (text[:half], text[half:]), strict=True):
        file.write_text(part, "utf-8")
    return tuple(map(str, files))


@contextlib.contextmanager
def _temporary_home() -> Iterator[Path]:
    """A folder that is ``SEQGEN_HOME``, of the whole process, until it is removed at the end."""
    before = os.environ.get("SEQGEN_HOME")
    with tempfile.TemporaryDirectory(prefix="seqgen-combinations-", ignore_cleanup_errors=True) as folder:
        os.environ["SEQGEN_HOME"] = folder
        try:
            yield Path(folder)
        finally:
            del os.environ["SEQGEN_HOME"]
            if before is not None:
                os.environ["SEQGEN_HOME"] = before
