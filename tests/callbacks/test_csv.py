"""The table that `--log-to csv` writes."""

from __future__ import annotations

import pytest

from seqgen.callbacks.csv_log import CsvLog
from seqgen.core.errors import OutputError


@pytest.fixture
def log(tmp_path):
    return CsvLog(path=str(tmp_path / "metrics.csv"))


@pytest.mark.parametrize("there", [None, ""])
def test_a_table_begins_with_a_header_also_in_an_empty_file(log, tmp_path, there):
    if there is not None:
        (tmp_path / "metrics.csv").write_text(there)
    log.on_metrics({"step": 10, "train_loss": 2.5, "validation_loss": None})
    log.on_metrics({"step": 20, "train_loss": 2.25, "validation_loss": 2.0})
    assert (tmp_path / "metrics.csv").read_text().split() == [
        "step,train_loss,validation_loss",
        "10,2.5,",
        "20,2.25,2.0",
    ]


@pytest.mark.parametrize("there", ["name,age\nAda,36\n", "step,loss\n1,2\n", "\xff\x00\n"])
def test_a_file_of_other_columns_is_left_as_it_is(log, tmp_path, there):
    (tmp_path / "metrics.csv").write_text(there, "latin-1")
    with pytest.raises(OutputError, match=r"metrics\.csv is there already, with other columns"):
        log.on_metrics({"step": 10, "train_loss": 2.5})
    assert (tmp_path / "metrics.csv").read_text("latin-1") == there


def rows(path):
    return [line.split(",")[0] for line in path.read_text().splitlines()]


@pytest.mark.parametrize("cut_off", [0, 3])
def test_a_run_that_goes_on_replaces_the_rows_of_the_steps_that_it_does_again(tmp_path, cut_off):
    table, run = tmp_path / "metrics.csv", tmp_path / "run"
    run.mkdir()
    table.write_text("step,train_loss\n10,9.0\n20,8.0\n30,7.0\n")  # of another run
    killed = CsvLog(path=str(table))
    killed.on_start({}, run)
    for step in (10, 20, 30):
        killed.on_metrics({"step": step, "train_loss": 2.5})
    table.write_text(table.read_text()[: -cut_off or None])

    again = CsvLog(path=str(table))
    again.on_start({}, run)
    for step in (20, 30, 40):
        again.on_metrics({"step": step, "train_loss": 2.25})
    assert rows(table) == ["step", "10", "20", "30", "10", "20", "30", "40"]
    assert table.read_text().endswith("10,2.5\n20,2.25\n30,2.25\n40,2.25\n")


def test_a_row_that_was_cut_off_is_not_gone_on_with(tmp_path):
    table, run = tmp_path / "metrics.csv", tmp_path / "run"
    run.mkdir()
    CsvLog(path=str(table)).on_start({}, run)
    table.write_text("step,train_loss\n10,2.5\n20,2.")
    again = CsvLog(path=str(table))
    again.on_start({}, run)
    again.on_metrics({"step": 30, "train_loss": 2.25})
    assert rows(table) == ["step", "10", "30"]


def test_a_table_that_was_removed_meanwhile_begins_anew(tmp_path):
    table, run = tmp_path / "metrics.csv", tmp_path / "run"
    run.mkdir()
    table.write_text("step,train_loss\n10,9.0\n")
    CsvLog(path=str(table)).on_start({}, run)
    table.unlink()
    again = CsvLog(path=str(table))
    again.on_start({}, run)
    for step in (10, 20):
        again.on_metrics({"step": step, "train_loss": 2.25})
    assert rows(table) == ["step", "10", "20"]
