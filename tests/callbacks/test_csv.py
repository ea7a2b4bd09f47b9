"""The table that `--log-to csv` writes."""

from __future__ import annotations

import csv
import re

import pytest

from seqgen.callbacks.csv_log import CsvLog
from seqgen.core.errors import OutputError


@pytest.fixture
def run(tmp_path):
    """A run into a table, which is made with a name for its folder; the same name is the same run, gone on with."""

    def run(name, *steps, model="ice", loss=2.5):
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        log = CsvLog(path=str(tmp_path / "metrics.csv"))
        log.on_start({"model": model}, folder)
        for step in steps:
            log.on_metrics({"step": step, "train_loss": loss})

    return run


@pytest.fixture
def table(tmp_path):
    return tmp_path / "metrics.csv"


def rows(table):
    """Its rows, without the names of runs."""
    with table.open(newline="") as file:
        return [(row["model"], int(row["step"]), float(row["train_loss"])) for row in csv.DictReader(file)]


@pytest.mark.parametrize("there", [None, ""])
def test_a_table_begins_with_a_header_also_in_an_empty_file(tmp_path, table, there):
    if there is not None:
        table.write_text(there)
    log = CsvLog(path=str(table))
    log.on_start({"model": "ice"}, tmp_path)
    log.on_metrics({"step": 10, "train_loss": 2.5, "validation_loss": None})
    log.on_metrics({"step": 20, "train_loss": 2.25, "validation_loss": 2.0})
    name = (tmp_path / "csv-run.txt").read_text()
    assert re.fullmatch(r"\d{8}-\d{6}-\d{6}", name)
    assert table.read_text().split() == [
        "model,run,step,train_loss,validation_loss",
        f"ice,{name},10,2.5,",
        f"ice,{name},20,2.25,2.0",
    ]


@pytest.mark.parametrize("there", ["name,age\nAda,36\n", "step,loss\n1,2\n", "\xff\x00\n"])
def test_a_file_of_other_columns_is_left_as_it_is(run, table, there):
    table.write_text(there, "latin-1")
    with pytest.raises(OutputError, match=r"metrics\.csv is there already, with other columns"):
        run("first", 10)
    assert table.read_text("latin-1") == there


def test_runs_one_after_the_other_are_told_apart(run, table):
    run("first", 10, 20)
    run("second", 10, 20, model="novel", loss=9.0)
    assert rows(table) == [("ice", 10, 2.5), ("ice", 20, 2.5), ("novel", 10, 9.0), ("novel", 20, 9.0)]
    with table.open(newline="") as file:
        assert len({row["run"] for row in csv.DictReader(file)}) == 2


@pytest.mark.parametrize("cut_off", [0, 3])
def test_a_run_that_goes_on_replaces_its_rows_of_the_steps_that_it_does_again(run, table, cut_off):
    run("first", 10, 20, 30)
    table.write_bytes(table.read_bytes()[: -cut_off or None])
    run("first", 20, 30, 40, loss=2.25)
    assert rows(table) == [("ice", 10, 2.5), ("ice", 20, 2.25), ("ice", 30, 2.25), ("ice", 40, 2.25)]


def test_rows_of_other_runs_stay_wherever_they_are(run, table):
    run("before", 10, 20, 30, loss=9.0)
    run("first", 10, 20)
    run("between", 10, 20, 30, loss=8.0)
    run("first", 20, 30, loss=2.25)
    first = [("ice", 10, 2.5), ("ice", 20, 2.25), ("ice", 30, 2.25)]
    assert [row for row in rows(table) if row[2] < 8] == first
    assert [row for row in rows(table) if row[2] >= 8] == [
        ("ice", step, loss) for loss in (9.0, 8.0) for step in (10, 20, 30)
    ]


def test_a_run_that_goes_back_replaces_its_rows_too(run, table):
    run("first", 10, 20, 30, 10, 20)
    assert [step for _, step, _ in rows(table)] == [10, 20]


@pytest.mark.parametrize("left", ["ic", "ice,{run}", "ice,{run},2", "ice,{run},20,2."])
def test_a_row_of_its_own_that_was_cut_off_is_not_gone_on_with(run, tmp_path, table, left):
    run("first", 10)
    with table.open("a") as file:
        file.write(left.format(run=(tmp_path / "first" / "csv-run.txt").read_text()))
    run("first", 30)
    assert [step for _, step, _ in rows(table)] == [10, 30]


def test_a_last_row_of_another_run_that_lacks_its_end_keeps_its_line(run, table):
    run("first", 10, loss=9.0)
    table.write_bytes(table.read_bytes().rstrip())
    run("second", 10)
    assert rows(table) == [("ice", 10, 9.0), ("ice", 10, 2.5)]


def test_a_table_that_was_removed_meanwhile_begins_anew(run, table):
    run("first", 10)
    table.unlink()
    run("first", 20, 30)
    assert [step for _, step, _ in rows(table)] == [20, 30]
