"""Reading gzip and zstd, told by their first bytes, in bounded memory."""

from __future__ import annotations

import gzip
import io
from typing import IO, Any, cast

from seqgen.core.errors import MissingDependencyError

GZIP = b"\x1f\x8b"
ZSTD = b"\x28\xb5\x2f\xfd"


def decompressed(stored: IO[bytes], name: str) -> IO[bytes]:
    """What a file holds: its content where it is compressed, else its bytes.

    Reading it raises EOFError where a compressed file is cut off, and an error of its own kind where it is damaged.

    Args:
        stored: the file, at its start.
        name: of the file, for messages.

    Raises:
        MissingDependencyError: it is compressed with zstd, and zstandard is not installed.
    """
    buffered = cast("io.BufferedReader", stored if hasattr(stored, "peek") else io.BufferedReader(cast("Any", stored)))
    start = buffered.peek(4)
    if start.startswith(GZIP):
        return cast("IO[bytes]", gzip.GzipFile(fileobj=buffered))
    if start.startswith(ZSTD):
        return io.BufferedReader(_Zstd(buffered, name))
    return buffered


class _Zstd(io.RawIOBase):
    """The content of a zstd file.  zstandard's own reader ends without a word where a file is cut off."""

    def __init__(self, stored: io.BufferedReader, name: str) -> None:
        try:
            import zstandard
        except ImportError as error:
            msg = f"{name} is compressed with zstd, which needs zstandard.  pip install 'seqgen[zstd]'"
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
