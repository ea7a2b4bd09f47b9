"""What MLflow reads of what `--log-to mlflow` wrote."""

from __future__ import annotations

import json
import os
import socket

import pytest

from seqgen.callbacks.mlflow_log import MlflowLog, address

CONFIG = {"model": "ice", "hidden_size": 8, "dropout": 0.1, "max_time": None, "note": "x" * 7000}
METRICS = {"step": 10, "epoch": 0.5, "train_loss": 2.5, "validation_loss": None}
SUMMARY = {"model": "ice", "version": 3, "interrupted": False}

pytestmark = pytest.mark.slow  # importing MLflow takes 3 s


def follow(log, folder, *metrics, summary=SUMMARY):
    log.on_start(CONFIG, folder)
    for each in metrics:
        log.on_metrics(each)
    if summary:
        log.on_end(summary)


def client(folder):
    from mlflow.tracking import MlflowClient

    return MlflowClient(folder.as_uri())


def runs(folder):
    found = client(folder)
    return found.search_runs([each.experiment_id for each in found.search_experiments() if each.name == "seqgen"])


def test_figures_options_and_outcome_are_a_run(tmp_path):
    later = METRICS | {"step": 20, "train_loss": 2.25, "validation_loss": 2.375}
    follow(MlflowLog(uri=str(tmp_path / "runs")), tmp_path, METRICS, later)
    (run,) = runs(tmp_path / "runs")
    assert (run.info.run_name, run.info.status) == ("ice", "FINISHED")
    assert run.data.params == {"model": "ice", "hidden_size": "8", "dropout": "0.1", "note": "x" * 6000}
    assert run.data.tags["seqgen.model"] == "ice:3"
    history = client(tmp_path / "runs").get_metric_history(run.info.run_id, "train_loss")
    assert [(each.step, each.value) for each in history] == [(10, 2.5), (20, 2.25)]
    assert run.data.metrics == {"epoch": 0.5, "train_loss": 2.25, "validation_loss": 2.375}


def test_a_run_that_goes_on_is_the_same_run_and_another_is_another(tmp_path):
    log = {"uri": str(tmp_path / "runs")}
    (tmp_path / "next").mkdir()
    follow(MlflowLog(**log), tmp_path, METRICS, summary=SUMMARY | {"interrupted": True})
    assert [run.info.status for run in runs(tmp_path / "runs")] == ["KILLED"]
    follow(MlflowLog(**log), tmp_path, METRICS | {"step": 20})
    assert [run.info.status for run in runs(tmp_path / "runs")] == ["FINISHED"]
    follow(MlflowLog(**log), tmp_path / "next")
    assert len(runs(tmp_path / "runs")) == 2


def test_a_run_that_gave_no_model_has_failed_until_it_is_gone_on_with(tmp_path):
    log = MlflowLog(uri=str(tmp_path / "runs"))
    follow(log, tmp_path, METRICS, summary=None)
    assert [run.info.status for run in runs(tmp_path / "runs")] == ["RUNNING"]
    log.on_failure("The loss is not a number any more.")
    assert [run.info.status for run in runs(tmp_path / "runs")] == ["FAILED"]
    follow(MlflowLog(uri=str(tmp_path / "runs")), tmp_path, METRICS)
    assert [run.info.status for run in runs(tmp_path / "runs")] == ["FINISHED"]


def test_a_run_is_followed_in_two_places_at_once_and_goes_on_in_both(tmp_path):
    places = [
        {"uri": str(tmp_path / "here")},
        {"uri": str(tmp_path / "there")},
        {"uri": str(tmp_path / "here"), "experiment": "ice"},
    ]
    for step in (10, 20):
        for place in places:
            follow(MlflowLog(**place), tmp_path, METRICS | {"step": step})
    for name in ("here", "there"):
        (run,) = runs(tmp_path / name)
        assert len(client(tmp_path / name).get_metric_history(run.info.run_id, "train_loss")) == 2


@pytest.mark.parametrize(
    "uri", ["http://127.0.0.1:5000", "sqlite:///runs.db", "file:/var/runs", "databricks", "databricks://profile"]
)
def test_what_mlflow_takes_for_an_address_is_none_of_a_folder(uri):
    assert address(uri) == uri


def test_of_a_folder_the_address_is_its_url(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert address("my runs") == (tmp_path / "my runs").as_uri()
    assert address(r"C:\runs").startswith("file:///")


def test_without_an_address_it_is_that_of_the_environment_or_a_folder_here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "one").mkdir()
    follow(MlflowLog(), tmp_path / "one")
    assert len(runs(tmp_path / "mlruns")) == 1
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "theirs").as_uri())
    follow(MlflowLog(), tmp_path)
    assert len(runs(tmp_path / "theirs")) == 1


def test_the_address_of_a_run_on_a_server_is_not_printed_among_results(tmp_path, monkeypatch):
    from mlflow.environment_variables import MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT

    monkeypatch.delenv("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", raising=False)
    follow(MlflowLog(uri=str(tmp_path / "runs")), tmp_path)
    assert MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT.get() is True


def test_nothing_is_sent_anywhere_unasked(tmp_path):
    follow(MlflowLog(uri=str(tmp_path / "runs")), tmp_path)
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"


def test_a_training_is_followed(seqgen_cli, tmp_path):
    (tmp_path / "novel.txt").write_text("a cat sat on a mat, and the cat ate a rat\n" * 100)
    options = ("--hidden-size", 8, "--seq-len", 8, "--batch-size", 4, "--max-steps", 20, "--eval-every", 10, "-q")
    outcome = seqgen_cli("train", "novel.txt", "--backend", "torch", *options, "--log-to", "mlflow:uri=runs")
    assert (outcome.exit_code, outcome.stderr) == (0, "")
    (run,) = runs(tmp_path / "runs")
    (metrics,) = (tmp_path / "home" / "models" / "novel").glob("*/metrics.jsonl")
    last = json.loads(metrics.read_text().splitlines()[-1])
    assert run.data.metrics["validation_loss"] == last["validation_loss"]
    assert run.data.params["hidden_size"] == "8"
    assert run.data.tags["seqgen.model"] == "novel:1"


def test_a_server_that_does_not_answer_is_told_and_the_training_goes_on(seqgen_cli, tmp_path):
    with socket.socket() as nobody:  # a port on which nothing listens
        nobody.bind(("127.0.0.1", 0))
        server = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        options = ("--backend", "torch", "--hidden-size", 8, "--max-steps", 2, "-q", "--log-to", f"mlflow:uri={server}")
        outcome = seqgen_cli("train", "ice", *options)
    assert outcome.exit_code == 0
    assert "failed and is left out" in outcome.stderr
    assert len(list((tmp_path / "home" / "models" / "ice").glob("*/model.safetensors"))) == 1
