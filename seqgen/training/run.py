"""A run's own folder, from which it can go on: ``training/NAME/NUMBER/``.

    config.json  tokenizer.json  run.json  metrics.jsonl
    step-000000120/  last.safetensors  best.safetensors  training_state.safetensors  counters.json

A checkpoint folder appears by rename when it is whole; older ones go only after it.
"""

from __future__ import annotations

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
    read_json,
    read_tensors,
    read_weights,
    write_weights,
)
from seqgen.core.errors import DamagedModelError, ModelNotFoundError, UsageError
from seqgen.core.types import Weights
from seqgen.training.trainer import Counters, Trainer

KEEP = 2
"""Checkpoints that stay: the newest, and one before it."""


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
        return read_json(self.folder / name, where=f"{self.folder}/{name}")

    def append_metrics(self, metrics: Mapping[str, Any]) -> None:
        """Add a line to ``metrics.jsonl``."""
        path = self.folder / METRICS
        with files.writing(path), path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(metrics) + "\n")

    def metrics(self) -> list[dict[str, Any]]:
        """The lines of ``metrics.jsonl`` so far; call it after ``restore``, which leaves out those that do not count."""
        path = self.folder / METRICS
        return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []

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
        shapes = {name: tensor.shape for name, tensor in trainer.model.weights().items()}
        problem: DamagedModelError | None = None
        for folder in reversed(self._checkpoints()):
            try:
                last = read_weights(folder / "last.safetensors", shapes, where=str(folder / "last.safetensors"))
                best: Weights | None = None
                if (folder / "best.safetensors").exists():
                    best = read_weights(folder / "best.safetensors", shapes, where=str(folder / "best.safetensors"))
                path = folder / "training_state.safetensors"
                state = read_tensors(path, where=str(path))
                counters = read_json(folder / "counters.json", where=str(folder / "counters.json"))
                if counters.keys() != Counters().to_json().keys():
                    msg = f"{folder / 'counters.json'}: not the counters of a run."
                    raise DamagedModelError(msg)
            except DamagedModelError as error:
                problem = error
                continue
            trainer.model.load_weights(last)
            trainer.model.load_training_state(state)
            trainer.best_weights = best
            trainer.counters = Counters(**counters)
            self._cut_metrics(trainer.counters.step)
            return
        if problem is not None:
            raise problem
        self._cut_metrics(0)

    def _cut_metrics(self, step: int) -> None:
        """Leave out what was measured after a step, for it will be measured again, and half a line that a crash left."""
        path = self.folder / METRICS
        if path.exists():
            lines = path.read_text("utf-8").splitlines(keepends=True)
            kept = [line for line in lines if line.endswith("}\n") and json.loads(line)["step"] <= step]
            files.write_bytes(path, "".join(kept).encode())

    def _checkpoints(self) -> list[Path]:
        return sorted(path for path in self.folder.iterdir() if re.fullmatch(r"step-\d{9}", path.name))

    def close(self) -> None:
        """Let other processes have it."""
        self.lock.release()

    def remove(self) -> None:
        """Delete it: its model is published whole."""
        self.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def _numbers(parent: Path) -> list[int]:
    if not parent.is_dir():
        return []
    return [int(path.name) for path in parent.iterdir() if re.fullmatch(r"[1-9]\d{0,8}", path.name)]
