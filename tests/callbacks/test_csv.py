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
