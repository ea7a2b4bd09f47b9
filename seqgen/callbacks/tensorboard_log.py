"""The callback ``tensorboard``: curves in TensorBoard, and each run's options in its table of hyperparameters."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

from annotated_doc import Doc

from seqgen.callbacks.runs import remembered
from seqgen.core.callback import Callback

if TYPE_CHECKING:
    from tensorboard.compat.proto.event_pb2 import Event

_EVENTS = "events.out.tfevents."
"""How the names begin that TensorBoard looks for; it reads files in the order of their names."""


@dataclass(kw_only=True)
class TensorboardLog(Callback):
    """A curve for each figure, by step; `tensorboard --logdir FOLDER` shows them.

    Each run has a folder of its own, MODEL-DATE-TIME; a run that is resumed goes on in it.
    """

    folder: Annotated[str, Doc("where the folders of runs are")] = "tensorboard"

    _file: IO[bytes] | None = field(default=None, init=False, repr=False)

    def on_start(self, config: Mapping[str, Any], folder: Path) -> None:
        """Make the run's folder and write its options."""
        from tensorboard.compat.proto.event_pb2 import Event

        # Not tensorboard's own writer: it imports TensorFlow wherever that is installed, which takes seconds.
        from tensorboard.plugins.hparams.summary_v2 import hparams_pb

        name = remembered(
            folder, "tensorboard", lambda: f"{config['model']}-{datetime.now().astimezone():%Y%m%d-%H%M%S-%f}"
        )
        place = Path(self.folder) / name
        place.mkdir(parents=True, exist_ok=True)
        self._file = (place / f"{_EVENTS}{_after(place):.6f}").open("ab")
        self._write(Event(file_version="brain.Event:2"))
        options = {
            key: value if isinstance(value, bool | int | float | str) else str(value) for key, value in config.items()
        }
        self._write(Event(summary=hparams_pb(options, trial_id=name)))

    def on_metrics(self, metrics: Mapping[str, Any]) -> None:
        """Write a point for each figure."""
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary

        points = [
            Summary.Value(tag=name, simple_value=value)
            for name, value in metrics.items()
            if name != "step" and isinstance(value, int | float)
        ]
        self._write(Event(step=metrics["step"], summary=Summary(value=points)))

    def on_end(self, summary: Mapping[str, Any]) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()

    def on_failure(self, reason: str) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()

    def _write(self, event: Event) -> None:
        from tensorboard.summary.writer.record_writer import RecordWriter

        if self._file is None:
            return
        event.wall_time = time.time()
        RecordWriter(self._file).write(event.SerializeToString())
        self._file.flush()  # a few times a minute; so that a run that is killed is there up to its last figure


def _after(folder: Path) -> float:
    """The time, or where the clock was put back since there was a file in the folder, one that comes after that file's."""
    names = (each.name.removeprefix(_EVENTS) for each in folder.glob(f"{_EVENTS}*"))
    times = [float(each) for each in names if re.fullmatch(r"\d+\.\d+", each)]
    return max([time.time(), *(each + 1e-3 for each in times)])
