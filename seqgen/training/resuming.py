"""What a run was started with, read back, checked and made ready to go on: nothing in its files is believed."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from seqgen import __version__, home
from seqgen.core.catalog import Catalog
from seqgen.core.errors import DamagedModelError, OptionError, SeqgenError, UsageError
from seqgen.core.kinds import Kind
from seqgen.core.options import checked, options_of
from seqgen.core.redact import redacted
from seqgen.data.split import split
from seqgen.data.store import fingerprint_of, open_or_build
from seqgen.manifest import CONFIG, TOKENIZER
from seqgen.model_config import ModelConfig, written_by
from seqgen.origins import CHOSEN, RESUME
from seqgen.recorded_parts import find_recorded, make_recorded, make_tokenizer
from seqgen.training.building import build_model, make_batches
from seqgen.training.frequencies import fresh_weights
from seqgen.training.memory import enough_memory
from seqgen.training.mixing import check_counting
from seqgen.training.options import OPTIONS_OF_BEFORE, SETTLED, SettledOptions, TrainingOptions
from seqgen.training.preparation import Preparation, working
from seqgen.training.run import About, Run
from seqgen.untrusted import are_texts, shown

LIMITS = ("epochs", "max_steps", "max_time")
"""Options of which one ends a run."""

RECORDED: tuple[Kind, ...] = ("tokenizer", "dataset", "backend")
"""Kinds of parts that every run names."""


RESUMABLE = (*LIMITS, "device", "auto_batch", "checkpoint_every", "keep", "ngram_order")
"""Options that may change where a run is gone on with."""


@contextlib.contextmanager
def way_on(run: Run) -> Iterator[None]:
    """Say of what keeps a run from being gone on with how to go on all the same.

    ``--resume`` comes to this run as long as it is the newest; and after an upgrade it may be whole, and another version's.
    """
    try:
        yield
    except DamagedModelError as error:
        begun, without = None, f"remove {run.folder}"
        with contextlib.suppress(DamagedModelError):
            begun = written_by(run.read(CONFIG))
        if begun in (None, __version__):
            raise DamagedModelError(f"{error}  To do without the run, {without}") from error
        versions = f"The run was begun with seqgen {begun}, and this is seqgen {__version__}"
        raise DamagedModelError(
            f"{error}  {versions}: go on with that one; where it does not either, {without}"
        ) from error


@contextlib.contextmanager
def way_on_with_another(run: Run, log_to: Sequence[str]) -> Iterator[None]:
    """Say how a run goes on where a callback that it was begun with cannot be made any more.

    Args:
        run: the run.
        log_to: what it was begun with; none where a person has named others now, whose fault it then is.
    """
    try:
        yield
    except SeqgenError as error:
        if not log_to:
            raise
        begun = " ".join(f"--log-to {redacted(spec)}" for spec in log_to)
        raise UsageError(
            f"{error}\nThe run of {run.name} was begun with {begun}.  To go on with another: seqgen train --resume {run.name} "
            "--log-to csv"
        ) from error


def resumable(corpus: Sequence[Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that may change where a run is gone on with, checked; those that are None are not given.

    Raises:
        UsageError: a corpus is named.
        OptionError: another option is given, or a value is not allowed.
    """
    if corpus:
        msg = "--resume goes on with the corpus that the run was started on; leave CORPUS out, or use --from MODEL."
        raise UsageError(msg)
    given = {key: value for key, value in options.items() if value is not None}
    if fixed := [key for key in given if key not in RESUMABLE]:
        msg = f"{', '.join(fixed)} cannot change on --resume; only {', '.join(RESUMABLE)} and log_to can.  To change more: --from MODEL"
        raise OptionError(msg)
    return checked(TrainingOptions, given, where="train --resume")


def read_about(run: Run) -> About:
    """What ``run.json`` says, checked.

    Raises:
        DamagedModelError: it is not what a run writes; says what to do.
    """
    with way_on(run):
        _check_about(run)
    return run.about()


def _check_about(run: Run) -> None:
    value = run.read("run.json")
    expected = {
        "sources": list,
        "fingerprint": str,
        "log_to": list,
        **dict.fromkeys(("parent", "parent_sha256"), str | None),
    }
    faults = [name for name, kind in expected.items() if name not in value or not isinstance(value[name], kind)]
    faults += [name for name in ("sources", "log_to") if name not in faults and not are_texts(value[name])]
    if unknown := value.keys() - expected.keys():
        faults.append(min(unknown))
    if faults:
        raise DamagedModelError(f"{run.folder}/run.json: {faults[0]} is not what a run writes there; it cannot go on.")


def read_settings(run: Run, given: Mapping[str, Any]) -> ModelConfig:
    """What ``config.json`` says, with the options that were given now.

    Raises:
        DamagedModelError: it is not what a run writes; says what to do.
        OptionError: what was given takes away the last limit.
    """
    with way_on(run):
        return _settings(run, given)


def _settings(run: Run, given: Mapping[str, Any]) -> ModelConfig:
    config = run.config()
    where = f"{run.folder}/config.json"
    names = {option.name for option in options_of(TrainingOptions)}
    lacking = names - config.training.keys()
    for wrong, what in (
        (config.training.keys() - names, "unknown to this seqgen"),
        (lacking - OPTIONS_OF_BEFORE.keys(), "missing"),
    ):
        if wrong:
            raise DamagedModelError(f"{where}: training.{shown(min(wrong))} is {what}; the run cannot go on.")
    before = {name: OPTIONS_OF_BEFORE[name] for name in lacking}
    try:
        values = {**before, **config.training, **dict.fromkeys(_superseded(config, given)), **given}
        training = checked(TrainingOptions, values, where=f"{where}: training")
    except OptionError as error:
        raise DamagedModelError(str(error)) from error
    empty = [name for name in SETTLED if training[name] is None]
    if not any(training[name] for name in LIMITS):
        if taken := [name for name in LIMITS if name in given]:
            msg = f"Without {' and '.join(taken)} nothing ends the run of {run.name}: give one of {', '.join(LIMITS)}."
            raise OptionError(msg)
        empty.append("max_time")
    if empty:
        raise DamagedModelError(f"{where}: training.{empty[0]} is empty, which no run leaves; it cannot go on.")
    for kind in RECORDED:
        if kind not in config.parts:
            raise DamagedModelError(f"{where}: names no {kind}; the run cannot go on.")
    return replace(config, training=training, origins={**config.origins, **dict.fromkeys((*before, *given), RESUME)})


def prepare_again(
    run: Run, config: ModelConfig, about: About, catalog: Catalog, *, busy: Callable[[str], None]
) -> Preparation:
    """What was prepared for a run that is gone on with: the same parts, tokens and batches, and a model of its shape.

    Args:
        run: the run.
        config: see ``read_settings``.
        about: see ``read_about``.
        catalog: the parts.
        busy: told often, in a line, how far encoding the corpus is.

    Raises:
        OptionError: the corpus is not the one that the run was started on, or its n-grams cannot be counted.
        SeqgenError: another of its kinds: a part is not there, or its files are not what a run writes.
    """
    where, options, tokens_folder = str(run.folder), SettledOptions(**config.training), home.tokens_folder()
    # All of them first, so that what is not installed is told before anything is read.
    entries = {kind: find_recorded(catalog, kind, config, where=where) for kind in RECORDED}
    tokenizer = make_tokenizer(entries["tokenizer"], run.read(TOKENIZER), config, where=where)
    dataset = make_recorded(catalog, "dataset", config, where=where, sources=about.sources)
    fingerprint = fingerprint_of(dataset, tokens_folder)
    if fingerprint.sha256 != about.fingerprint:
        msg = (
            f"The corpus of {run.name} has changed since the run was started ({', '.join(about.sources)}).  "
            "Put it back, or start anew with --from."
        )
        raise OptionError(msg)
    store = open_or_build(
        dataset, tokenizer, tokens_folder, fingerprint=fingerprint, progress=working("encoding", busy)
    )
    backend = make_recorded(catalog, "backend", config, where=where)
    training, validation = make_batches(split(store, options.validation_fraction), options)
    check_counting(options, tokens=len(training.part.tokens), vocab_size=tokenizer.vocab_size)
    with enough_memory(options):
        weights = fresh_weights(config.model, options, training.part.tokens)
        model = build_model(backend, config.model, options, weights=weights)
    return Preparation(
        name=run.name,
        config=config,
        options=options,
        tokenizer=tokenizer,
        store=store,
        training=training,
        validation=validation,
        model=model,
        sources=about.sources,
    )


def _superseded(config: ModelConfig, given: Mapping[str, Any]) -> list[str]:
    """Limits that nobody has set, where steps or passes are counted now: as in a run that begins with these, there are none then."""
    if not (given.get("epochs") or given.get("max_steps")):
        return []
    return [name for name in LIMITS if config.origins.get(name) == CHOSEN]
