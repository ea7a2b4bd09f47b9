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
    "backend": "torch",
    "tokenizer": "char:lowercase=true",
    "dataset": "text",
    "architecture": "lstm",
    "embedding_size": 64,
    "hidden_size": 8,
    "num_layers": 1,
    "dropout": 0.1,
    "tie_embeddings": False,
    "input_encoding": "embedding",
    "output_bias": "frequencies",
    "ngram_order": 0,
    "seq_len": 64,
    "batch_size": 16,
    "batching": "stream",
    "validation_fraction": 0.1,
    "unseen": "refuse",
    "epochs": None,
    "max_steps": 20,
    "max_time": None,
    "optimizer": "adamw",
    "learning_rate": 0.008,
    "lr_schedule": "linear",
    "warmup_steps": 0,
    "grad_clip": 1.0,
    "beta_2": 0.99,
    "weight_decay": 0.01,
    "weight_average": 0.1,
    "eval_every": "epoch",
    "patience": None,
    "checkpoint_every": 60.0,
    "keep": 2,
    "device": "auto",
    "precision": "auto",
    "auto_batch": False,
    "random_seed": 0,
    "deterministic": False,
}
"""A configuration of a run, as ``on_start`` is handed it: the model's name and every training option."""

METRICS: tuple[Mapping[str, Any], ...] = (
    {
        "step": 10,
        "epoch": 0.5,
        "seconds": 1.25,
        "tokens": 10240,
        "progress": 0.5,
        "learning_rate": 0.0053,
        "train_loss": 2.5,
        "validation_loss": None,
        "gradient_norm": None,
        "largest_gradient_norm": None,
        "bits_per_character": None,
    },
    {
        "step": 20,
        "epoch": 1.0,
        "seconds": 2.5,
        "tokens": 20480,
        "progress": 1.0,
        "learning_rate": 0.0017,
        "train_loss": 2.25,
        "validation_loss": 2.375,
        "gradient_norm": 0.25,
        "largest_gradient_norm": 0.5,
        "bits_per_character": 3.4264,
    },
)
"""Lines of metrics: one of a run without a validation part, which has no loss on it, and one of a run that has both."""

SUMMARY: Mapping[str, Any] = {
    "model": "ice",
    "version": 1,
    "path": "/models/é/ice/1",
    "steps": 20,
    "epochs": 1.0,
    "seconds": 2.5,
    "tokens": 20480,
    "tokens_per_second": 8192.0,
    "characters_per_second": 8192.0,
    "train_loss": 2.25,
    "validation_loss": None,
    "best_step": 20,
    "bits_per_character": 3.2461,
    "training_characters_per_token": 1.0,
    "parameters": 3942,
    "backend": "torch",
    "device": "cpu",
    "precision": "float32",
    "failed": False,
    "interrupted": False,
    "stopped_by_callback": False,
    "setbacks": 0,
    "training": {name: value for name, value in CONFIG.items() if name != "model"},
}
"""The record of a run without a validation part, as ``on_end`` is handed it."""

REASON = "The loss is not a number any more after step 21: training diverged.  Try a lower rate: --learning-rate 0.002"
"""Why a run failed, as ``on_failure`` is handed it."""


class CallbackContract(Contract):
    """The laws of callbacks.

        class TestDiary(CallbackContract):
            def make(self):
                return Diary()

    A callback is really called, with made-up runs: what it sends is sent, so let its defaults send nothing anywhere.  It is called
    in an empty folder, so that it may write where it likes, and is handed what a run hands over: every key of its configuration,
    metrics and summary.
    """

    @abstractmethod
    def make(self) -> Callback:
        """A fresh callback."""

    def instance(self) -> Callback:
        """A fresh callback."""
        return self.make()

    def _gives_values(self) -> bool:
        return True  # one that needs an address may have no default that sends something anywhere

    @law
    def test_a_whole_run_is_followed(self) -> None:
        """A run is followed from start to end, also where a value is None, and ``stop`` gives text.

        What a callback raises takes it out of the run, so that the rest of the log is missing.
        """
        with _in_empty_folder() as folder:
            callback = self.make()
            _called("on_start", callback.on_start, copy.deepcopy(CONFIG), folder)
            for metrics in copy.deepcopy(METRICS):
                _called("on_metrics", callback.on_metrics, metrics)
                reason = _called("stop", callback.stop)
                require(
                    isinstance(reason, str), f"stop gives {reason!r}.  A sentence ends the run; empty text does not."
                )
            _called("on_end", callback.on_end, copy.deepcopy(SUMMARY))

    @law
    def test_a_run_may_end_before_anything_was_measured(self) -> None:
        """``on_end`` may come straight after ``on_start``.

        A run that is interrupted early ends before the first evaluation.
        """
        with _in_empty_folder() as folder:
            callback = self.make()
            _called("on_start", callback.on_start, copy.deepcopy(CONFIG), folder)
            _called("on_end after on_start", callback.on_end, copy.deepcopy(SUMMARY))

    @law
    def test_a_run_may_end_without_a_model(self) -> None:
        """``on_failure`` may come instead of ``on_end``, also straight after ``on_start``.

        What a callback raises then is told a person beside what the run failed of, which matters more.
        """
        with _in_empty_folder() as folder:
            for lines in ((), METRICS[1:]):
                callback = self.make()
                _called("on_start", callback.on_start, copy.deepcopy(CONFIG), folder)
                for metrics in copy.deepcopy(lines):
                    _called("on_metrics", callback.on_metrics, metrics)
                _called("on_failure", callback.on_failure, REASON)

    @law
    def test_a_run_may_go_back(self) -> None:
        """``on_metrics`` may come with a step that was passed before.

        A run that diverges goes back to its last checkpoint, and one that was broken off is gone on with from there.
        """
        with _in_empty_folder() as folder:
            callback = self.make()
            _called("on_start", callback.on_start, copy.deepcopy(CONFIG), folder)
            for step in (20, 10, 20):
                _called("on_metrics", callback.on_metrics, {**METRICS[1], "step": step})
            _called("on_end", callback.on_end, copy.deepcopy(SUMMARY))

    @law
    def test_what_it_is_handed_is_not_modified(self) -> None:
        """The configuration, metrics and summary are left as they are.

        They are the run's own, and what the next callback and the model's files get.
        """
        with _in_empty_folder() as folder:
            callback = self.make()
            given: list[Any] = copy.deepcopy(
                [CONFIG, METRICS[0], SUMMARY]
            )  # no law may change what the next one hands over
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
                _called(f"on_start of the {run} run", callback.on_start, copy.deepcopy(CONFIG), folder)
                _called(f"on_metrics of the {run} run", callback.on_metrics, copy.deepcopy(METRICS[0]))
                _called(f"on_end of the {run} run", callback.on_end, copy.deepcopy(SUMMARY))


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
