"""Training a published model again, and holding what comes out against what was recorded."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from seqgen import api, settings
from seqgen.checkpoint import SavedModel
from seqgen.core.catalog import Catalog
from seqgen.core.distributions import normal_name
from seqgen.core.errors import UsageError
from seqgen.core.kinds import KINDS
from seqgen.installed import installed_catalog
from seqgen.language_model import LanguageModel
from seqgen.model_config import ModelConfig
from seqgen.recorded_corpus import recorded_corpus
from seqgen.registry import Registry, check_name
from seqgen.training.naming import name_after
from seqgen.training.reproduction import MACHINE, Comparison, Reproduction, compare, reproduction
from seqgen.training.sources import resolve_sources
from seqgen.untrusted import shown


@dataclass(frozen=True)
class Again:
    """A training that is to be repeated.

    Attributes:
        recorded: the model.
        how: the arguments it was trained with.
        given: whether a person named its corpus here; otherwise it is where the model's folder says.
        name: of the new model.
    """

    recorded: SavedModel
    how: Reproduction
    given: bool
    name: str

    @property
    def command(self) -> str:
        """The command line that does it."""
        return self.how.command(self.name)

    @property
    def notes(self) -> tuple[str, ...]:
        """What cannot come out the same, in sentences."""
        return self.how.notes

    def run(self, *, progress: bool = True, catalog: Catalog | None = None) -> tuple[Comparison, LanguageModel]:
        """Train, and compare.

        Args:
            progress: show progress on standard error, or in the notebook.
            catalog: the parts to choose from; default: everything installed.

        Raises:
            CorpusError: the corpus is not where it was, or is not what it was.
            SeqgenError: as for :func:`seqgen.train`.
        """
        catalog = catalog or installed_catalog()
        # Before anything is trained: is it the text that the model was trained on?
        given = resolve_sources(self.how.sources).paths if self.given else ()
        recorded_corpus(self.recorded, catalog, sources=given)
        how: Mapping[str, Any] = {"name": self.name, "from_model": self.how.parent, **self.how.values}
        environment = settings.variables_that_set(MACHINE, os.environ)  # what it was trained without is not set either
        made = api.train(*self.how.sources, progress=progress, catalog=catalog, environment=environment, **how)
        return compare(self.recorded.manifest, made.saved.manifest), made


def reproduce(
    model: str | Path, *, corpus: Sequence[str | Path] = (), name: str | None = None, catalog: Catalog | None = None
) -> Again:
    """How a model was trained, ready to be done again.

        outcome, made = seqgen.reproduce.reproduce("novel@best").run()

    Args:
        model: as for :func:`seqgen.load`.
        corpus: where its corpus is now; none: where it was.
        name: of the new model; default: its own with ``-again``, so that ``@latest`` stays what it is.
        catalog: the parts that its own must be told from; default: everything installed.

    Raises:
        ModelNotFoundError, DamagedModelError: there is no such model, or it was altered.
        UsageError: not a model name; or the model was imported, and so never trained here.
    """
    saved = api.find_model(model)
    if isinstance(imported := saved.manifest.get("imported"), Mapping):
        raise UsageError(
            f"{saved.where} was not trained with seqgen but imported from {shown(imported.get('file'))}, so that no command makes it "
            "again."
        )
    registry = Registry.at_home()
    how = reproduction(saved.config, saved.manifest)
    how = replace(how, values=_told_apart(how.values, saved.config, catalog or installed_catalog()))
    if corpus:
        how = replace(how, sources=tuple(map(str, corpus)))
    if how.parent is not None and (parent := registry.parent_of(saved.manifest)) is not None:
        how = replace(how, parent=str(parent))
    version = registry.version_at(saved.folder)
    own = version.name if version is not None else str(saved.manifest.get("name") or name_after(str(model)))
    name = f"{own[:94]}-again" if name is None else name
    check_name(name)
    return Again(saved, how, given=bool(corpus), name=name)


def _told_apart(values: Mapping[str, Any], config: ModelConfig, catalog: Catalog) -> Mapping[str, Any]:
    """The options, with the distribution of a part wherever another one offers a part of its name."""
    told = dict(values)
    for kind in KINDS:
        if kind in config.parts and kind in values:
            record, text = config.parts[kind], str(values[kind])
            whose = normal_name(record.distribution)
            named = [entry for entry in catalog.entries(kind) if entry.name == record.name == text.partition(":")[0]]
            own = [entry for entry in named if normal_name(entry.plugin.distribution) == whose]
            if own and len(named) > 1:
                told[kind] = own[0].reference + text.removeprefix(record.name)
    return told
