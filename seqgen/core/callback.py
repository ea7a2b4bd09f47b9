"""The callback contract: follow a training run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar


class Callback:
    """Follows a training run, for logging and tracking.  Every method does nothing by default.

    A callback is a dataclass: its options are fields annotated with ``Doc``.  What it raises is reported once as a
    warning; training goes on without it.
    """

    exceptions: ClassVar[Mapping[str, str]] = {}
    """Laws of ``seqgen.testing`` that this part cannot keep: the law's name and the reason, which is shown."""

    def on_start(self, config: Mapping[str, Any], folder: Path) -> None:
        """Training starts: the whole configuration, and a folder for files of this run."""

    def on_metrics(self, metrics: Mapping[str, Any]) -> None:
        """A line of ``metrics.jsonl``: step, epoch, seconds, and train_loss or validation_loss, nats per token."""

    def stop(self) -> str:
        """Why the run should end now, in a sentence for people; empty: it goes on.

        Asked after each ``on_metrics``.  The run then ends as if its budget were used up, and its model is published.
        """
        return ""

    def on_end(self, summary: Mapping[str, Any]) -> None:
        """Training has ended, also when interrupted: the record that ``train --json`` prints."""
