"""From a corpus and options to a published model: everything around the training loop."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from seqgen import home
from seqgen.checkpoint import SavedModel
from seqgen.core.callback import Callback
from seqgen.core.catalog import Catalog
from seqgen.core.errors import OutputError, TrainingError, UsageError
from seqgen.core.memory import out_of_memory
from seqgen.core.redact import redacted
from seqgen.evaluation import UNKNOWN_TOLD
from seqgen.registry import ModelVersion, Registry
from seqgen.registry.store import identity_of
from seqgen.training.chosen import ChosenOptions
from seqgen.training.diagnosis import Diagnosis
from seqgen.training.follower import Follower, GuardedCallback, WriteSample, told_of_failure
from seqgen.training.frequencies import fresh_loss, token_counts, token_entropy
from seqgen.training.interruption import Interruption, interruption
from seqgen.training.memory import enough_memory
from seqgen.training.mixing import check_mixing, mixed_in
from seqgen.training.options import SettledOptions
from seqgen.training.preparation import Preparation, prepare
from seqgen.training.progress import Reporter
from seqgen.training.publish import Facts, kept, publish, record, rescue, save_unless_saved
from seqgen.training.recovery import train_with_setbacks
from seqgen.training.resuming import prepare_again, read_about, read_settings, way_on, way_on_with_another
from seqgen.training.run import About, Run
from seqgen.training.samples import SavedSamples, written
from seqgen.training.trainer import DivergedError, Trainer
from seqgen.training.unfinished import find_unfinished

SAMPLES_SHARE, SAMPLES_SECONDS = 0.02, 1.0
"""How long the texts that are kept with a model may take to write: a share of the training, but that many seconds at least."""


UNLIKE = 3
"""So many times more, or less, than asked for may be held out before that is said."""


class WriteSavedSamples(Protocol):
    """Lets the model of a folder write a few texts, in about so many seconds."""

    def __call__(self, folder: Path, /, *, seconds: float) -> SavedSamples:
        """The texts."""


@dataclass(frozen=True)
class Outcome:
    """What a run gave.

    Attributes:
        version: the published model.
        record: what ``train --json`` prints.
        signal_number: the signal that ended the run early, or None.
    """

    version: ModelVersion
    record: dict[str, Any]
    signal_number: int | None


@dataclass
class Session:
    """Trains on behalf of a person: the catalog to take parts from, and who is told what.

    Attributes:
        catalog: the parts.
        reporter: shows progress.
        sample: writes a short text now and then, for the reporter; None where nobody looks.
        log_to: callbacks, as ``NAME:key=value``.
        callbacks: callbacks that are there already; they are called after those.
        samples: writes the few texts that are kept with the model.
        mixes_interrupted: whether n-grams are counted also for what a signal ended early.
        training_folder: where the states of runs are kept until they end.
        registry: where models are published.
    """

    catalog: Catalog
    reporter: Reporter
    sample: WriteSample | None
    log_to: Sequence[str] = ()
    callbacks: Sequence[Callback] = ()
    samples: WriteSavedSamples | None = None
    mixes_interrupted: bool = True
    training_folder: Path = field(default_factory=home.training_folder)
    registry: Registry = field(default_factory=Registry.at_home)

    def start(
        self,
        sources: Sequence[str],
        chosen: ChosenOptions,
        *,
        name: str | None = None,
        parent: SavedModel | None = None,
    ) -> Outcome:
        """Train a new model.

        Args:
            sources: files, folders, globs, URLs, ``-``, or names of corpora.
            chosen: what was given, and where.
            name: of the model; default: after the first source.
            parent: a model to go on from: its tokenizer, shape and weights.

        Raises:
            OutputError: the model could not be published, or the run's folder cannot be written.
        """
        callbacks = self._callbacks()
        with self._preparing():
            prepared = prepare(self.catalog, sources, chosen, name=name, parent=parent, busy=self.reporter.busy)
        self.registry.check_writable(prepared.name)
        run = Run.create(
            self.training_folder,
            prepared.name,
            prepared.config,
            prepared.tokenizer.state(),
            About(
                sources=tuple(prepared.sources),
                fingerprint=prepared.store.fingerprint,
                parent=parent.where if parent else None,
                parent_sha256=identity_of(parent.folder, where=parent.where) if parent else None,
                log_to=tuple(self.log_to),
            ),
        )
        with contextlib.closing(run):
            self.reporter.note(f"corpus   {prepared.choice}")
            self._tell_of_unknown(prepared)
            self._tell_of_held_out(prepared)
            with told_of_failure(callbacks):
                return self._go(run, prepared, callbacks, resume=False)

    def resume(self, name: str | None, budget: Mapping[str, Any]) -> Outcome:
        """Go on with the newest unfinished run, exactly where its last checkpoint was.

        Args:
            name: of the model, or its version that the run published last; None: of any.
            budget: options that may change, see ``resuming.RESUMABLE``; None takes a limit away, or lets seqgen choose.

        Raises:
            ModelNotFoundError: there is no such run.
            OptionError: the corpus is not the one that the run was started on, or nothing would end the run.
            UsageError: it was to go on from a model whose weights it does not have; or another version is named; or it was begun
                with callbacks that cannot be made any more.
            OutputError: its model could not be published.
        """
        run = find_unfinished(name, self.training_folder, self.registry)
        with contextlib.closing(run):
            config = read_settings(run, budget)
            check_mixing(SettledOptions(**config.training))
            self.registry.check_writable(run.name)
            about = read_about(run)
            if about.parent is not None and run.newest_step() is None:
                run.remove()  # it has nothing, and --resume would come to it again
                msg = (
                    f"The run of {run.name} was to go on from {about.parent} and ended before its weights were saved.  Start it "
                    f"again with --from {about.parent}"
                )
                raise UsageError(msg)
            begun_with, self.log_to = () if self.log_to else about.log_to, self.log_to or about.log_to
            with way_on_with_another(run, begun_with):
                callbacks = self._callbacks()
            with self._preparing():
                prepared = prepare_again(run, config, about, self.catalog, busy=self.reporter.busy)
            with told_of_failure(callbacks):
                return self._go(run, prepared, callbacks, resume=True)

    def _go(self, run: Run, prepared: Preparation, callbacks: list[GuardedCallback], *, resume: bool) -> Outcome:
        config, options, tokenizer = prepared.config, prepared.options, prepared.tokenizer
        training, validation = prepared.training, prepared.validation
        run.keep = options.keep
        if training.batch_size < options.batch_size:
            self.reporter.note(f"corpus   {_few(training.batch_size, options)}")
        ratio = prepared.characters_per_token
        counts = token_counts(training.part.tokens, tokenizer.vocab_size)
        parent = run.about().parent
        fresh = fresh_loss(config.model) if parent is None else math.inf
        diagnosis = Diagnosis(options, token_entropy(counts), fresh, ratio)
        follower = Follower(run, tokenizer, config.has_ends, self.reporter, self.sample, callbacks, ratio, diagnosis)
        trainer = Trainer(
            model=prepared.model,
            training=training,
            validation=validation,
            budget=prepared.budget,
            schedule=prepared.schedule,
            eval_every=training.steps_per_epoch if options.eval_every == "epoch" else options.eval_every,
            patience=options.patience,
            checkpoint_every=options.checkpoint_every,
            observer=follower,
        )
        if resume:
            with way_on(run):
                run.restore(trainer)
            run.change(config)  # not before: what cannot go on here may go on with the version that began it
            for line in run.metrics():
                diagnosis.metrics(line)  # what they show was said in the sitting before
            self.reporter.note(f"resume   {run.name} at step {trainer.counters.step:,}")
        self.reporter.note(f"model    {prepared.described}")
        self._tell_callbacks(run, config.training, callbacks, resume=resume)
        failure: TrainingError | None = None
        with interruption(lambda signal: self.reporter.note(f"{signal}: finishing this step and saving ...")) as asked:
            trainer.stop = asked
            try:
                if not resume and parent is not None:
                    follower.checkpoint(trainer)  # of weights that no random seed gives again
                with enough_memory(options):
                    train_with_setbacks(trainer, run, self.reporter, auto_batch=options.auto_batch)
                # Mixing and publishing may take long, and be killed.  A signal that ended the loop has had this step saved; one in
                # its last evaluation has not.
                if not asked() or follower.saved_at != trainer.counters.step:
                    follower.checkpoint(trainer)
            except TrainingError as error:
                failure = error
            except BaseException as error:
                left = "Left at once." if isinstance(error, KeyboardInterrupt) else "Training was broken off."
                self.reporter.warn(f"{left}  {kept(run)}  To go on: seqgen train --resume {run.name}")
                raise
            finally:
                self.reporter.close()
            order = options.ngram_order if self.mixes_interrupted or not asked() else 0
            mixed = mixed_in(
                trainer, order, self.reporter, asked, catalog=self.catalog, characters_per_token=ratio.validation
            )
        facts = Facts(run, prepared, trainer, mixed=mixed, failed=failure is not None)
        return self._finish(facts, callbacks, asked, failure)

    def _tell_callbacks(
        self, run: Run, values: Mapping[str, Any], callbacks: Sequence[GuardedCallback], *, resume: bool
    ) -> None:
        """Say that training begins; some ask a person, or wait for a server."""
        try:
            for callback in callbacks:
                callback.call("on_start", {"model": run.name, **values}, run.folder)
        except KeyboardInterrupt:
            if not resume:
                run.remove()
            self.reporter.warn("Left before training began.")
            raise

    def _finish(
        self, facts: Facts, callbacks: list[GuardedCallback], asked: Interruption, failure: TrainingError | None
    ) -> Outcome:
        run = facts.run
        # Memory may suffice another time.  What diverged would do so again, and be what --resume goes on with.
        cause = failure.__cause__ if failure is not None else None
        goes_on = run.newest_step() is not None and isinstance(cause, Exception) and out_of_memory(cause)
        if failure is not None and facts.trainer.best_weights is None:
            if not goes_on:
                run.remove()
                raise failure
            msg = f"{failure}\n{kept(run)}  To go on: seqgen train --resume {run.name}"
            raise TrainingError(msg) from failure
        try:
            version = publish(facts, self.registry, partial(self._samples, facts.trainer.counters.seconds))
        except OutputError as error:
            msg = f"{error}\n{rescue(facts)}"
            raise OutputError(msg) from error
        except BaseException:  # somebody has no time for it, or a part cannot say what it is
            with contextlib.suppress(OutputError, DivergedError):
                save_unless_saved(facts)
            self.reporter.warn(f"Publishing was broken off.  {kept(run)}  To go on: seqgen train --resume {run.name}")
            raise
        outcome = record(facts, version)
        try:
            self._tell_of_end(outcome, version, callbacks)
        finally:
            if not goes_on and (failure is not None or not asked()):
                run.remove()
        if failure is not None:
            msg = f"{failure}\nThe best weights before that are kept as {version}."
            if goes_on:
                msg += f"  {kept(run)}  To go on: seqgen train --resume {run.name}"
            raise TrainingError(msg) from failure
        if asked():
            # Where the disk did not take a checkpoint of this step, it is an older one that is gone on from.
            older = "" if run.newest_step() == facts.trainer.counters.step else f"  {kept(run)}"
            self.reporter.note(f"Saved as {version}.{older}  To go on: seqgen train --resume {run.name}")
        return Outcome(version, outcome, asked.signal_number)

    def _tell_of_end(
        self, outcome: Mapping[str, Any], version: ModelVersion, callbacks: Sequence[GuardedCallback]
    ) -> None:
        """Say what was published; some send it somewhere, which may take longer than a person waits."""
        try:
            for callback in callbacks:
                callback.call("on_end", outcome)
        except KeyboardInterrupt:
            for callback in callbacks:
                callback.published()
            self.reporter.warn(f"Saved as {version}.  What callbacks do at the end was broken off.")
            raise

    def _tell_of_unknown(self, prepared: Preparation) -> None:
        """Say what no loss counts, where it is much."""
        if prepared.unknown >= UNKNOWN_TOLD:
            self.reporter.warn(
                f"{prepared.unknown:.1%} of the corpus are symbols that the vocabulary lacks.  They are left out or read as others, and "
                "no loss counts what is lost by that: do not compare it with another model's."
            )

    def _tell_of_held_out(self, prepared: Preparation) -> None:
        """Say what is measured on, where that is not what a reader of the options would think."""
        validation, asked = prepared.validation, prepared.options.validation_fraction
        if validation is None:
            return
        held_out = len(validation.part.tokens)
        share = held_out / len(prepared.store.tokens)
        if not asked / UNLIKE < share < asked * UNLIKE:
            self.reporter.warn(
                f"{share:.1%} of the corpus is held out, and not {asked:.0%}: whole documents are, equal ones together, so that a few "
                "may be much of it."
            )
        if validation.partial:
            self.reporter.note(
                f"corpus   losses are measured on {validation.targets:,} tokens from all over the {held_out:,} held out"
            )

    @contextlib.contextmanager
    def _preparing(self) -> Iterator[None]:
        """Reading and encoding the corpus, which may take long."""
        try:
            yield
        except KeyboardInterrupt:
            self.reporter.warn(
                "Left before training began.  What was encoded is kept: the same command goes on from there."
            )
            raise
        finally:
            self.reporter.close()

    def _samples(self, trained: float, folder: Path) -> SavedSamples | None:
        """What a model of so many seconds of training writes."""
        if self.samples is None:
            return None
        samples = partial(self.samples, seconds=max(SAMPLES_SECONDS, SAMPLES_SHARE * trained))
        return written(samples, folder, warn=self.reporter.warn)

    def _callbacks(self) -> list[GuardedCallback]:
        named = [(f"--log-to {redacted(spec)}", self.catalog.make("callback", spec)) for spec in self.log_to]
        there = [(f"callback {type(callback).__name__}", callback) for callback in self.callbacks]
        return [GuardedCallback(spec, callback, self.reporter) for spec, callback in [*named, *there]]


def _few(batch_size: int, options: SettledOptions) -> str:
    """Why there are fewer sequences in a batch than asked for."""
    told = f"so batch_size is {batch_size} and not {options.batch_size}"
    if options.batching != "documents":
        return f"small, {told}"
    documents = "1 document" if batch_size == 1 else f"{batch_size:,} documents"
    return f"of {documents} to train on, {told}; of a long one, --batching stream reads several places at once"
