"""Callbacks, each broken in one thing, and the law that must reject it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar

from annotated_doc import Doc
from annotated_types import Ge

from seqgen.callbacks.csv_log import CsvLog
from seqgen.core.callback import Callback
from seqgen.testing.callback import CallbackContract

CONTRACT = CallbackContract
MUTANTS: list[tuple[str, str, type[CallbackContract]]] = []


def breaks(law: str, broken: str):
    """Put a callback among the mutants."""

    def register(part: type[Callback]) -> type[Callback]:
        MUTANTS.append((law, broken, type(part.__name__, (CallbackContract,), {"make": lambda _: part()})))
        return part

    return register


@breaks("test_every_exception_names_a_law", "an exception without a reason")
class WithoutReason(CsvLog):
    exceptions: ClassVar[Mapping[str, str]] = {"test_a_whole_run_is_followed": ""}


@breaks(
    "test_each_option_has_a_type_a_sentence_and_a_default_that_it_allows", "options on a class that is no dataclass"
)
class NoDataclass(Callback):
    path: Annotated[str, Doc("where it goes")] = "log.txt"


@breaks(
    "test_each_option_has_a_type_a_sentence_and_a_default_that_it_allows", "a field without a sentence is no option"
)
@dataclass(kw_only=True)
class Unexplained(CsvLog):
    every: int = 3


@breaks("test_each_option_refuses_wrong_values", "an option that raises another error than OptionError")
@dataclass(kw_only=True)
class RaisesLate(Callback):
    every: Annotated[int, Ge(0), Doc("write each so many lines")] = 1

    def __post_init__(self):
        self.rate = 1 / self.every


@breaks("test_the_options_survive_json", "an option that is bytes")
@dataclass(kw_only=True)
class OfBytes(Callback):
    separator: Annotated[bytes, Doc("between two lines")] = b"\xff"


@breaks("test_a_whole_run_is_followed", "a loss that is None cannot be formatted")
class FormatsTheLoss(Callback):
    def on_metrics(self, metrics):
        Path("log.txt").write_text(f"{metrics['validation_loss']:.3f}", "utf-8")


@breaks("test_a_whole_run_is_followed", "stop says yes or no, and not why")
class SaysYesOrNo(Callback):
    def stop(self):
        return False


@breaks("test_a_run_may_end_before_anything_was_measured", "the end needs a first line of metrics")
@dataclass(kw_only=True)
class NeedsMetrics(Callback):
    seen: list[Any] = field(default_factory=list)

    def on_metrics(self, metrics):
        self.seen.append(metrics)

    def on_end(self, summary):
        Path("log.txt").write_text(str(self.seen[-1]), "utf-8")


@breaks("test_a_run_may_end_without_a_model", "a failure needs a first line of metrics")
@dataclass(kw_only=True)
class FailsWithoutMetrics(Callback):
    seen: list[Any] = field(default_factory=list)

    def on_metrics(self, metrics):
        self.seen.append(metrics)

    def on_failure(self, reason):
        Path("log.txt").write_text(f"{self.seen[-1]}: {reason}", "utf-8")


@breaks("test_a_run_may_end_without_a_model", "a failure is thought of only before there are metrics")
class FailsAtTheStartAlone(Callback):
    measured = False

    def on_metrics(self, metrics):
        self.measured = True

    def on_failure(self, reason):
        if self.measured:
            raise ValueError(reason)


@breaks("test_a_run_may_go_back", "each step must be higher than the one before")
@dataclass(kw_only=True)
class OnlyForward(Callback):
    steps: list[int] = field(default_factory=lambda: [0])

    def on_metrics(self, metrics):
        self.steps.append(metrics["step"])
        if self.steps[-1] < self.steps[-2]:
            raise ValueError(self.steps)


@breaks("test_what_it_is_handed_is_not_modified", "the step is taken out of the metrics")
class TakesTheStep(Callback):
    def on_metrics(self, metrics):
        metrics.pop("step")


@breaks("test_what_it_is_handed_is_not_modified", "all that it is handed is emptied")
class EmptiesAll(Callback):
    def on_start(self, config, folder):
        config.clear()

    def on_metrics(self, metrics):
        metrics.clear()

    def on_end(self, summary):
        summary.clear()


@breaks("test_two_runs_one_after_the_other_are_followed", "a log that must not exist yet")
class NewFileOnly(Callback):
    def on_start(self, config, folder):
        Path("log.txt").open("x", encoding="utf-8").close()
