"""Where a command writes text: standard output, or a file, piece by piece."""

from __future__ import annotations

import codecs
import contextlib
import json as json_module
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), *range(0x7F, 0xA0)) if chr(code) not in "\n\t"}
"""What a terminal would obey, as it is shown there: a model may be a stranger's and write anything, and messages quote names and values."""

CONTROLS_IN_JSON = {code: f"\\u{code:04x}" for code in CONTROLS}
"""The same within JSON, which lets some of them stand as they are."""


class Out:
    """Where text goes, piece by piece: standard output, or a file that is written as it comes.

    A terminal shows control characters and does not obey them; any other file gets what was written.

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
        self._obeys = file.isatty()
        # In which bytes of a character wait for the piece that has the rest of it.
        self._decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")

    @property
    def to_terminal(self) -> bool:
        """Whether a person sees the text as it is written."""
        return self.name is None and sys.stdout.isatty()

    def write(self, piece: str | bytes, *, styled: bool = False) -> None:
        """Write a piece, whole and at once.

        Args:
            piece: of the text.
            styled: whether its control characters are ours, for a terminal to obey.
        """
        self._binary = isinstance(piece, bytes)
        if self._obeys and not styled:
            piece = (self._decoder.decode(piece) if isinstance(piece, bytes) else piece).translate(CONTROLS)
        content = piece if isinstance(piece, bytes) else piece.encode("utf-8", "backslashreplace")
        with _writing(self.name):
            if self._replaces:
                self._replaces = False
                if stat.S_ISREG(os.fstat(self._file.fileno()).st_mode):
                    self._file.truncate(0)  # not before: what was refused must not empty a file that was there
            self._file.write(content)
            self._file.flush()

    def end(self) -> None:
        """End the line after a text; binary media has none."""
        if not self._binary:
            self.write("\n")
        elif rest := self._decoder.decode(b"", final=True):  # nothing has come to it but for a terminal
            self.write(rest)

    def line(self, value: Any) -> None:
        """Write a value as a line of JSON."""
        line = json_module.dumps(value, ensure_ascii=False)
        self.write((line.translate(CONTROLS_IN_JSON) if self._obeys else line) + "\n")


@contextlib.contextmanager
def open_output(output: str | None, *, replaces: bool = True) -> Iterator[Out]:
    """Standard output, or the file; a file that cannot be written is known before a token is.

    A file that was not there is not there either after what fails before its first piece.

    Args:
        output: the name of the file; None: standard output.
        replaces: whether the text takes the place of what the file holds, or follows it.
    """
    if output is None:
        yield Out(sys.stdout.buffer)
        return
    from seqgen.core.errors import OutputError

    path = Path(output)
    was_there = os.path.lexists(path)
    try:
        file = path.open("ab")
    except (OSError, ValueError) as error:
        raise OutputError(f"{output} cannot be written: {getattr(error, 'strerror', None) or error}.") from error
    try:
        try:
            yield Out(file, output, replaces=replaces)
        finally:
            with _writing(output):
                file.close()
    except BaseException:
        with contextlib.suppress(OSError):  # what went wrong is told, and not that this does, too
            if not was_there and path.stat().st_size == 0:
                path.unlink()
        raise


def _writing(name: str | None) -> contextlib.AbstractContextManager[None]:
    """Turns the system's refusal to write into a sentence; of standard output it ends the command without one."""
    if name is None:
        return contextlib.nullcontext()
    from seqgen import files

    return files.writing(Path(name))
