"""What a training takes over from the model that it goes on from (``--from``): its corpus, its parts, its shape, its weights."""

from __future__ import annotations

from typing import Any

import numpy as np

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
from seqgen.origins import in_brackets, of_backend, of_corpus, of_model
from seqgen.recorded_corpus import recorded_corpus
from seqgen.recorded_parts import find_recorded, make_backend, with_recorded_options
from seqgen.training.chosen import ChosenOptions
from seqgen.training.options import recorded
from seqgen.training.sources import Sources


def inherit_corpus(
    chosen: ChosenOptions, catalog: Catalog, parent: SavedModel
) -> tuple[ChosenOptions, tuple[str, ...]]:
    """Take the sources of the corpus that a model was trained on, where a person names none; as much of it is held out.

    Raises:
        UsageError: it is not there as it was, or not read unasked; says to name it.
    """
    try:
        advice = f"Name what to go on with: seqgen train CORPUS --from {parent.where}"
        sources = recorded_corpus(parent, catalog, advice=advice).sources
    except CorpusError as error:
        raise UsageError(str(error)) from error
    if not chosen.given("validation_fraction"):
        held_out = recorded(parent.config.training, "validation_fraction", where=parent.where)
        chosen = chosen.take(of_model(parent.where), **held_out)
    return chosen, sources


def choose_dataset(chosen: ChosenOptions, corpus: Sources, parent: SavedModel | None) -> ChosenOptions:
    """Take the dataset that suits a named corpus, else that of the model that training goes on from, unless one is given."""
    if chosen.given("dataset"):
        return chosen
    if corpus.dataset:
        return chosen.take(of_corpus(corpus.sources[0]), dataset=corpus.dataset)
    if parent is not None and isinstance(theirs := parent.config.training.get("dataset"), str):
        return chosen.take(of_model(parent.where), dataset=theirs)
    return chosen


def choose_backend(
    chosen: ChosenOptions, catalog: Catalog, parent: SavedModel | None
) -> tuple[ChosenOptions, PartEntry, Backend]:
    """Take the backend that is named, or the first installed one that trains.

    Where training goes on from a model whose architecture that one does not have, it is the model's.  The model's own has
    the options that it was trained with, as far as none are given.

    Raises:
        MissingDependencyError: none is installed that trains, or the model's is not.
        OptionError: the one that is named does not train.
    """
    text, origin = chosen.options.backend, chosen.origins["backend"]
    if text is not None:
        named = PartSpec.parse(text)
        entry = catalog.find("backend", named.name)
    else:
        if parent is not None and not _is_usual(catalog, parent.config.model.architecture):
            entry = find_recorded(catalog, "backend", parent.config, where=parent.where)
            origin = of_model(parent.where)
        else:
            entry = _first_that_trains(catalog)
        text, named = entry.name, PartSpec(entry.reference, {})
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
        text = str(PartSpec(text.partition(":")[0], theirs))
    return chosen.take(origin, backend=text), entry, backend


def _is_usual(catalog: Catalog, architecture: str) -> bool:
    """Whether the first installed backend that trains has an architecture."""
    # Without a canonical form it is of one backend alone; PyTorch is not imported to say so.
    if architecture not in GATES:
        return False
    return architecture in catalog.make("backend", _first_that_trains(catalog).reference).architectures()


def _first_that_trains(catalog: Catalog) -> PartEntry:
    for entry in catalog.entries("backend"):
        if not entry.missing and entry.load().can_train:
            return entry
    msg = 'No backend that trains is installed.  pip install "seqgen[torch]" or "seqgen[keras]"'
    raise MissingDependencyError(msg)


def choose_architecture(chosen: ChosenOptions, entry: PartEntry, backend: Backend) -> ChosenOptions:
    """Keep the architecture where the backend has it; take the backend's first where none was named.

    Raises:
        OptionError: the backend does not have the one that was named, or that the model has.
    """
    known, asked = backend.architectures(), chosen.options.architecture
    if asked in known:
        return chosen
    if chosen.given("architecture"):
        msg = f'Backend "{entry.name}" has no architecture "{asked}".  It has: {", ".join(known)}'
        raise OptionError(msg)
    return chosen.take(of_backend(entry.name), architecture=known[0])


def inherit(chosen: ChosenOptions, parent: SavedModel) -> ChosenOptions:
    """Take the shape, the tokenizer and what the weights began with of the parent.

    Raises:
        OptionError: an option is given otherwise.
    """
    inherited = {option.name: getattr(parent.config.model, option.name) for option in options.options_of(ModelSpec)}
    said = {name: value for name, value in parent.config.training.items() if value is not None}
    # An imported model, and one of before there was a choice, does not say what its biases began with.
    inherited |= recorded({"output_bias": "zero"} | said, "tokenizer", "output_bias", where=parent.where)
    del inherited["vocab_size"]  # the tokenizer's
    for name, value in inherited.items():
        asked = getattr(chosen.options, name)
        if chosen.given(name) and name != "dropout" and asked != value:
            msg = (
                f"{name} is {asked}{in_brackets(chosen.origins[name])}, but {parent.where} was made with {value}.  Leave it out "
                f"to go on from {parent.where}"
            )
            raise OptionError(msg)
    left = {name: value for name, value in inherited.items() if not chosen.given(name)}
    return chosen.take(of_model(parent.where), **left)


def inherited_weights(
    parent: SavedModel,
    entry: PartEntry,
    backend: Backend,
    config: ModelConfig,
    end_id: int | None,
    ids: Ids | None,
    random_seed: int,
) -> Weights:
    """The parent's weights, with rows for the tokens that it has not.

    What was never to be predicted begins as unlikely as the most unlikely token that was: new tokens, and the end of a document
    where the parent was trained without ends and this training has them.

    Args:
        parent: the model that training goes on from.
        entry: of the backend, where weights have no canonical form.
        backend: trains.
        config: of the model that is to be trained.
        end_id: of its tokenizer.
        ids: those that each of the parent's tokens has now; None where there are no new ones.
        random_seed: of what is fresh.
    """
    weights, spec = parent.weights(backend, entry), config.model
    if ids is not None:
        weights = extended_weights(weights, spec, ids, random_seed)
    if parent.config.has_ends or spec.architecture not in GATES:
        return weights
    # It says nothing of how rare an end is: an imported model's lies so far below all else that whatever begins there takes
    # hundreds of steps to become as likely as it should be.
    every = np.arange(spec.vocab_size)
    old = every if ids is None else ids
    predicted = old[old != end_id]
    bias = weights["output.bias"].copy()
    bias[np.setdiff1d(every, predicted if config.has_ends else old)] = bias[predicted].min()
    return weights | {"output.bias": bias}
