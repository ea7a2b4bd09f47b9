"""What can be read only once, or at a price: copied, so that it can be read as often as needed."""

from __future__ import annotations

import io
import os
import tempfile
import threading
import weakref
from collections.abc import Iterable
from typing import IO, Any, cast


class Copies:
    """Copies, one after the other in one temporary file without a name, so that nothing of it outlives the process."""

    def __init__(self) -> None:
        self._file: io.FileIO | None = None
        self._end = 0
        self._lock = threading.Lock()

    def add(self, blocks: Iterable[bytes]) -> Copy:
        """Keep what these blocks hold; nothing, if getting them fails."""
        with self._lock:
            if self._file is None:
                # One for all copies: a folder in a store of objects has more files than a process may hold open.
                self._file = tempfile.TemporaryFile(buffering=0, prefix="seqgen-")  # noqa: SIM115  see finalize
                weakref.finalize(self, self._file.close)
            start = end = self._end
            for block in blocks:
                rest = memoryview(block)
                while rest:
                    self._file.seek(end)
                    written = self._file.write(rest)
                    rest, end = rest[written:], end + written
            self._end = end  # only now: what was interrupted is written over
        return Copy(self, start, end)

    def read(self, start: int, size: int) -> bytes:
        """At most so many bytes from there on."""
        assert self._file is not None
        if hasattr(os, "pread"):  # which several readers, and a forked process, do not disturb
            return os.pread(self._file.fileno(), size, start)
        with self._lock:
            self._file.seek(start)
            return self._file.read(size) or b""


class Copy:
    """One of them, as bytes ``start`` to ``end`` of their file."""

    def __init__(self, copies: Copies, start: int, end: int) -> None:
        self._copies, self._start, self._end = copies, start, end

    def open(self) -> IO[bytes]:
        """A reader of its own, at the first byte."""
        return cast("IO[bytes]", io.BufferedReader(_Reader(self._copies, self._start, self._end)))


class _Reader(io.RawIOBase):
    def __init__(self, copies: Copies, start: int, end: int) -> None:
        self._copies, self._at, self._end = copies, start, end

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._copies.read(self._at, min(len(buffer), self._end - self._at))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)
