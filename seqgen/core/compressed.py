"""Reading gzip, bzip2, xz and zstd, told by their first bytes, in bounded memory."""

from __future__ import annotations

import gzip
import io
import re
from collections.abc import Callable
from typing import IO, Any, TypeAlias, cast

from seqgen.core.errors import CorpusError, MissingDependencyError

GZIP = b"\x1f\x8b"
ZSTD = b"\x28\xb5\x2f\xfd"
XZ = b"\xfd7zXZ\x00"
BZIP2 = re.compile(rb"BZh[1-9](1AY&SY|\x17rE8P\x90)")  # and then a block, or the end: a text may begin with BZh1

ENDINGS = (".gz", ".bz2", ".xz", ".zst")
"""Of the names of files that are compressed so."""

_READ = 1 << 14  # compressed bytes at a time; of content as many as are asked for, however many they hold
_XZ_MEMORY = 1 << 28  # bytes; xz -9 needs a quarter of that, and a file may ask for 4 GB


class DamagedError(Exception):
    """A file is compressed, and its content cannot be had."""


def decompressed(stored: IO[bytes], name: str) -> IO[bytes]:
    """What a file holds: its content where it is compressed, else its bytes.

    Reading it raises EOFError where a compressed file is cut off, and where it is damaged DamagedError or an error of gzip,
    zlib or zstandard.

    Args:
        stored: the file, at its start.
        name: of the file, for messages.

    Raises:
        MissingDependencyError: what unpacks it is not installed.
    """
    buffered = cast("io.BufferedReader", stored if hasattr(stored, "peek") else io.BufferedReader(cast("Any", stored)))
    start = buffered.peek(10)
    if start.startswith(GZIP):
        return cast("IO[bytes]", gzip.GzipFile(fileobj=buffered))
    if start.startswith(ZSTD):
        return io.BufferedReader(_Zstd(buffered, name))
    if start.startswith(XZ):
        return io.BufferedReader(_Unpacked(buffered, name, *_xz(name)))
    if BZIP2.match(start):
        return io.BufferedReader(_Unpacked(buffered, name, *_bzip2(name)))
    return buffered


def is_compressed(start: bytes) -> bool:
    """Whether a file that begins so is one that ``decompressed`` unpacks."""
    return start.startswith((GZIP, ZSTD, XZ)) or BZIP2.match(start) is not None


# What makes a reader of one stream, and what that raises where it is damaged.
_Way: TypeAlias = tuple[Callable[[], Any], type[Exception]]


def _bzip2(name: str) -> _Way:
    try:
        import bz2
    except ImportError as error:  # a Python that was built where the library was missing
        msg = f"{name} is compressed with bzip2, which this Python was built without."
        raise MissingDependencyError(msg) from error
    return bz2.BZ2Decompressor, OSError


def _xz(name: str) -> _Way:
    try:
        import lzma
    except ImportError as error:
        msg = f"{name} is compressed with xz, which this Python was built without."
        raise MissingDependencyError(msg) from error
    return lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY), lzma.LZMAError


class _Unpacked(io.RawIOBase):
    """The content of a bzip2 or xz file, or of several joined.  Python's own reader of xz takes what memory a file asks for."""

    def __init__(self, stored: io.BufferedReader, name: str, new: Callable[[], Any], damaged: type[Exception]) -> None:
        self._stored, self._name = stored, name
        self._new, self._damaged = new, damaged
        self._stream = new()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        content = b""
        while not content:
            data = b""
            if self._stream.eof:
                if not (data := self._next_stream()):
                    return 0
                self._stream = self._new()
            elif self._stream.needs_input and not (data := self._stored.read(_READ)):
                raise EOFError("it ends in the middle")
            try:
                content = self._stream.decompress(data, len(buffer))
            except self._damaged as error:
                if "limit" in str(error):
                    raise CorpusError(f"{self._name} needs more than {_XZ_MEMORY >> 20} MB to be unpacked.") from error
                raise DamagedError(str(error)) from error
        buffer[: len(content)] = content
        return len(content)

    def _next_stream(self) -> bytes:
        """The first bytes after the one that ended; none at the end.  xz fills up to four bytes with NULs."""
        data: bytes = self._stream.unused_data.lstrip(b"\0")
        while not data and (more := self._stored.read(_READ)):
            data = more.lstrip(b"\0")
        return data


class _Zstd(io.RawIOBase):
    """The content of a zstd file.  zstandard's own reader ends without a word where a file is cut off."""

    def __init__(self, stored: io.BufferedReader, name: str) -> None:
        try:
            import zstandard
        except ImportError as error:
            msg = f'{name} is compressed with zstd, which needs zstandard.  pip install "seqgen[zstd]"'
            raise MissingDependencyError(msg) from error
        self._new_frame = zstandard.ZstdDecompressor().decompressobj
        self._frame = self._new_frame()
        self._stored = stored
        self._ready = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._ready:
            # Little at a time: 4 KiB of zstd may be 100 MB of content.
            data = (self._frame.unused_data if self._frame.eof else b"") or self._stored.read(1 << 12)
            if not data:
                if self._frame.eof:
                    return 0
                raise EOFError("it ends in the middle")
            if self._frame.eof:
                self._frame = self._new_frame()
            self._ready = self._frame.decompress(data)
        size = min(len(buffer), len(self._ready))
        buffer[:size], self._ready = self._ready[:size], self._ready[size:]
        return size
