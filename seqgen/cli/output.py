"""Where a command writes text: standard output, or a file, piece by piece."""

from __future__ import annotations

import contextlib
import json as json_module
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class Out:
    """Where text goes, piece by piece: standard output, or a file that is written as it comes.

    Args:
        file: open for writing at its end.
        name: of the file; None for standard output.
        replaces: whether the first piece takes the place of what the file holds.
    """

    def __init__(self, file: Any, name: str | None = None, *, replaces: bool = False) -> None:
        self._file = file
        self.name = name
        self._replaces = replaces
        self._binary = False

    @property
    def to_terminal(self) -> bool:
        """Whether a person sees the text as it is written."""
        return self.name is None and sys.stdout.isatty()

    def write(self, piece: str | bytes) -> None:
        """Write a piece, whole and at once."""
        if self._replaces:
            self._replaces = False
            if stat.S_ISREG(os.fstat(self._file.fileno()).st_mode):
                self._file.truncate(0)  # not before: what was refused must not cost a file that was there
        self._binary = isinstance(piece, bytes)
        self._file.write(piece if isinstance(piece, bytes) else piece.encode("utf-8", "backslashreplace"))
        self._file.flush()

    def end(self) -> None:
        """End the line after a text; binary media has none."""
        if not self._binary:
            self.write("\n")

    def line(self, value: Any) -> None:
        """Write a value as a line of JSON."""
        self.write(json_module.dumps(value, ensure_ascii=False) + "\n")


@contextlib.contextmanager
def open_output(output: str | None) -> Iterator[Out]:
    """Standard output, or the file; a file that cannot be written is known before a token is."""
    if output is None:
        yield Out(sys.stdout.buffer)
        return
    from seqgen import files
    from seqgen.core.errors import OutputError

    try:
        file = Path(output).open("ab")  # noqa: SIM115  closed below
    except (OSError, ValueError) as error:
        raise OutputError(f"{output} cannot be written: {getattr(error, 'strerror', None) or error}.") from error
    with files.writing(Path(output)), file:
        yield Out(file, output, replaces=True)
