"""Arrays in files that tell when they are damaged: the little-endian numbers, then the CRC-32 of their bytes.

They are mapped into memory, so that the system reads what is used.  What was read stays in memory as long as there is room,
and counts as the process's own; :func:`release` hands it back.
"""

from __future__ import annotations

import mmap
import uuid
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from seqgen import files

_BLOCK = 1 << 22

FAULT = 1 << 21
"""Bytes of a mapped file that may come into memory with each place that is read: Linux keeps files in folios of up to 2 MB,
and maps what it has (about 400 KB on ext4)."""


class ArrayWriter:
    """Writes one array piece by piece; the file appears by rename when it is whole."""

    def __init__(self, path: Path, dtype: npt.DTypeLike) -> None:
        self._path = path
        self._dtype = np.dtype(dtype).newbyteorder("<")
        self._crc = 0

    def write(self, values: npt.NDArray[Any]) -> None:
        """Append values (N,)."""
        data = np.ascontiguousarray(values, self._dtype).data.cast("B") if values.size else b""
        self._crc = zlib.crc32(data, self._crc)
        self._file.write(data)

    def __enter__(self) -> Self:
        # A name by which it is known for what it is, where a kill leaves it.
        self._file = self._path.with_name(f".new-{uuid.uuid4().hex}").open("xb")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with self._file:
            if error is None:
                self._file.write(self._crc.to_bytes(4, "little"))
        if error is None:
            files.move(Path(self._file.name), self._path, over=True)
        else:
            Path(self._file.name).unlink(missing_ok=True)


def read_array(path: Path, dtype: npt.DTypeLike, *, below: int | None = None) -> npt.NDArray[Any] | None:
    """The array in a file, (N,), memory-mapped and read-only; None where the file is missing or damaged.

    With ``below``, a file is damaged also where it holds a number that is not below that.
    """
    dtype = np.dtype(dtype).newbyteorder("<")
    try:
        size = path.stat().st_size - 4
        if not path.is_file() or size < 0 or size % dtype.itemsize:
            return None
        with path.open("rb") as file:
            crc, left = 0, size
            while block := file.read(min(_BLOCK, left)):
                crc, left = zlib.crc32(block, crc), left - len(block)
                if (
                    below is not None
                    and len(block) % dtype.itemsize == 0
                    and np.frombuffer(block, dtype).max() >= below
                ):
                    return None
            if left or file.read() != crc.to_bytes(4, "little"):
                return None
        if size == 0:  # which cannot be mapped
            return np.zeros(0, dtype)
        # As a plain array: indexing one is several times faster than indexing numpy.memmap, and it stays mapped.
        return np.asarray(np.memmap(path, dtype, mode="r", shape=(size // dtype.itemsize,)))
    except OSError:
        return None


def release(array: npt.NDArray[Any]) -> None:
    """Let go of the pages of a mapped array that are in memory; they are read again when they are used again."""
    base: Any = array
    while isinstance(base, np.ndarray):
        base = base.base
    if isinstance(base, mmap.mmap) and hasattr(base, "madvise"):
        base.madvise(mmap.MADV_DONTNEED)


def blocks(array: npt.NDArray[Any], size: int) -> Iterator[npt.NDArray[Any]]:
    """An array (N,) in consecutive parts of a size, each of which is let go of when the next one comes."""
    for first in range(0, array.size, size):
        yield array[first : first + size]
        release(array)
