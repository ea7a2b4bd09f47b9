"""A run's own folder, from which it can go on: ``training/NAME/NUMBER/``.

    config.json  tokenizer.json  run.json  metrics.jsonl
    step-000000120/  last.safetensors  best.safetensors  training_state.safetensors  counters.json

A checkpoint folder appears by rename when it is whole; older ones go only after it.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import filelock

from seqgen import files
from seqgen.checkpoint import (
    CONFIG,
    METRICS,
    TOKENIZER,
    ModelConfig,
    config_to_json,
    read_config,
    write_weights,
)
from seqgen.core.errors import DamagedModelError, ModelNotFoundError, UsageError
from seqgen.training.state import load_state
from seqgen.training.trainer import Trainer
from seqgen.untrusted import MAX_TOKENIZER_BYTES, read_json

KEEP = 2
"""Checkpoints that stay: the newest, and one before it."""

MAX_LINE_BYTES = 2**16
"""No line of metrics is longer."""


@dataclass
class Run:
    """A training run on disk, locked against other processes while it is open."""

    name: str
    folder: Path
    lock: filelock.FileLock

    @classmethod
    def create(
        cls, root: Path, name: str, config: ModelConfig, tokenizer: Mapping[str, Any], run: Mapping[str, Any]
    ) -> Run:
        """A new run of this name.

        Raises:
            OutputError: it cannot be written.
        """
        parent = root / name
        with files.new_folder(parent) as new:
            files.write_json(new / CONFIG, config_to_json(config))
            files.write_json(new / TOKENIZER, tokenizer)
            files.write_json(new / "run.json", run)
            with files.writing(parent):
                number = max(_numbers(parent), default=0) + 1
                while True:
                    try:
                        new.rename(parent / str(number))
                        break
                    except OSError:
                        if not (parent / str(number)).exists():
                            raise
                        number += 1
        return cls._locked(name, parent / str(number))

    @classmethod
    def find(cls, root: Path, name: str | None) -> Run:
        """The newest run of this name, or of any, that has not ended.

        Raises:
            ModelNotFoundError: there is none.
            UsageError: another process has it open.
        """
        names = [name] if name else [path.name for path in root.iterdir() if path.is_dir()] if root.is_dir() else []
        runs = [root / each / str(number) for each in names for number in _numbers(root / each)]
        if not runs:
            which = f"of {name} " if name else ""
            msg = f"There is no unfinished run {which}to go on with ({root})."
            raise ModelNotFoundError(msg)
        newest = max(runs, key=lambda folder: folder.stat().st_mtime)
        return cls._locked(newest.parent.name, newest)

    @classmethod
    def _locked(cls, name: str, folder: Path) -> Run:
        lock = filelock.FileLock(folder / ".lock")
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout as error:
            msg = f"Another process is training {name} (run {folder.name}).  Wait for it, or give another --name."
            raise UsageError(msg) from error
        return cls(name, folder, lock)

    def config(self) -> ModelConfig:
        """What the run was started with."""
        return read_config(self.folder / CONFIG, where=f"{self.folder}/{CONFIG}")

    def change(self, config: ModelConfig) -> None:
        """Go on with another budget, and whenever it is gone on with again."""
        files.write_json(self.folder / CONFIG, config_to_json(config))

    def read(self, name: str) -> dict[str, Any]:
        """One of its JSON files."""
        return read_json(self.folder / name, where=f"{self.folder}/{name}", limit=MAX_TOKENIZER_BYTES)

    def append_metrics(self, metrics: Mapping[str, Any]) -> None:
        """Add a line to ``metrics.jsonl``."""
        path = self.folder / METRICS
        with files.writing(path), path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(metrics) + "\n")

    def metrics(self) -> list[dict[str, Any]]:
        """The lines of ``metrics.jsonl`` so far; call it after ``restore``, which leaves out those that do not count."""
        path = self.folder / METRICS
        return [line for _, line in _lines(path)]

    def save(self, trainer: Trainer) -> None:
        """Write a checkpoint; then remove those beyond ``KEEP``."""
        counters = trainer.counters
        with files.new_folder(self.folder) as new:
            write_weights(new / "last.safetensors", trainer.model.weights())
            if trainer.best_weights is not None:
                write_weights(new / "best.safetensors", trainer.best_weights)
            write_weights(new / "training_state.safetensors", trainer.model.training_state())
            files.write_json(new / "counters.json", counters.to_json())
            target = self.folder / f"step-{counters.step:09d}"
            with files.writing(target):
                if target.exists():
                    shutil.rmtree(target)
                new.rename(target)
                files.sync_folder(self.folder)
        for old in self._checkpoints()[:-KEEP]:
            shutil.rmtree(old, ignore_errors=True)

    def restore(self, trainer: Trainer) -> None:
        """Put a trainer where the newest whole checkpoint was, or leave it at the start where there is none yet."""
        problem: DamagedModelError | None = None
        for folder in reversed(self._checkpoints()):
            try:
                load_state(trainer, folder)
            except DamagedModelError as error:
                problem = error
                continue
            self._cut_metrics(trainer.counters.step)
            return
        if problem is not None:
            raise problem
        self._cut_metrics(0)

    def _cut_metrics(self, step: int) -> None:
        """Leave out what was measured after a step, for it will be measured again, and half a line that a crash left."""
        path = self.folder / METRICS
        if path.exists():
            files.write_bytes(path, b"".join(text for text, line in _lines(path) if line["step"] <= step))

    def _checkpoints(self) -> list[Path]:
        return sorted(path for path in self.folder.iterdir() if re.fullmatch(r"step-\d{9}", path.name))

    def close(self) -> None:
        """Let other processes have it."""
        self.lock.release()

    def remove(self) -> None:
        """Delete it: its model is published whole."""
        self.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def _lines(path: Path) -> list[tuple[bytes, dict[str, Any]]]:
    """The whole lines of a file of metrics, as text and value; what is no line of metrics counts for nothing."""
    if not path.is_file():
        return []
    found = []
    for text in path.read_bytes().splitlines(keepends=True):
        if len(text) > MAX_LINE_BYTES:
            continue
        with contextlib.suppress(ValueError, RecursionError):
            line = json.loads(text)
            if text.endswith(b"}\n") and isinstance(line, dict) and isinstance(line.get("step"), int):
                found.append((text, line))
    return found


def _numbers(parent: Path) -> list[int]:
    if not parent.is_dir():
        return []
    return [int(path.name) for path in parent.iterdir() if re.fullmatch(r"[1-9]\d{0,8}", path.name)]
