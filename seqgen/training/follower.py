"""What follows the training loop: the display, the run's files, and callbacks, whose failure cannot end the run."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, TypeVar

from seqgen.core.backend import Model
from seqgen.core.callback import Callback
from seqgen.core.errors import GenerationError, OutputError, SeqgenError
from seqgen.core.plugin import in_a_line, in_words
from seqgen.core.redact import redacted
from seqgen.core.tokenizer import Tokenizer
from seqgen.training.diagnosis import Diagnosis
from seqgen.training.metrics import CharactersPerToken
from seqgen.training.progress import Reporter
from seqgen.training.run import Run
from seqgen.training.status import Status
from seqgen.training.trainer import Observer, Tick, Trainer

T = TypeVar("T")

WriteSample: TypeAlias = Callable[[Model, Tokenizer, bool], str]
"""Writes a short text with a model; the flag says whether the tokenizer's end token was learned."""


@dataclass
class Follower(Observer):
    """Hands what the trainer reports to the display, the run's files and the callbacks.

    Attributes:
        saved_at: the step of the last checkpoint that was written, or that the disk did not take; None before the first.
    """

    run: Run
    tokenizer: Tokenizer
    has_ends: bool
    reporter: Reporter
    sample: WriteSample | None
    callbacks: list[GuardedCallback]
    characters_per_token: CharactersPerToken
    diagnosis: Diagnosis
    saved_at: int | None = field(default=None, init=False)
    _ends: bool = field(default=False, init=False)

    def tick(self, tick: Tick) -> None:
        """Show the figures."""
        self.reporter.show(Status(tick, self.characters_per_token))

    def metrics(self, metrics: Mapping[str, Any]) -> None:
        """Into the run's file with the loss per character, to who warns, and to the callbacks, which may end the run."""
        bits = self.characters_per_token.validation_bits(metrics["validation_loss"])
        metrics = {**metrics, "bits_per_character": bits}
        try:
            self.run.append_metrics(metrics)
        except OutputError as error:
            self.reporter.warn(f"{error}  Training goes on.")
        for sentence in self.diagnosis.metrics(metrics):
            self.reporter.warn(sentence)
        for callback in self.callbacks:
            callback.call("on_metrics", metrics)
            if sentence := callback.stop():
                self._ends = True
                self.reporter.note(f"ended    by {callback.spec}: {sentence}")

    def evaluated(self, trainer: Trainer) -> None:
        """Show what the model writes now: nothing, where training is diverging, which its loss will tell."""
        if self.sample is None:
            return
        try:
            self.reporter.sample(self.sample(trainer.model, self.tokenizer, self.has_ends))
        except GenerationError:
            pass
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001  a third party's tokenizer; what was trained must not suffer
            self.sample = None
            self.reporter.warn(f"No sample can be shown: {in_words(error)}.  Training goes on.")

    def ends(self) -> bool:
        """Whether a callback has said why the run should end."""
        return self._ends

    def checkpoint(self, trainer: Trainer) -> None:
        """Save; where the disk does not take it, what is in memory is trained on all the same."""
        self.saved_at = trainer.counters.step
        try:
            self.run.save(trainer)
        except OutputError as error:
            goes_on = "" if trainer.stop() else "  Training goes on."
            self.reporter.warn(f"There is no checkpoint now: {error}{goes_on}")


@dataclass
class GuardedCallback:
    """A callback whose failure cannot end the run: what it raises is told once, and it is not called again.

    Attributes:
        spec: what it is, for messages.
    """

    spec: str
    callback: Callback
    reporter: Reporter
    _failed: bool = field(default=False, init=False)
    _follows: bool = field(default=False, init=False)

    def call(self, method: Literal["on_start", "on_metrics", "on_end"], *arguments: Any) -> None:
        """Call one of its methods, unless it failed before."""
        self._follows = method != "on_end"
        self._guarded(lambda: getattr(self.callback, method)(*copy.deepcopy(arguments)))  # what it changes is its own

    def published(self) -> None:
        """There is a model, also where nobody has time to tell of it, so that ``fail`` is to say nothing."""
        self._follows = False

    def fail(self, reason: str) -> None:
        """Say why training ended, if it was told that it began and not that it has ended."""
        if self._follows:
            self._follows = False
            self._guarded(lambda: self.callback.on_failure(reason))

    def stop(self) -> str:
        """Why it asks the run to end; empty where it does not, or has failed."""
        return self._guarded(lambda: _reason_of(self.callback)) or ""

    def _guarded(self, function: Callable[[], T]) -> T | None:
        if self._failed:
            return None
        try:
            return function()
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001  a third party's code; the training must not suffer
            self._failed = True
            self.reporter.warn(redacted(f"{self.spec} failed and is left out: {in_a_line(error)}"))
            return None


def _reason_of(callback: Callback) -> str:
    """What ``stop`` of a callback gives; nothing where it gives nothing.

    Raises:
        TypeError: it is no text, of which even asking whether it is empty may fail.
    """
    reason: object = callback.stop()
    if reason is None:
        return ""
    if not isinstance(reason, str):
        msg = f"stop gives {type(reason).__name__}, which is no text"
        raise TypeError(msg)
    return reason


@contextlib.contextmanager
def told_of_failure(callbacks: Sequence[GuardedCallback]) -> Iterator[None]:
    """Tell the callbacks that follow a run what ends it without a model."""
    try:
        yield
    except BaseException as error:
        for callback in callbacks:
            callback.fail(_reason(error))
        raise


def _reason(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt):
        return "It was left at once."
    return str(error).partition("\n")[0] if isinstance(error, SeqgenError) else in_a_line(error)
