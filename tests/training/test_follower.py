"""What follows the training loop can fail without ending it; and callbacks are told how it ended, also without a model."""

from __future__ import annotations

import json
import re
from asyncio import CancelledError

import pytest

import seqgen
from seqgen import home
from seqgen.backends.torch.model import TorchModel
from seqgen.core.callback import Callback
from seqgen.core.errors import GenerationError, OutputError, TrainingError
from seqgen.registry import Registry
from seqgen.training.run import Run

from .conftest import TINY, Reporter


def steps_of(folder):
    return [json.loads(line)["step"] for line in (folder / "metrics.jsonl").read_text().splitlines()]


def warnings_of(reporter):
    return [line for line in reporter.told if line.startswith("warning")]


def test_metrics_that_the_disk_does_not_take_are_told_and_training_goes_on(start, monkeypatch):
    def full(*_):
        raise OutputError("full.")

    reporter = Reporter()
    monkeypatch.setattr(Run, "append_metrics", full)
    outcome = start(max_steps=6, eval_every=2, ngram_order=0, reporter=reporter)
    assert outcome.record["steps"] == 6
    assert warnings_of(reporter) == ["warning: full.  Training goes on."] * 3


@pytest.mark.parametrize(
    ("error", "calls", "warnings"),
    [
        (RuntimeError("out of ink"), 1, ["No sample can be shown: RuntimeError: out of ink.  Training goes on."]),
        (CancelledError(), 1, ["No sample can be shown: CancelledError.  Training goes on."]),
        (GenerationError("Every token was excluded."), 3, []),
    ],
    ids=["a part fails", "a part fails with what is no Exception", "the model has diverged"],
)
def test_a_sample_that_cannot_be_written_ends_nothing(seqgen_home, corpus, monkeypatch, capsys, error, calls, warnings):
    asked = []

    def failing(*_):
        asked.append(1)
        raise error

    monkeypatch.setattr("seqgen.api._sampling", lambda _: failing)
    model = seqgen.train(corpus, **TINY, max_steps=6, eval_every=2, ngram_order=0)
    assert steps_of(model.saved.folder) == [2, 4, 6]
    assert len(asked) == calls
    assert re.findall("warning: (.*)", capsys.readouterr().err) == warnings


class Diary(Callback):
    """Keeps what it is told, but for the figures."""

    def __init__(self):
        self.told = []

    def on_start(self, config, folder):
        self.told.append("started")

    def on_end(self, summary):
        self.told.append("ended")

    def on_failure(self, reason):
        self.told.append(reason)


def failing(error):
    def fail(*_, **__):
        raise error

    return fail


@pytest.mark.parametrize(
    ("place", "error", "raised", "reason"),
    [
        ((TorchModel, "train_step"), RuntimeError("it is lost"), RuntimeError, "RuntimeError: it is lost"),
        ((TorchModel, "train_step"), CancelledError("gone"), CancelledError, "CancelledError: gone"),
        ((TorchModel, "train_step"), KeyboardInterrupt(), KeyboardInterrupt, "It was left at once."),
        (
            (TorchModel, "train_step"),
            MemoryError(),
            TrainingError,
            "There is not enough memory for a step of training.",
        ),
        ((Registry, "publish"), OutputError("The disk is full."), OutputError, "The disk is full."),
        ((Registry, "publish"), KeyboardInterrupt(), KeyboardInterrupt, "It was left at once."),
    ],
    ids=[
        "a part fails",
        "a part fails with what is no Exception",
        "a person leaves",
        "memory runs out",
        "the disk is full",
        "a person leaves while it is published",
    ],
)
def test_callbacks_are_told_why_a_run_ended_without_a_model(start, monkeypatch, place, error, raised, reason):
    first, second = Diary(), Diary()
    monkeypatch.setattr(*place, failing(error))
    with pytest.raises(raised):
        start(max_steps=4, ngram_order=0, callbacks=[first, second])
    for diary in (first, second):
        assert diary.told[0] == "started"
        assert [line[: len(reason)] for line in diary.told[1:]] == [reason]


def test_a_run_that_diverges_before_it_is_measured_is_told_in_one_line(start):
    diary = Diary()
    with pytest.raises(TrainingError):
        start(max_steps=40, eval_every=40, learning_rate=3e38, warmup_steps=0, callbacks=[diary])
    (reason,) = diary.told[1:]
    assert re.fullmatch(
        r"The loss is not a number any more after step \d+: training diverged\.  Try a lower rate: .*", reason
    )


def test_where_there_is_a_model_no_failure_is_told(start, monkeypatch):
    train_step = TorchModel.train_step
    rates = iter(range(8))

    def until_the_eighth(self, batch, learning_rate):
        if next(rates, None) is None:
            raise MemoryError
        return train_step(self, batch, learning_rate)

    diary = Diary()
    monkeypatch.setattr(TorchModel, "train_step", until_the_eighth)
    with pytest.raises(TrainingError, match="kept as sea:1"):
        start(max_steps=12, eval_every=2, ngram_order=0, callbacks=[diary])
    assert diary.told == ["started", "ended"]


def test_only_those_are_told_of_a_failure_that_were_told_of_a_start(start):
    class Asking(Diary):
        def on_start(self, config, folder):
            super().on_start(config, folder)
            raise KeyboardInterrupt

    before, asking, after = Diary(), Asking(), Diary()
    with pytest.raises(KeyboardInterrupt):
        start(max_steps=4, callbacks=[before, asking, after])
    assert before.told == asking.told == ["started", "It was left at once."]
    assert after.told == []


def test_a_callback_that_fails_when_it_is_told_of_a_failure_hides_nothing(start, monkeypatch):
    class Broken(Callback):
        def on_failure(self, reason):
            raise ValueError(reason)

    reporter, diary = Reporter(), Diary()
    monkeypatch.setattr(TorchModel, "train_step", failing(RuntimeError("it is lost")))
    with pytest.raises(RuntimeError, match="it is lost"):
        start(max_steps=4, callbacks=[Broken(), diary], reporter=reporter)
    assert warnings_of(reporter)[-1] == (
        "warning: callback Broken failed and is left out: ValueError: RuntimeError: it is lost"
    )
    assert diary.told == ["started", "RuntimeError: it is lost"]


def test_a_run_that_is_gone_on_with_has_the_same_folder_for_its_callbacks(start, tmp_path, monkeypatch):
    seen = []

    class Keeping(Callback):
        def on_start(self, config, folder):
            seen.append((folder, [path.name for path in folder.glob("mine.txt")]))
            (folder / "mine.txt").touch()

    start(max_steps=12, eval_every=4, ngram_order=0, callbacks=[Keeping()], reporter=Reporter(signal_at=1))
    monkeypatch.setattr("seqgen.callbacks.csv_log.CsvLog.on_start", Keeping.on_start)
    seqgen.train(resume="sea", log_to=f"csv:path={tmp_path}/log.csv", progress=False)
    (first, nothing), (second, kept) = seen
    assert (first, nothing, kept) == (second, [], ["mine.txt"])
    assert not list(home.training_folder().glob("sea/*"))
