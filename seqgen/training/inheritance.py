"""What a training takes over from the model that it goes on from (``--from``): its corpus, its parts, its shape, its weights."""

from __future__ import annotations

from typing import Any

from seqgen.checkpoint import SavedModel
from seqgen.core import options
from seqgen.core.backend import Backend
from seqgen.core.canonical import GATES, extended_weights
from seqgen.core.catalog import Catalog
from seqgen.core.errors import CorpusError, MissingDependencyError, OptionError, UsageError
from seqgen.core.options import PartSpec
from seqgen.core.part_entry import PartEntry
from seqgen.core.spec import ModelSpec
from seqgen.core.types import Ids, Weights
from seqgen.model_config import ModelConfig
from seqgen.recorded_corpus import recorded_corpus
from seqgen.recorded_parts import find_recorded, make_backend, with_recorded_options
from seqgen.training.options import recorded
from seqgen.training.sources import Sources


def inherit_corpus(
    parent: SavedModel, catalog: Catalog, values: dict[str, Any], origins: dict[str, str]
) -> tuple[str, ...]:
    """The sources of the corpus that a model was trained on, to go on with where a person names none; as much of it is held out.

    Raises:
        UsageError: it is not there as it was, or not read unasked; says to name it.
    """
    try:
        advice = f"Name what to go on with: seqgen train CORPUS --from {parent.where}"
        sources = recorded_corpus(parent, catalog, advice=advice).sources
    except CorpusError as error:
        raise UsageError(str(error)) from error
    if origins["validation_fraction"] == "default":
        values |= recorded(parent.config.training, "validation_fraction", where=parent.where)
        origins["validation_fraction"] = f"model {parent.where}"
    return sources


def choose_dataset(
    resolved: Sources, parent: SavedModel | None, values: dict[str, Any], origins: dict[str, str]
) -> None:
    """Take the dataset that suits a named corpus, else the one of the model that training goes on from."""
    if resolved.dataset:
        values["dataset"], origins["dataset"] = resolved.dataset, f"corpus {resolved.sources[0]}"
    elif parent is not None and isinstance(theirs := parent.config.training.get("dataset"), str):
        values["dataset"], origins["dataset"] = theirs, f"model {parent.where}"


def choose_backend(
    catalog: Catalog, parent: SavedModel | None, values: dict[str, Any], origins: dict[str, str]
) -> tuple[PartEntry, Backend]:
    """The backend that is named, or the first installed one that trains.

    Where training goes on from a model whose architecture that one does not have, it is the model's.  The model's own has
    the options that it was trained with, as far as none are given.

    Raises:
        MissingDependencyError: none is installed that trains, or the model's is not.
        OptionError: the one that is named does not train.
    """
    if values["backend"] is None:
        if parent is not None and not _is_usual(catalog, parent.config.model.architecture):
            entry = find_recorded(catalog, "backend", parent.config, where=parent.where)
            origins["backend"] = f"model {parent.where}"
        else:
            entry = _first_that_trains(catalog)
        values["backend"] = entry.name
        named = PartSpec(entry.reference, {})
    else:
        named = PartSpec.parse(values["backend"])
        entry = catalog.find("backend", named.name)
    spec = named
    if parent is None:
        backend = catalog.make("backend", named)
    else:
        spec = with_recorded_options(catalog, "backend", named, parent.config)
        backend = make_backend(catalog, named, parent.config, where=parent.where)
    if not backend.can_train:
        msg = f"Backend {entry.name} generates but does not train.  Try --backend torch or --backend keras"
        raise OptionError(msg)
    if spec != named:
        made_by: Any = type(backend)  # which mypy takes for no key of a cache
        defaults = {option.name: option.default for option in options.options_of(made_by)}
        theirs = {name: value for name, value in options.option_values(backend).items() if value != defaults[name]}
        values["backend"] = str(PartSpec(values["backend"].partition(":")[0], theirs))
    return entry, backend


def _is_usual(catalog: Catalog, architecture: str) -> bool:
    """Whether the first installed backend that trains has an architecture."""
    # Without a canonical form it is of one backend alone; PyTorch is not imported to say so.
    return architecture in GATES and architecture in _made(catalog, _first_that_trains(catalog)).architectures()


def _made(catalog: Catalog, entry: PartEntry) -> Backend:
    """A backend with its defaults."""
    return catalog.make("backend", PartSpec(entry.reference, {}))


def _first_that_trains(catalog: Catalog) -> PartEntry:
    for entry in catalog.entries("backend"):
        if not entry.missing and entry.load().can_train:
            return entry
    msg = 'No backend that trains is installed.  pip install "seqgen[torch]" or "seqgen[keras]"'
    raise MissingDependencyError(msg)


def choose_architecture(entry: PartEntry, backend: Backend, values: dict[str, Any], origins: dict[str, str]) -> None:
    """Keep the architecture where the backend has it; take the backend's first where none was named.

    Raises:
        OptionError: the backend does not have the one that was named, or that the model has.
    """
    known = backend.architectures()
    if values["architecture"] in known:
        return
    if origins["architecture"] != "default":
        msg = f'Backend "{entry.name}" has no architecture "{values["architecture"]}".  It has: {", ".join(known)}'
        raise OptionError(msg)
    values["architecture"], origins["architecture"] = known[0], f"backend {entry.name}"


def inherit(parent: SavedModel, values: dict[str, Any], origins: dict[str, str]) -> None:
    """Take the shape, the tokenizer and what the weights began with of the parent.

    Raises:
        OptionError: an option is given otherwise.
    """
    inherited = {option.name: getattr(parent.config.model, option.name) for option in options.options_of(ModelSpec)}
    said = {name: value for name, value in parent.config.training.items() if value is not None}
    # An imported model, and one of before there was a choice, does not say what its biases began with.
    inherited |= recorded({"output_bias": "zero"} | said, "tokenizer", "output_bias", where=parent.where)
    for name, value in inherited.items():
        if name not in values:
            continue
        given = origins[name] != "default"
        if given and name != "dropout" and values[name] != value:
            place = "" if origins[name] == "command line" else f" ({origins[name]})"
            msg = (
                f"{name} is {values[name]}{place}, but {parent.where} was made with {value}.  Leave it out to go on from "
                f"{parent.where}"
            )
            raise OptionError(msg)
        if not given:
            values[name], origins[name] = value, f"model {parent.where}"


def inherited_weights(
    parent: SavedModel, entry: PartEntry, backend: Backend, config: ModelConfig, ids: Ids | None
) -> Weights:
    """The parent's weights, with rows for the tokens that it has not: ``ids`` are those that each old one has now."""
    weights = parent.weights(backend, entry)
    if ids is None:
        return weights
    return extended_weights(weights, config.model, ids, config.training["random_seed"])
