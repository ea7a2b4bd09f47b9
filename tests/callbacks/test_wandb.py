"""What `--log-to wandb` writes offline, read back as `wandb sync` does."""

from __future__ import annotations

import json
import struct
import time

import pytest

from seqgen.callbacks.wandb_log import WandbLog

pytestmark = pytest.mark.slow  # each run is a process of its own

CONFIG = {"model": "ice", "hidden_size": 8, "max_time": None}
METRICS = {"step": 10, "epoch": 0.5, "train_loss": 2.5, "validation_loss": None}


def records(path):
    """The records of an offline run's file, which is a log of LevelDB after seven bytes: each piece has a checksum of four
    bytes, a length of two, and whether it is whole (1) or the first (2), middle (3) or last (4) of a record."""
    from wandb.proto import wandb_internal_pb2

    content, place, record = path.read_bytes(), 7, b""
    while place < len(content):
        if 32768 - place % 32768 < 7:  # no piece begins so near to the end of a block
            place += 32768 - place % 32768
            continue
        length, kind = struct.unpack("<HB", content[place + 4 : place + 7])
        record += content[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in (1, 4):
            yield wandb_internal_pb2.Record.FromString(record)
            record = b""


def written(folder):
    """The file of the only run in a folder, once all of it is written: the process beside this one does so in its own time."""
    import wandb

    wandb.teardown()
    (path,) = folder.glob("wandb/offline-run-*/run-*.wandb")
    return path


def test_figures_and_options_are_a_run_and_neither_command_nor_code_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["seqgen", "train", "s3://ada:lace@bucket/novel.txt"])
    log = WandbLog(mode="offline", project="ice age")
    log.on_start(CONFIG, tmp_path)
    log.on_metrics(METRICS)
    log.on_metrics(METRICS | {"step": 20, "train_loss": 2.25})
    log.on_end({"model": "ice", "version": 3})
    path = written(tmp_path)
    assert b"lace" not in b"".join(each.read_bytes() for each in tmp_path.rglob("*") if each.is_file())
    found = list(records(path))
    (run,) = [each.run for each in found if each.HasField("run")]
    assert (run.display_name, run.project) == ("ice", "ice age")
    options = {each.key or each.nested_key[0]: json.loads(each.value_json) for each in run.config.update}
    assert {key: options[key] for key in CONFIG} == CONFIG
    history = [
        {item.nested_key[0] if item.nested_key else item.key: json.loads(item.value_json) for item in each.history.item}
        for each in found
        if each.HasField("history")
    ]
    assert [(line["_step"], line["train_loss"]) for line in history] == [(10, 2.5), (20, 2.25)]


@pytest.mark.parametrize("end", ["failure", "end"])
def test_a_run_is_ended_also_where_there_is_no_model(tmp_path, monkeypatch, end):
    monkeypatch.chdir(tmp_path)
    log = WandbLog(mode="offline")
    log.on_start(CONFIG, tmp_path)
    if end == "failure":
        log.on_failure("The loss is not a number any more.")
    else:
        log.on_end({"model": "ice", "version": 3})
    (ended,) = [each.exit for each in records(written(tmp_path)) if each.HasField("exit")]
    assert ended.exit_code == (end == "failure")


def test_a_server_that_does_not_answer_is_given_up_in_less_than_a_minute(tmp_path, monkeypatch):
    from wandb.errors import CommError

    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WANDB_INIT_TIMEOUT", raising=False)
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("WANDB_API_KEY", "a" * 40)
    start = time.monotonic()
    with pytest.raises(CommError):
        WandbLog().on_start(CONFIG, tmp_path)
    assert time.monotonic() - start < 60
