"""What a callback keeps of a training run, so that a run that goes on is the same one in another program."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path


def remembered(folder: Path, program: str, made: Callable[[], str], *, where: str = "") -> str:
    """What ``made`` gave when the run was started: mostly the run's name in a program.

    Args:
        folder: of the run, which lasts as long as the run can be gone on with.
        program: a word for the file's name.
        made: gives a new one.
        where: the program's place, if there are several, each of which has its own: a run may be followed in several, or go
            on in another.
    """
    place = f"-{hashlib.sha256(where.encode()).hexdigest()[:8]}" if where else ""
    path = folder / f"{program}{place}-run.txt"
    if path.exists():
        return path.read_text("utf-8")
    name = made()
    path.write_text(name, "utf-8")
    return name
