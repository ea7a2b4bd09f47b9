"""The callback ``csv``: metrics as a table that any spreadsheet reads."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from annotated_doc import Doc

from seqgen.core.callback import Callback


@dataclass(kw_only=True)
class CsvLog(Callback):
    """A row at each evaluation, with a header; an existing file is gone on with."""

    path: Annotated[str, Doc("where the table goes")] = "metrics.csv"

    def on_metrics(self, metrics: Mapping[str, Any]) -> None:
        """Append a row."""
        path = Path(self.path)
        new = not path.exists()
        with path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, fieldnames=list(metrics))
            if new:
                writer.writeheader()
            writer.writerow(metrics)
