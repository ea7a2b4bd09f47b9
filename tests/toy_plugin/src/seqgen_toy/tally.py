"""A line a run, in a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from annotated_doc import Doc

from seqgen.core.callback import Callback


@dataclass(kw_only=True)
class Tally(Callback):
    """Counts evaluations, and writes how each run ended."""

    path: Annotated[str, Doc("the file; it grows")] = "tally.txt"

    _evaluations: int = field(default=0, init=False, repr=False)

    def on_metrics(self, metrics: Mapping[str, Any]) -> None:
        self._evaluations += 1

    def on_end(self, summary: Mapping[str, Any]) -> None:
        with Path(self.path).open("a", encoding="utf-8") as file:
            steps, loss = summary["steps"], summary["validation_loss"]
            told = "" if loss is None else f", loss {loss:.4f}"  # nothing may have been held out
            file.write(f"{summary['model']}: {steps} steps, {self._evaluations} evaluations{told}\n")
