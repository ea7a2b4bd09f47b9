"""A run's own folder, from which it can go on: ``training/NAME/NUMBER/``.

    config.json  tokenizer.json  run.json  metrics.jsonl
    step-000000120/  last.safetensors  best.safetensors  training_state.safetensors  counters.json

A checkpoint folder appears by rename when it is whole; older ones go only after it.  Whatever begins with a dot was
being written or removed when the process was killed, and counts for nothing.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from seqgen import files, locks
from seqgen.checkpoint import write_weights
from seqgen.core.errors import DamagedModelError, ModelNotFoundError, OutputError
from seqgen.manifest import CONFIG, METRICS, TOKENIZER
from seqgen.model_config import ModelConfig, config_to_json, read_config
from seqgen.training.metrics import is_measurement, metric_lines
from seqgen.training.state import load_state
from seqgen.training.trainer import DivergedError, Trainer
from seqgen.untrusted import MAX_TOKENIZER_BYTES, read_json, refuse_larger

if TYPE_CHECKING:
    import filelock

CONSTANT = (CONFIG, TOKENIZER, "run.json")
"""Files that a run is started with; a folder without them cannot be gone on with."""

LOCK = ".lock"


@dataclass(frozen=True)
class About:
    """What ``run.json`` says.

    Attributes:
        sources: what the dataset reads.
        fingerprint: of the corpus.
        parent: the model that it goes on from, or None.
        parent_sha256: of its ``manifest.json``, by which it is found under whatever name it has then.
        log_to: callbacks.
    """

    sources: tuple[str, ...]
    fingerprint: str
    parent: str | None = None
    parent_sha256: str | None = None
    log_to: tuple[str, ...] = ()


@dataclass
class Run:
    """A training run on disk, locked against other processes while it is open.

    Attributes:
        keep: how many checkpoints stay: the newest, and those before it.
    """

    name: str
    folder: Path
    lock: filelock.BaseFileLock
    keep: int = 2
    _constant: dict[str, bytes] = field(default_factory=dict, init=False, repr=False)

    @classmethod
    def create(cls, root: Path, name: str, config: ModelConfig, tokenizer: Mapping[str, Any], about: About) -> Run:
        """A new run of this name.

        Raises:
            OutputError: it cannot be written.
        """
        parent = root / name
        for gone in root.glob("*/.old-*"):  # whatever its name: nobody may ever train that one again
            shutil.rmtree(gone, ignore_errors=True)
        with files.new_folder(parent) as new:
            files.write_json(new / CONFIG, config_to_json(config))
            files.write_json(new / TOKENIZER, tokenizer)
            files.write_json(new / "run.json", asdict(about))
            files.sync_folder(new)
            with files.writing(parent):
                number = max(_numbers(parent), default=0) + 1
                while True:
                    try:
                        files.move(new, parent / str(number))
                        break
                    except OSError:
                        if not (parent / str(number)).exists():
                            raise
                        number += 1
            for folder in (parent, root):  # of a first run, the name is new there
                files.sync_folder(folder)
        begun = cls._locked(name, parent / str(number))
        _keep_newest(begun.folder)
        return begun

    @classmethod
    def find(cls, root: Path, name: str | None) -> Run:
        """The newest run of this name, or of any, that has not ended and that no other process is training.

        Raises:
            ModelNotFoundError: there is none.
            OutputError: other processes have all of them open, or it cannot be written.
        """
        taken = []
        for folder in sorted(_runs(root, name), key=_last_change, reverse=True):
            try:
                run = cls._locked(folder.parent.name, folder)
            except OutputError as error:
                taken.append(error)
                continue
            if _begun(folder):
                return run
            run.remove()  # it has ended since it was listed, and is a folder again only by its lock
        if taken:
            raise taken[0]
        which = f"of {name} " if name else ""
        msg = f"There is no unfinished run {which}to go on with ({root})."
        if others := sorted({folder.parent.name for folder in _runs(root, None) if _begun(folder)}):
            msg += f"  Unfinished: {', '.join(others)}."
        raise ModelNotFoundError(msg)

    @classmethod
    def _locked(cls, name: str, folder: Path) -> Run:
        lock = locks.hold(folder / LOCK)
        if lock is None:
            msg = f"Another process is training {name} (run {folder.name}).  Wait for it, or give another --name."
            raise OutputError(msg)
        for unfinished in [*folder.glob(".new-*"), *folder.glob(".old-*")]:
            shutil.rmtree(unfinished, ignore_errors=True)  # a single file is written over
        run = cls(name, folder, lock)
        try:
            for each in CONSTANT:
                if (folder / each).exists():
                    refuse_larger(folder / each, MAX_TOKENIZER_BYTES, where=f"{folder}/{each}")
                    run._constant[each] = (folder / each).read_bytes()
        except OSError as error:
            run.close()
            msg = f"{folder}/{each} cannot be read: {error.strerror or error}."
            raise DamagedModelError(msg) from error
        except DamagedModelError:
            run.close()
            raise
        return run

    def config(self) -> ModelConfig:
        """What the run was started with."""
        return read_config(self.folder / CONFIG, where=f"{self.folder}/{CONFIG}")

    def change(self, config: ModelConfig) -> None:
        """Go on with another budget, and whenever it is gone on with again."""
        self._constant[CONFIG] = files.json_bytes(config_to_json(config))
        files.replace_bytes(self.folder / CONFIG, self._constant[CONFIG])

    def about(self) -> About:
        """What ``run.json`` says, also where the file has gone since; not checked, see ``resuming.read_about``."""
        value = json.loads(self._constant["run.json"])
        return About(**{**value, "sources": tuple(value["sources"]), "log_to": tuple(value["log_to"])})

    def read(self, name: str) -> dict[str, Any]:
        """One of its JSON files."""
        return read_json(self.folder / name, where=f"{self.folder}/{name}", limit=MAX_TOKENIZER_BYTES)

    def append_metrics(self, metrics: Mapping[str, Any]) -> None:
        """Add a line to ``metrics.jsonl``, or nothing.

        Raises:
            OutputError: it cannot be written.
        """
        path, left = self.folder / METRICS, json.dumps(metrics).encode() + b"\n"
        # Unbuffered: what a buffer could not write, it would write after all when it is closed.
        with files.writing(path), path.open("ab", buffering=0) as file:
            whole = file.tell()
            try:
                while left:
                    left = left[file.write(left) :]
            except OSError:
                file.truncate(whole)  # a full disk has taken half of it
                raise

    def metrics(self) -> list[dict[str, Any]]:
        """The measurements of ``metrics.jsonl`` so far; call it after ``restore``, which leaves out those that do not count."""
        path = self.folder / METRICS
        return [line for _, line in metric_lines(path) if is_measurement(line)]

    def save(self, trainer: Trainer) -> None:
        """Write a checkpoint; then remove those beyond ``keep``, and those of later steps, which were given up.

        Raises:
            DivergedError: the weights are not finite numbers; older checkpoints stay.
            OutputError: it cannot be written; older checkpoints stay.
        """
        counters, weights = trainer.counters, trainer.model.weights()
        if not all(np.isfinite(tensor).all() for tensor in weights.values()):
            raise DivergedError(counters.step, trainer.learning_rate)
        with files.new_folder(self.folder) as new:
            write_weights(new / "last.safetensors", weights)
            if trainer.best_weights is not None:
                write_weights(new / "best.safetensors", trainer.best_weights)
            write_weights(new / "training_state.safetensors", trainer.model.training_state())
            files.write_json(new / "counters.json", counters.to_json())
            target = self._free(f"step-{counters.step:09d}")
            with files.writing(target):
                files.sync_folder(new)
                for name, content in self._constant.items():  # where somebody has removed the run's folder
                    if not (self.folder / name).exists():
                        files.replace_bytes(self.folder / name, content)
                files.move(new, target)
                files.sync_folder(self.folder)
        checkpoints = self._checkpoints()
        until = [each for each in checkpoints if each == target or _step(each) < counters.step]
        for old in checkpoints:
            if old not in until[-self.keep :]:
                _discard(old)
        _keep_newest(self.folder)

    def restore(self, trainer: Trainer) -> None:
        """Put a trainer where the newest whole checkpoint was, or leave it at the start where there is none yet."""
        problem: DamagedModelError | None = None
        for folder in reversed(self._checkpoints()):
            try:
                load_state(trainer, folder)
            except DamagedModelError as error:
                problem = error
                continue
            counters = trainer.counters
            # Before the first evaluation there is only what was measured because a signal ended the run, and it may be measured again.
            self._cut_metrics(counters.step if counters.evaluations else 0)
            _keep_newest(self.folder)
            return
        if problem is not None:
            raise problem
        self._cut_metrics(0)
        _keep_newest(self.folder)

    def _cut_metrics(self, step: int) -> None:
        """Leave out what was measured after a step, for it will be measured again, and half a line that a crash left."""
        path = self.folder / METRICS
        if path.exists():
            files.replace_bytes(path, b"".join(text for text, line in metric_lines(path) if line["step"] <= step))

    def newest_step(self) -> int | None:
        """The step of the newest checkpoint; None where there is none."""
        return max(map(_step, self._checkpoints()), default=None)

    def _checkpoints(self) -> list[Path]:
        """Oldest first; one that was written in place of another of its step comes after that."""
        return sorted(path for path in self.folder.glob("step-*") if re.fullmatch(r"step-\d{9}(-\d)?", path.name))

    def _free(self, name: str) -> Path:
        """A place for a checkpoint of a step of which there may be one that is damaged."""
        names = [name, *(f"{name}-{again}" for again in range(2, 10))]
        return next(path for path in map(self.folder.joinpath, names) if not path.exists())

    def close(self) -> None:
        """Let other processes have it."""
        self.lock.release()

    def remove(self) -> None:
        """Delete it: its model is published whole."""
        renamed = _discard(self.folder)
        if not renamed:  # Windows renames no folder in which a file is open, as the lock is
            _empty(self.folder)
        self.close()
        if not renamed:
            locks.remove(self.folder / LOCK)
            with contextlib.suppress(OSError):  # it is not there, or another process has just opened the lock
                self.folder.rmdir()


def _last_change(folder: Path) -> int:
    """When a run was changed last; long ago where its process has just removed it, or it is another user's."""
    try:
        return folder.stat().st_mtime_ns
    except (FileNotFoundError, PermissionError):
        return 0


def _step(checkpoint: Path) -> int:
    return int(checkpoint.name.split("-")[1])


def _discard(folder: Path) -> bool:
    """Remove a folder; where that is broken off, what is left of it has another name.

    Returns:
        Whether it has gone; it stays where the system does not rename it.
    """
    try:
        old = folder.rename(folder.with_name(f".old-{uuid.uuid4().hex}"))
    except OSError:
        return False
    shutil.rmtree(old, ignore_errors=True)
    return True


def _empty(folder: Path) -> None:
    """Remove all but the lock from a run's folder; where that is broken off, it goes when the run is opened."""
    with contextlib.suppress(OSError):  # it is not there
        old = folder / f".old-{uuid.uuid4().hex}"
        old.mkdir()
        for each in folder.iterdir():
            if each.name not in (LOCK, old.name):
                each.rename(old / each.name)
        shutil.rmtree(old, ignore_errors=True)


def _begun(folder: Path) -> bool:
    """Whether there is more in a run's folder than its lock, by which one that has just ended may be a folder again."""
    try:
        return any(each.name != LOCK for each in folder.iterdir())
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return False


def _runs(root: Path, name: str | None = None) -> list[Path]:
    """The folders of all runs that this user may see, or of those of a name."""
    if name:
        own = root / name
        # Else it is the path of something else, whose folders may be called by numbers too, as the versions of a model are.
        return [own / str(number) for number in _numbers(own)] if own.parent == root else []
    runs: list[Path] = []
    for each in root.iterdir() if root.is_dir() else ():
        with contextlib.suppress(PermissionError):  # of another user, who shares the folder of all runs but not these
            runs += [each / str(number) for number in _numbers(each)]
    return runs


def _keep_newest(folder: Path) -> None:
    """Let a run be the one that was changed last, which ``find`` takes, whatever the clock says."""
    with contextlib.suppress(OSError, OutputError):  # no training ends because another could be gone on with first
        files.keep_newest(folder, (each for each in _runs(folder.parents[1]) if each != folder))


def _numbers(parent: Path) -> list[int]:
    if not parent.is_dir():
        return []
    return [int(path.name) for path in parent.iterdir() if re.fullmatch(r"[1-9]\d{0,8}", path.name)]
