"""What ``import seqgen`` offers, and all that the command line calls."""

from __future__ import annotations

import math
import signal
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqgen.checkpoint import SavedModel
from seqgen.core.backend import Model
from seqgen.core.catalog import Catalog
from seqgen.core.errors import OptionError, SeqgenWarning
from seqgen.core.options import PartSpec
from seqgen.core.tokenizer import Tokenizer
from seqgen.generation.generate import stream
from seqgen.generation.prompt import ending, opening
from seqgen.generation.selection import with_defaults
from seqgen.generation.writer import nothing
from seqgen.installed import installed_catalog
from seqgen.language_model import LanguageModel
from seqgen.recorded_parts import find_recorded, make_backend, make_recorded
from seqgen.registry import ModelVersion, Registry
from seqgen.training.chosen import resolve_options

if TYPE_CHECKING:
    from seqgen.registry.summary import ModelSummary
    from seqgen.training.dry_run import DryRun
    from seqgen.training.lr_find import RangeTest
    from seqgen.training.preparation import Preparation
    from seqgen.training.samples import SavedSamples

DEFAULT_GENERATOR = "seqgen/numpy"
"""The backend that generates where none is named: it loads at once, and is the fastest for one stream on a CPU that rounds no weights."""

SAMPLE_TOKENS = 120
"""Length of the text that ``train`` shows now and then."""


SAVED_SAMPLES, SAVED_LENGTH = 3, 200
"""Texts that are kept with a published model, and the characters of each; tokens, for media that cannot be cut after any byte."""

PROBED_TOKENS = 20
"""Tokens that are written first, to learn how long those texts would take."""


def train(
    *corpus: str | Path,
    name: str | None = None,
    preset: str | None = None,
    config: str | Path | None = None,
    resume: str | None = None,
    from_model: str | None = None,
    log_to: str | Sequence[str] = (),
    progress: bool = True,
    catalog: Catalog | None = None,
    raise_signals: bool = True,
    environment: Mapping[str, str] | None = None,
    **options: Any,
) -> LanguageModel:
    """Train a model and publish it in the registry.

        model = seqgen.train("my-novel.txt", backend="torch", tokenizer="char", max_time="2m")

    Some settings of frameworks are one for a whole process, and stay as a training has needed them: the how-to page on Python has a list.

    Args:
        *corpus: files, folders, globs, URLs, ``-`` for standard input, or names of corpora; none: the bundled one, or with
            ``from_model`` what that model was trained on.
        name: of the model; default: after the corpus.  With ``from_model`` and no corpus it is the name of that model, of which
            this becomes the next version.
        preset: a named set of options: default, small, large, tutorial.
        config: a TOML file of options.
        resume: go on with the newest unfinished run of this model (``""``: of any), exactly where it was saved.
        from_model: start from the weights, shape and tokenizer of a model.
        log_to: callbacks that follow the metrics, as ``NAME:key=value``.
        progress: show progress on standard error, or in the notebook.
        catalog: the parts to choose from; default: everything installed.
        raise_signals: Ctrl-C, SIGTERM and SIGHUP end the training early, and the model is published and can be resumed.  Then the
            signal is raised once more, for whatever the program does at it; if not, the model is returned.
        environment: variables in which options may stand too, as ``SEQGEN_HIDDEN_SIZE``; None: those of the process.
        **options: the fields of :class:`seqgen.training.options.TrainingOptions`.

    Returns:
        The model with its best weights.  ``training_record`` says how it went; ``signal_number`` is the signal that
        ended it early, if one did.

    Raises:
        SeqgenError: one of its kinds, with a sentence that says what to do.
        KeyboardInterrupt: Ctrl-C ended it.
    """
    from seqgen.training.progress import make_reporter
    from seqgen.training.resuming import resumable
    from seqgen.training.session import Session
    from seqgen.training.sources import source_names

    own_catalog = catalog is not None
    catalog = catalog or installed_catalog()
    log_to = (log_to,) if isinstance(log_to, str) else tuple(log_to or ())
    session = Session(
        catalog,
        make_reporter(progress=progress),
        _sampling(catalog) if progress else None,
        log_to,
        samples=partial(samples, catalog),
    )
    if resume is not None:
        others = {"name": name, "preset": preset, "config": config, "from_model": from_model}
        outcome = session.resume(resume or None, resumable(corpus, others | options))
    else:
        chosen = resolve_options(options, preset=preset, config=config, environment=environment)
        parent = find_model(from_model) if from_model is not None else None
        outcome = session.start(source_names(corpus), chosen, name=name, parent=parent)
    if outcome.signal_number is not None and raise_signals:
        try:
            signal.raise_signal(outcome.signal_number)  # to the program's own handler, which may go on
        except KeyboardInterrupt as error:
            error.add_note(f'Saved as {outcome.version}.  To go on: seqgen.train(resume="{outcome.version.name}")')
            raise
    # Not by its name: where models are found may have changed since, and what was published lies where it was.
    model = _built(outcome.version.open(), catalog=catalog, own_catalog=own_catalog)
    model.training_record = outcome.record
    model.signal_number = outcome.signal_number
    return model


def dry_run(*corpus: str | Path, progress: bool = True, catalog: Catalog | None = None, **arguments: Any) -> DryRun:
    """What ``train`` would do with these arguments: parameters, memory, options, pace and time, from a few real steps.

        print(seqgen.api.dry_run("my-novel.txt", max_time="5m").seconds_per_epoch)

    Nothing is left behind but the cache of tokens and, of what can be read only once, as ``-``, the text.

    Args:
        *corpus: as for ``train``.
        progress: say on standard error what is being done.
        catalog: the parts to choose from.
        **arguments: as for ``train``: name, preset, config, from_model, and options.

    Raises:
        SeqgenError: one of its kinds, as ``train`` does.
    """
    from seqgen.training import pace
    from seqgen.training.dry_run import dry_run as measured
    from seqgen.training.progress import make_reporter

    prepared = _prepared(corpus, catalog, **arguments)
    make_reporter(progress=progress).note(f"dry run  {pace.WARM_UP + pace.STEPS} steps of {prepared.described} ...")
    return measured(prepared)


def find_learning_rate(
    *corpus: str | Path, progress: bool = True, catalog: Catalog | None = None, **arguments: Any
) -> RangeTest:
    """A learning-rate range test of what ``train`` would train with these arguments.

        rate = seqgen.api.find_learning_rate("my-novel.txt").suggestion

    Nothing is left behind but what ``dry_run`` leaves.

    Args:
        *corpus: as for ``train``.
        progress: say on standard error what is being done.
        catalog: the parts to choose from.
        **arguments: as for ``train``: name, preset, config, from_model, and options.

    Raises:
        SeqgenError: one of its kinds, as ``train`` does.
    """
    from seqgen.training import lr_find
    from seqgen.training.progress import make_reporter

    prepared = _prepared(corpus, catalog, **arguments)
    rates = f"rates from {lr_find.LOWEST:g} to {lr_find.HIGHEST:g}"
    make_reporter(progress=progress).note(f"lr-find  {lr_find.STEPS} steps at {rates} of {prepared.described} ...")
    return lr_find.range_test(prepared)


def load(
    model: str | Path | None = None,
    *,
    backend: str | None = None,
    device: str = "auto",
    catalog: Catalog | None = None,
) -> LanguageModel:
    """A trained model, ready to generate.

        print(seqgen.load("novel@best").generate("the ice", length=400))

    Args:
        model: ``NAME``, ``NAME:VERSION``, ``NAME@latest``, ``NAME@best``, or a model folder; None: trained last.
        backend: what computes, as ``NAME:key=value``; default: ``numpy``, or what it was trained with where NumPy
            does not know the architecture, or a device other than the CPU is named.  Of the one that it was trained
            with, options that are not given are those of the training.
        device: where it runs; ``auto`` takes the backend's best.
        catalog: the parts to choose from; default: everything installed.

    Raises:
        UsageError: this is neither a reference nor the path of a folder; or it is not known where models are kept.
        ModelNotFoundError, DamagedModelError: there is no such model, or its files are not what was written.
        UnknownPartError, AmbiguousPartError: there is no such backend, or several are called so.
        MissingDependencyError: a plugin or package that it needs is not installed.
        PluginError: a plugin that it needs fails, or was turned off.
        OptionError: the backend does not have the model's architecture, or the device, or one of its options is wrong.
    """
    own_catalog = catalog is not None
    catalog = catalog or installed_catalog()
    return _built(find_model(model), backend=backend, device=device, catalog=catalog, own_catalog=own_catalog)


def _built(
    saved: SavedModel,
    *,
    backend: str | None = None,
    device: str = "auto",
    catalog: Catalog,
    own_catalog: bool,
) -> LanguageModel:
    """What is saved, ready to generate; see ``load``.  Another process can load it again, unless the catalog is the caller's own."""
    tokenizer = saved.tokenizer(catalog)
    if backend is None:
        entry = catalog.find("backend", DEFAULT_GENERATOR)
        engine = catalog.make("backend", entry.reference)
        # On a CPU it is faster than each framework, alone and side by side (docs/explanation/performance.md).
        here = device == "auto" or device in engine.devices()
        if saved.config.model.architecture not in engine.architectures() or not here:
            entry = find_recorded(catalog, "backend", saved.config, where=saved.where)
            engine = make_recorded(catalog, "backend", saved.config, where=saved.where)
    else:
        spec = PartSpec.parse(backend)
        entry = catalog.find("backend", spec.name)
        engine = make_backend(catalog, spec, saved.config, where=saved.where)
    architecture = saved.config.model.architecture
    if architecture not in engine.architectures():
        msg = (
            f'Backend "{entry.name}" has no architecture "{architecture}", which {saved.where} has.  It has: '
            f"{', '.join(engine.architectures())}"
        )
        raise OptionError(msg)
    weights = saved.weights(engine, entry)
    built = saved.mixed(engine.build(saved.config.model, device=device, weights=weights))
    loaded = LanguageModel(saved=saved, tokenizer=tokenizer, model=built, backend=entry.name, catalog=catalog)
    if not own_catalog:
        at = saved.folder.absolute()  # another process may work in another folder
        found = at if saved.version is None else replace(saved.version, folder=at)
        loaded.again = partial(_again, found, saved.where, backend, device)
    return loaded


def _again(found: ModelVersion | Path, where: str, backend: str | None, device: str) -> LanguageModel:
    """The model that was found, in another process or beside the first."""
    saved = SavedModel.open(found, where=where) if isinstance(found, Path) else found.open()
    return _built(saved, backend=backend, device=device, catalog=installed_catalog(), own_catalog=False)


def find_model(model: str | Path | None) -> SavedModel:
    """A model folder by reference or path, read and checked; None: the model trained last.

    Raises:
        UsageError, ModelNotFoundError, DamagedModelError: see ``load``.
    """
    registry = Registry.at_home()
    if model is None:
        return registry.latest().open()
    found = registry.locate(model)
    return SavedModel.open(found, where=str(found)) if isinstance(found, Path) else found.open()


def samples(catalog: Catalog, folder: Path, seconds: float = math.inf) -> SavedSamples:
    """A few short texts that the model of a folder writes from the start, always with the same draws.

    Args:
        catalog: the parts.
        folder: of the model.
        seconds: about how long that may take; where it is not enough, the texts are shorter.
    """
    from seqgen.training.samples import SavedSamples

    model = load(folder, catalog=catalog)
    begun = time.perf_counter()
    tokens = sum(1 for _ in model.prepare(length=PROBED_TOKENS, random_seed=0).stream().texts())
    pace = (time.perf_counter() - begun) / max(1, tokens)
    count = max(1, int(min(SAVED_LENGTH, seconds / pace)))
    length = str(count) if model.tokenizer.framed else f"{count}c"
    generation = model.prepare(length=length, random_seed=0)
    return SavedSamples(
        texts=tuple(sample.text for sample in generation.samples(SAVED_SAMPLES)),
        random_seed=0,
        samplers=tuple(map(str, generation.samplers)),
        length=length,
    )


def models() -> list[ModelSummary]:
    """Every version of every model in the registry, by name and number, each with what a list says of it.

        [each.reference for each in seqgen.models() if "best" in each.aliases]

    Bits per character compare only versions that were trained on the same corpus, which has the same ``fingerprint``.
    A ``SeqgenWarning`` tells of labels that cannot be read; the versions of that model then have no tag, note or alias of a person's.

    Raises:
        UsageError: it is not known where models are kept.
    """
    from seqgen.registry.summary import summaries

    found, faults = summaries(Registry.at_home())
    for fault in faults:
        warnings.warn(fault, SeqgenWarning, stacklevel=2)
    return found


def _sampling(catalog: Catalog) -> Callable[[Model, Tokenizer, bool], str]:
    """Writes a short text for the progress display: from the start, and always with the same draws."""
    samplers = with_defaults((), catalog)

    def sample(model: Model, tokenizer: Tokenizer, has_ends: bool) -> str:
        end_id, forbid = ending(tokenizer, has_ends=has_ends)
        start = opening(tokenizer, nothing(tokenizer), has_ends=has_ends)
        written = stream(model, tokenizer, start, length=SAMPLE_TOKENS, samplers=samplers, end_id=end_id, forbid=forbid)
        return "".join(piece for piece in written if isinstance(piece, str))

    return sample


def _prepared(
    corpus: Sequence[str | Path],
    catalog: Catalog | None,
    *,
    name: str | None = None,
    preset: str | None = None,
    config: str | Path | None = None,
    from_model: str | None = None,
    **options: Any,
) -> Preparation:
    """What ``train`` prepares before it trains."""
    from seqgen.training.preparation import prepare
    from seqgen.training.sources import source_names

    chosen = resolve_options(options, preset=preset, config=config)
    parent = find_model(from_model) if from_model is not None else None
    return prepare(catalog or installed_catalog(), source_names(corpus), chosen, name=name, parent=parent)
