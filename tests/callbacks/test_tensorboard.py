"""What TensorBoard reads of what `--log-to tensorboard` wrote."""

from __future__ import annotations

import json
import sys

import pytest
from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from seqgen.callbacks.tensorboard_log import TensorboardLog
from tests.conftest import run_here

CONFIG = {"model": "ice", "hidden_size": 8, "dropout": 0.1, "tie_embeddings": False, "max_time": None}
METRICS = {"step": 10, "epoch": 0.5, "train_loss": 2.5, "validation_loss": None, "learning_rate": 0.001}


@pytest.fixture(autouse=True)
def _without_tensorflow(monkeypatch):
    """Reading by tensorboard alone: where TensorFlow is there it imports it, which takes seconds."""
    monkeypatch.setitem(sys.modules, "tensorboard.compat.notf", type(sys)("notf"))


def events(path):
    """The events of a file, by TensorBoard's own reader, which holds their checksums."""
    return [Event.FromString(record) for record in RawEventFileLoader(str(path)).Load()]


def points(folder):
    """(step, name, value) of every figure in a run's folder."""
    return [
        (event.step, value.tag, round(value.simple_value, 6))
        for path in sorted(folder.iterdir())
        for event in events(path)
        for value in event.summary.value
        if value.WhichOneof("value") == "simple_value"
    ]


def test_each_figure_is_a_point_of_its_curve(tmp_path):
    log = TensorboardLog(folder=str(tmp_path / "board"))
    log.on_start(CONFIG, tmp_path)
    log.on_metrics(METRICS)
    log.on_metrics(METRICS | {"step": 20, "validation_loss": 2.25})
    log.on_end({})
    (run,) = (tmp_path / "board").iterdir()
    assert run.name.startswith("ice-2")
    assert points(run) == [
        (10, "epoch", 0.5),
        (10, "train_loss", 2.5),
        (10, "learning_rate", 0.001),
        (20, "epoch", 0.5),
        (20, "train_loss", 2.5),
        (20, "validation_loss", 2.25),
        (20, "learning_rate", 0.001),
    ]


def test_the_file_is_closed_also_where_there_is_no_model(tmp_path):
    log = TensorboardLog(folder=str(tmp_path / "board"))
    log.on_start(CONFIG, tmp_path)
    file = log._file
    log.on_failure("The loss is not a number any more.")
    assert file.closed


def test_the_options_are_hyperparameters(tmp_path):
    log = TensorboardLog(folder=str(tmp_path / "board"))
    log.on_start(CONFIG, tmp_path)
    log.on_end({})
    (path,) = (tmp_path / "board").glob("*/*")
    (value,) = [value for event in events(path) for value in event.summary.value]
    found = HParamsPluginData.FromString(value.metadata.plugin_data.content).session_start_info.hparams
    assert {name: getattr(each, each.WhichOneof("kind")) for name, each in found.items()} == {
        "model": "ice",
        "hidden_size": 8.0,
        "dropout": 0.1,
        "tie_embeddings": False,
        "max_time": "None",
    }


def test_a_figure_is_on_the_disk_at_once(tmp_path):
    log = TensorboardLog(folder=str(tmp_path / "board"))
    log.on_start(CONFIG, tmp_path)
    log.on_metrics(METRICS)
    (run,) = (tmp_path / "board").iterdir()
    assert (10, "train_loss", 2.5) in points(run)
    log.on_end({})


def test_a_run_that_goes_on_is_the_same_run_and_another_is_another(tmp_path):
    for folder in ("first", "first", "second"):
        (tmp_path / folder).mkdir(exist_ok=True)
        log = TensorboardLog(folder=str(tmp_path / "board"))
        log.on_start(CONFIG, tmp_path / folder)
        log.on_metrics(METRICS)
        log.on_end({})
    runs = sorted((tmp_path / "board").iterdir())
    assert [len(list(run.iterdir())) for run in runs] == [2, 1]


def test_what_is_written_after_the_clock_was_put_back_is_read_last(tmp_path, monkeypatch):
    for now, step in [(2e9, 10), (1e9, 20), (1e9, 30), (3e9, 40)]:
        with monkeypatch.context() as patch:
            patch.setattr("time.time", lambda now=now: now)
            log = TensorboardLog(folder=str(tmp_path / "board"))
            log.on_start(CONFIG, tmp_path)
            log.on_metrics(METRICS | {"step": step})
            log.on_end({})
    (run,) = (tmp_path / "board").iterdir()
    assert [step for step, name, _ in points(run) if name == "epoch"] == [10, 20, 30, 40]


def test_a_training_is_followed(seqgen_home, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "novel.txt").write_text("a cat sat on a mat, and the cat ate a rat\n" * 100)
    options = ("--hidden-size", 8, "--seq-len", 8, "--batch-size", 4, "--max-steps", 20, "--eval-every", 10, "-q")
    outcome = run_here("train", "novel.txt", "--backend", "torch", *options, "--log-to", "tensorboard")
    assert (outcome.exit_code, outcome.stderr) == (0, "")
    (run,) = (tmp_path / "tensorboard").iterdir()
    (metrics,) = (seqgen_home / "models" / "novel").glob("*/metrics.jsonl")
    lines = [json.loads(line) for line in metrics.read_text().splitlines()]
    assert [(step, round(value, 4)) for step, name, value in points(run) if name == "validation_loss"] == [
        (line["step"], round(line["validation_loss"], 4)) for line in lines
    ]
