"""What a training run is called in another program, so that a run that goes on is the same one there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path


def remembered(folder: Path, program: str, made: Callable[[], str]) -> str:
    """The name that this run has in a program: what ``made`` gave when the run was started.

    Args:
        folder: of the run, which lasts as long as the run can be gone on with.
        program: a word for the file's name.
        made: gives a new name.
    """
    path = folder / f"{program}-run.txt"
    if path.exists():
        return path.read_text("utf-8")
    name = made()
    path.write_text(name, "utf-8")
    return name
