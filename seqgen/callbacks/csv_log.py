"""The callback ``csv``: metrics as a table that any spreadsheet reads."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from annotated_doc import Doc

from seqgen.callbacks.runs import remembered
from seqgen.core.callback import Callback
from seqgen.core.errors import OutputError


@dataclass(kw_only=True)
class CsvLog(Callback):
    """A row at each evaluation, with a header; a table that is there already is gone on with.

    A run that is resumed writes no row twice: those of the steps that it does again are replaced.
    """

    path: Annotated[str, Doc("where the table goes")] = "metrics.csv"

    _begins: int | None = field(default=None, init=False, repr=False)

    def on_start(self, config: Mapping[str, Any], folder: Path) -> None:
        """Find where in the table this run begins, in bytes."""
        path = Path(self.path)
        length = path.stat().st_size if path.is_file() else 0
        self._begins = int(remembered(folder, "csv", lambda: str(length), where=str(path.absolute())))

    def on_metrics(self, metrics: Mapping[str, Any]) -> None:
        """Append a row.

        Raises:
            OutputError: the file is another table.
        """
        path = Path(self.path)
        header = _header(path)
        if header not in (None, list(metrics)):
            raise OutputError(
                f"{path} is there already, with other columns than these.  Name a new file: csv:path=FILE"
            )
        if self._begins is not None and header is not None:
            _cut(path, self._begins, header.index("step"), metrics["step"])
            self._begins = None
        with path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, fieldnames=list(metrics))
            if header is None:
                writer.writeheader()
            writer.writerow(metrics)


def _header(path: Path) -> list[str] | None:
    """The first row of a table; None where there is none yet, or what is written cannot be read, as in a pipe."""
    if not path.is_file():
        return None
    with path.open(newline="", encoding="utf-8", errors="replace") as file:
        return next(csv.reader(file), None)


def _cut(path: Path, begins: int, column: int, step: int) -> None:
    """Remove the rows from a step on, of those after so many bytes, and what is no whole row."""
    with path.open("r+b") as file:
        end = file.seek(begins)
        for line in file:
            cells = line.decode("utf-8", "replace").split(",")
            again = len(cells) > column and cells[column].isdecimal() and int(cells[column]) >= step
            if again or not line.endswith(b"\n"):
                file.truncate(end)
                return
            end += len(line)
