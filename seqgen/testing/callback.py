"""What every callback must keep."""

from __future__ import annotations

import contextlib
import copy
import tempfile
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from seqgen.core.callback import Callback
from seqgen.testing.laws import Contract, LawBroken, law, require

CONFIG: Mapping[str, Any] = {
    "model": "ice",
    "tokenizer": "char:lowercase=true",
    "hidden_size": 8,
    "dropout": 0.1,
    "max_time": None,
    "sources": ["the ice.txt", "é.txt"],
}
"""A configuration of a run, with numbers, text, a list and None."""

METRICS: tuple[Mapping[str, Any], ...] = (
    {"step": 10, "epoch": 0.5, "seconds": 1.25, "tokens": 640, "train_loss": 2.5, "validation_loss": None},
    {"step": 20, "epoch": 1.0, "seconds": 2.5, "tokens": 1280, "train_loss": 2.25, "validation_loss": 2.375},
)
"""Lines of metrics; without a validation part there is no loss on it."""

SUMMARY: Mapping[str, Any] = {"model": "ice", "version": 1, "steps": 20, "train_loss": 2.25, "validation_loss": None}
"""The record of a run."""


class CallbackContract(Contract):
    """The laws of callbacks.

        class TestDiary(CallbackContract):
            def make(self):
                return Diary()

    A callback is called in an empty folder, so that it may write where it likes.
    """

    @abstractmethod
    def make(self) -> Callback:
        """A fresh callback."""

    def instance(self) -> Callback:
        """A fresh callback."""
        return self.make()

    @law
    def test_a_whole_run_is_followed(self) -> None:
        """A run is followed from start to end, also where a value is None, and ``stop`` gives text.

        What a callback raises takes it out of the run, so that the rest of the log is missing.
        """
        with _in_empty_folder() as folder:
            callback = self.make()
            _called("on_start", callback.on_start, CONFIG, folder)
            for metrics in METRICS:
                _called("on_metrics", callback.on_metrics, metrics)
                reason = _called("stop", callback.stop)
                require(
                    isinstance(reason, str), f"stop gives {reason!r}.  A sentence ends the run; empty text does not."
                )
            _called("on_end", callback.on_end, SUMMARY)

    @law
    def test_a_run_may_end_before_anything_was_measured(self) -> None:
        """``on_end`` may come straight after ``on_start``.

        A run that is interrupted early ends before the first evaluation.
        """
        with _in_empty_folder() as folder:
            callback = self.make()
            _called("on_start", callback.on_start, CONFIG, folder)
            _called("on_end after on_start", callback.on_end, SUMMARY)

    @law
    def test_what_it_is_handed_is_not_modified(self) -> None:
        """The configuration, metrics and summary are left as they are.

        They are the run's own, and what the next callback and the model's files get.
        """
        with _in_empty_folder() as folder:
            callback = self.make()
            given = copy.deepcopy([dict(CONFIG), dict(METRICS[0]), dict(SUMMARY)])
            before = copy.deepcopy(given)
            callback.on_start(given[0], folder)
            callback.on_metrics(given[1])
            callback.on_end(given[2])
            for name, was, now in zip(("on_start", "on_metrics", "on_end"), before, given, strict=True):
                require(now == was, f"{name} changed what it was handed: {was} became {now}.  Work on a copy.")

    @law
    def test_two_runs_one_after_the_other_are_followed(self) -> None:
        """A second run of the same options in the same folder is followed too.

        People train again and again; a file that is there already must not be the end of the log.
        """
        with _in_empty_folder() as folder:
            for run in ("first", "second"):
                callback = self.make()
                _called(f"on_start of the {run} run", callback.on_start, CONFIG, folder)
                _called(f"on_metrics of the {run} run", callback.on_metrics, METRICS[0])
                _called(f"on_end of the {run} run", callback.on_end, SUMMARY)


def _called(doing: str, method: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return method(*arguments)
    except Exception as error:
        handed = ", ".join(repr(each) for each in arguments if not isinstance(each, Path))
        msg = f"{doing} raises {type(error).__name__}: {error}, when handed {handed}"
        raise LawBroken(msg) from error


@contextlib.contextmanager
def _in_empty_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        yield Path(folder)
