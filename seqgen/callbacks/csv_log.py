"""The callback ``csv``: metrics as a table that any spreadsheet reads."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from annotated_doc import Doc

from seqgen.core.callback import Callback
from seqgen.core.errors import OutputError


@dataclass(kw_only=True)
class CsvLog(Callback):
    """A row at each evaluation, with a header; a table that is there already is gone on with."""

    path: Annotated[str, Doc("where the table goes")] = "metrics.csv"

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
