"""The callback ``csv``: metrics as a table that any spreadsheet reads."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

from annotated_doc import Doc

from seqgen.callbacks.runs import remembered
from seqgen.core.callback import Callback
from seqgen.core.errors import OutputError


@dataclass(kw_only=True)
class CsvLog(Callback):
    """A row at each evaluation, with a header; a table that is there already is gone on with.

    The first columns say of which model and run a row is.  A run that is resumed, or goes back since it diverged, writes no row
    twice: its rows of the steps that it does again are replaced.
    """

    path: Annotated[str, Doc("where the table goes")] = "metrics.csv"

    _run: Mapping[str, str] = field(default_factory=dict, init=False, repr=False)
    _step: int | None = field(default=None, init=False, repr=False)  # of the last row

    def on_start(self, config: Mapping[str, Any], folder: Path) -> None:
        """Name the run by the time, unless it has a name."""
        run = remembered(folder, "csv", lambda: f"{datetime.now().astimezone():%Y%m%d-%H%M%S-%f}")
        self._run = {"model": config["model"], "run": run}

    def on_metrics(self, metrics: Mapping[str, Any]) -> None:
        """Append a row.

        Raises:
            OutputError: the file is another table.
        """
        path, row = Path(self.path), {**self._run, **metrics}
        header = _header(path)
        if header not in (None, list(row)):
            raise OutputError(
                f"{path} is there already, with other columns than these.  Name a new file: csv:path=FILE"
            )
        if header is not None and (self._step is None or metrics["step"] <= self._step):
            _drop(path, "".join(f"{each}," for each in self._run.values()), header.index("step"), metrics["step"])
        with path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, fieldnames=list(row))
            if header is None:
                writer.writeheader()
            writer.writerow(row)
        self._step = metrics["step"]


def _header(path: Path) -> list[str] | None:
    """The first row of a table; None where there is none yet, or what is written cannot be read, as in a pipe."""
    if not path.is_file():
        return None
    with path.open(newline="", encoding="utf-8", errors="replace") as file:
        return next(csv.reader(file), None)


def _drop(path: Path, run: str, column: int, step: int) -> None:
    """Remove the rows of a run from a step on.  Of a last row that was cut off, the rest is removed too, if it is of that run.

    Args:
        path: of the table.
        run: how its rows begin.
        column: in which the step is.
        step: from which on.
    """

    def goes(line: str) -> bool:
        if not line.endswith("\n"):
            return line.startswith(run) or run.startswith(line)
        cells = line.split(",")
        again = len(cells) > column and cells[column].isdecimal() and int(cells[column]) >= step
        return line.startswith(run) and again

    with path.open("r+b") as file:
        lines = file.readlines()
        kept = [line for line in lines if not goes(line.decode("utf-8", "replace"))]
        if kept and not kept[-1].endswith(b"\n"):  # as some editors leave it
            kept[-1] += b"\r\n"
        if kept != lines:
            file.seek(0)
            file.writelines(kept)
            file.truncate()
