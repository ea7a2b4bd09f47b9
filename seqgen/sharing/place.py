"""A folder at a URL that fsspec knows: what of it is used here, with failures as sentences and in bounded memory."""

from __future__ import annotations

import contextlib
import json
import re
import uuid
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqgen.core.errors import DamagedModelError, MissingDependencyError, RemoteError, SeqgenError, UsageError
from seqgen.core.redact import redacted
from seqgen.files import sync_file, sync_folder
from seqgen.sharing.arrival import Told
from seqgen.untrusted import MAX_JSON_BYTES

BLOCK = 4 << 20
"""Bytes that are asked for at a time."""

_PART = re.compile(r"(?P<name>.+)\.[0-9a-f]{32}\.part")


@dataclass(frozen=True)
class Place:
    """A folder in a file system of fsspec.

    Attributes:
        files: the file system.
        path: of the folder, as the file system names it.
        shown: the URL as it may be shown: without credentials.
    """

    files: Any
    path: str
    shown: str

    @classmethod
    def at(cls, url: str) -> Place:
        """The folder of a URL, or of a path.

        Raises:
            UsageError: no file system has such URLs, or it is empty text, which would be the current folder.
            MissingDependencyError: the package of the file system is not installed; says which.
            RemoteError: it cannot be reached.
        """
        import fsspec

        if not url:
            raise UsageError("A place is empty text: name a folder or a URL.")
        shown = redacted(url).rstrip("/")
        try:
            # Neither instances nor listings are kept: others write there too, and credentials are not to be left about.
            found, path = fsspec.core.url_to_fs(url, skip_instance_cache=True, use_listings_cache=False)
        except ImportError as error:
            raise MissingDependencyError(f"{shown} needs a package that is not installed: {error}") from error
        except ValueError as error:
            raise UsageError(f"{shown} is not a URL that fsspec knows: {error}") from error
        except Exception as error:
            raise RemoteError(f"{shown} cannot be reached: {_reason(error)}") from error
        return cls(found, path.rstrip("/"), shown)

    def __truediv__(self, name: str) -> Place:
        return Place(self.files, f"{self.path}/{name}", f"{self.shown}/{name}")

    def __str__(self) -> str:
        return self.shown

    @property
    def has_folders(self) -> bool:
        """Whether folders exist by themselves; stores of objects, all asynchronous in fsspec, have names with slashes."""
        return not self.files.async_impl

    def names(self) -> list[str]:
        """The names of what lies in it; none where it does not exist."""
        with self.asked("listed"):
            try:
                found = self.files.ls(self.path, detail=False)
            except FileNotFoundError:
                return []
            return sorted(each.rstrip("/").rpartition("/")[2] for each in found)

    def size(self) -> int | None:
        """The size of a file in bytes; None where there is none."""
        with self.asked("looked up"):
            try:
                info = self.files.info(self.path)
            except FileNotFoundError as error:
                if not self._is_missing(error):
                    raise
                return None
            if info["type"] != "file":
                return None
            size: int | None = info["size"]
            if size is None:
                raise RemoteError(f"{self} cannot be looked up: the server does not say how large it is.")
            return size

    def read_small(self) -> bytes | None:
        """A file of JSON, whole; None where there is none.

        Raises:
            DamagedModelError: it is larger than such a file can be.
        """
        with self.asked("read"):
            try:
                with self.files.open(self.path, "rb", block_size=BLOCK) as file:
                    content = bytearray()
                    while block := file.read(MAX_JSON_BYTES + 1 - len(content)):  # a stream gives what has arrived
                        content += block
            except FileNotFoundError as error:
                if not self._is_missing(error):
                    raise
                return None
        if len(content) > MAX_JSON_BYTES:
            raise DamagedModelError(
                f"{self}: more than {MAX_JSON_BYTES:,} bytes, which such a file cannot have; not read."
            )
        return bytes(content)

    def create(self, value: dict[str, Any]) -> bool:
        """Write a small file of JSON unless there is one, however many try at once; whether it was written."""
        content = json.dumps(value).encode()
        with self.asked("written"):
            if self.has_folders:
                self.files.makedirs(self.path.rpartition("/")[0], exist_ok=True)
            try:
                if _is_local(self.files):
                    with self.files.open(self.path, "xb") as file:  # whose pipe_file looks first and writes then
                        file.write(content)
                else:
                    self.files.pipe_file(self.path, content, mode="create")
            except FileExistsError:
                return False
            return True

    def put(self, source: Path, told: Told) -> None:
        """Copy a file there, which appears when it is whole."""
        from fsspec.callbacks import Callback

        class Through(Callback):  # type: ignore[misc]  # fsspec has no types
            def relative_update(self, inc: int = 1) -> None:
                told(inc)

        with self.asked("written"), self._whole() as path:
            self.files.put_file(str(source), path, callback=Through())

    def put_whole(self, content: bytes) -> None:
        """Write a small file, which appears when it is whole."""
        with self.asked("written"), self._whole() as path:
            self.files.pipe_file(path, content)

    @contextlib.contextmanager
    def _whole(self) -> Iterator[str]:
        """Where to write what is to appear at once: stores of objects do that by themselves, folders by a rename.

        Each writer has a name of its own, for two may be writing the same.
        """
        if not self.has_folders:
            yield self.path
            return
        part = f"{self.path}.{uuid.uuid4().hex}.part"
        local = _is_local(self.files)  # whose files may still be in memory alone; a server keeps what it has taken
        try:
            yield part
            if local:
                sync_file(Path(part))
            self.files.mv(part, self.path)
            if local:
                sync_folder(Path(part).parent)
        except BaseException:
            with contextlib.suppress(Exception):
                self.files.rm_file(part)
            raise

    def remove(self) -> None:
        """Remove a file, if it is there."""
        with self.asked("removed"), contextlib.suppress(FileNotFoundError):
            self.files.rm_file(self.path)

    def remove_parts(self, names: Collection[str]) -> None:
        """Remove what is left, in this folder, of writers of these files that ended before the rename."""
        for each in self.names() if self.has_folders else ():
            if (match := _PART.fullmatch(each)) and match["name"] in names:
                (self / each).remove()

    @contextlib.contextmanager
    def open(self, start: int) -> Iterator[_Content]:
        """A file, from byte ``start`` on."""
        with self.asked("read"), contextlib.closing(_Content(self, start)) as content:
            yield content

    @contextlib.contextmanager
    def asked(self, doing: str) -> Iterator[None]:
        """Turn whatever a file system raises, which has no common class, into a sentence."""
        try:
            yield
        except SeqgenError:
            raise
        except Exception as error:
            raise RemoteError(f"{self} cannot be {doing}: {_reason(self._cause(error))}") from error

    @property
    def is_http(self) -> bool:
        """Whether it is at a web server."""
        return "http" in self.files.protocol

    def _cause(self, error: Exception) -> Exception:
        """What went wrong: fsspec's HTTP calls every failure a missing file, and has the true one as the cause."""
        if self.is_http and isinstance(error, FileNotFoundError) and isinstance(error.__cause__, Exception):
            return error.__cause__
        return error

    def _is_missing(self, error: FileNotFoundError) -> bool:
        cause = self._cause(error)
        return cause is error or getattr(cause, "status", None) in (404, 410)


class _Content:
    """The bytes of a file from one on."""

    def __init__(self, place: Place, start: int) -> None:
        self._place, self._at = place, start
        self._file = place.files.open(place.path, "rb", block_size=BLOCK)

    def read(self, count: int) -> bytes:
        """At most so many of the next bytes; none at the end."""
        try:
            self._file.seek(self._at)
            block: bytes = self._file.read(count)
        except ValueError:
            if not self._place.is_http:
                raise
            self._stream()  # the server gives no part of a file
            block = self._file.read(count)
        self._at += len(block)
        return block

    def _stream(self) -> None:
        """Ask for the whole file in one go, and pass over what was read before."""
        self.close()
        self._file = self._place.files.open(self._place.path, "rb", block_size=0)
        left = self._at
        while left and (block := self._file.read(min(BLOCK, left))):
            left -= len(block)

    def close(self) -> None:
        """Let go of it."""
        self._file.close()


def _is_local(files: Any) -> bool:
    from fsspec.implementations.local import LocalFileSystem

    return isinstance(files, LocalFileSystem)


def _reason(error: Exception) -> str:
    if isinstance(status := getattr(error, "status", None), int):  # aiohttp, whose own text is a list with the URL
        return f"the server answers {status} {getattr(error, 'message', '')}".rstrip(" .") + "."
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).rstrip(".") + "."
