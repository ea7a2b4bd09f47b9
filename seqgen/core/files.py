"""Finding and reading the files of a corpus: paths, globs, folders, standard input, URLs, compressed or not.

    for source in find_sources(["tunes/", "more.abc.gz"], suffixes=(".abc",)):
        for piece in source.text():  # str of about a megabyte; source.blocks() gives bytes
            ...

Everything is read in bounded memory.  What can be read only once (standard input, a pipe, a URL) is copied to a
temporary file the first time, so that a source can be read as often as needed.
"""

from __future__ import annotations

import codecs
import difflib
import glob
import gzip
import io
import os
import re
import shutil
import sys
import tempfile
import weakref
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

from seqgen.core.errors import CorpusError, MissingDependencyError, OptionError
from seqgen.core.text import last_cut

BLOCK = 1 << 20
"""Bytes read at a time, and so about the characters of a piece of text."""

_SNIFF = 1 << 13
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_BOMS = (  # UTF-32 first: its little-endian mark begins with that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


class Source:
    """One file of a corpus, wherever it is; made by :func:`find_sources`.

    Attributes:
        name: how it is called in messages and document ids: its path or URL, ``-`` for standard input.
    """

    def __init__(self, name: str, opener: Callable[[], IO[bytes]], *, named: bool, once: bool = False) -> None:
        """A source.

        Args:
            name: see the class.
            opener: opens its bytes as they are stored.
            named: a person named it, so that being empty is a mistake; False: it was found in a folder.
            once: it can be read only once, and is copied then.
        """
        self.name = name
        self._opener = opener
        self._named = named
        self._once = once

    def __repr__(self) -> str:
        return f"Source({self.name!r})"

    def blocks(self) -> Iterator[bytes]:
        """The bytes, decompressed where the file is gzip or zstd (told by its first bytes), about a megabyte at a time.

        Raises:
            CorpusError: it cannot be read, is damaged, or was named and is empty.
        """
        empty = True
        with self._reading(), self._open() as stored, _decompressed(stored, self.name) as stream:
            while block := stream.read(BLOCK):
                empty = False
                yield block
        if empty and self._named:
            where = "Standard input" if self.name == "-" else self.name
            raise CorpusError(f"{where} is empty.  Name a file with text in it.")

    def text(self, encoding: str = "auto", *, dataset: str = "text") -> Iterator[str]:
        """The text, with every line end as ``\\n``, in pieces of about a megabyte cut before white space where there is any.

        Args:
            encoding: a name that Python knows, or ``auto``: what a byte order mark says, else UTF-8.
            dataset: the dataset's name, for the advice in messages.

        Raises:
            CorpusError: as ``blocks``; it is binary; or it is not in that encoding.
        """
        newlines = io.IncrementalNewlineDecoder(None, translate=True)
        held = ""
        for decoded in self._decoded(encoding, dataset):
            held += newlines.decode(decoded)
            if len(held) >= BLOCK // 2:
                cut = last_cut(held, within=_SNIFF)
                cut = cut if cut > 0 else len(held)
                yield held[:cut]
                held = held[cut:]
        held += newlines.decode("", final=True)
        if held:
            yield held

    def looks_binary(self) -> bool:
        """Whether its first bytes are no text: a NUL without the mark of UTF-16 or UTF-32."""
        with self._reading(), self._open() as stored, _decompressed(stored, self.name) as stream:
            start = stream.read(_SNIFF)
        return b"\0" in start and not _wide(_marked(start)[0])

    def _decoded(self, encoding: str, dataset: str) -> Iterator[str]:
        check_encoding(encoding)
        decoder: Any = None
        offset = 0  # of the first byte that the decoder has not turned into text yet
        for position, block in enumerate(self.blocks()):
            data = block
            if decoder is None:
                marked, mark = _marked(block)
                codec = marked if encoding == "auto" else encoding
                decoder = codecs.getincrementaldecoder(codec)()
                if encoding == "auto":
                    data, offset = block[mark:], mark
            if not _wide(codec) and (nul := block.find(b"\0")) >= 0:
                raise CorpusError(self._binary(block, position * BLOCK + nul, dataset))
            try:
                text = decoder.decode(data)
            except UnicodeDecodeError as error:
                raise CorpusError(self._undecodable(codec, block, offset + error.start, dataset)) from error
            offset = (position * BLOCK + len(block)) - len(decoder.getstate()[0])
            yield text.removeprefix("\ufeff") if position == 0 else text
        if decoder is not None:
            try:
                yield decoder.decode(b"", final=True)
            except UnicodeDecodeError as error:
                raise CorpusError(self._undecodable(codec, block, offset + error.start, dataset)) from error

    def _binary(self, block: bytes, offset: int, dataset: str) -> str:
        # Text in UTF-16 is about half NULs where it is Western, in the odd or in the even bytes.
        guess = "utf-16-le" if block[1::2].count(0) >= block[::2].count(0) else "utf-16-be"
        hint = f"  If it is UTF-16: --dataset {dataset}:encoding={guess}" if block.count(0) * 4 > len(block) else ""
        return f"{self.name} is not text: there is a NUL byte at byte {offset:,}.  Name text files only.{hint}"

    def _undecodable(self, codec: str, block: bytes, offset: int, dataset: str) -> str:
        # cp1252 has letters and quotes where latin-1 has control characters.
        fits = "cp1252" if any(0x80 <= byte < 0xA0 for byte in set(block)) else "latin-1"
        return (
            f"{self.name} is not {codec.upper()} text: byte {offset:,} does not fit.  "
            f"Name its encoding, for example --dataset {dataset}:encoding={fits}"
        )

    def _open(self) -> IO[bytes]:
        if self._once:
            # The copy lives as long as the source.
            descriptor, copy = tempfile.mkstemp(prefix="seqgen-")
            weakref.finalize(self, _remove, copy)
            with open(descriptor, "wb") as target, self._opener() as stored:
                shutil.copyfileobj(stored, target, BLOCK)
            self._opener, self._once = (lambda: open(copy, "rb")), False
        return self._opener()

    def _reading(self) -> _Reading:
        return _Reading(self.name)


class _Reading:
    """Turns what reading raises into a sentence about the source."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, (EOFError, zlib.error, gzip.BadGzipFile)) or type(error).__name__ == "ZstdError":
            raise CorpusError(f"{self.name} is compressed, but damaged or cut off: {error}") from error
        if isinstance(error, OSError):
            raise CorpusError(f"{self.name} cannot be read: {error.strerror or error}.") from error


def find_sources(names: Iterable[str], *, suffixes: tuple[str, ...] = ()) -> list[Source]:
    """The files that names stand for, in the order given, folders and globs sorted.

    A folder stands for the files below it, hidden ones (``.name``) left out: those with one of the suffixes (compressed
    or not), or without suffixes, those that look like text.

    Args:
        names: paths, globs, folders, ``-`` (standard input) or URLs, with the globs and folders of their file systems.
        suffixes: of files in folders, with their dot, in lower case: ``(".abc",)``.

    Raises:
        CorpusError: a name stands for nothing that can be read.
    """
    return [source for name in names for source in _find(name, suffixes)]


def check_encoding(encoding: str) -> None:
    """Hold an ``encoding`` option against what Python knows.

    Raises:
        OptionError: no such text encoding.
    """
    try:
        b"".decode("utf-8" if encoding == "auto" else encoding)
    except (LookupError, ValueError) as error:
        msg = f'encoding is "{encoding}", which is no text encoding.  It must be auto, utf-8, utf-16, latin-1, cp1252, ...'
        raise OptionError(msg) from error


def _find(name: str, suffixes: tuple[str, ...]) -> list[Source]:
    if name == "-":
        return [Source("-", _open_stdin, named=True, once=True)]
    if _URL.match(name):
        return _find_url(name, suffixes)
    path = os.path.expanduser(name)
    if os.path.isdir(path):
        return _in_folder(name, _walk(path), suffixes)
    if os.path.exists(path):
        return [_local(path, named=True)]
    if glob.has_magic(path):
        found = sorted(glob.glob(path, recursive=True))
        if files := [_local(match, named=True) for match in found if not os.path.isdir(match)]:
            return files
        if found:
            return [source for folder in found for source in _in_folder(folder, _walk(folder), suffixes)]
        raise CorpusError(f"Nothing matches {name}.")
    raise CorpusError(f"{name} does not exist.{_nearest(path)}")


def _local(path: str, *, named: bool) -> Source:
    return Source(path, lambda: open(path, "rb"), named=named, once=not os.path.isfile(path))


def _walk(folder: str) -> list[Source]:
    def fail(error: OSError) -> None:
        raise CorpusError(f"Folder {error.filename} cannot be read: {error.strerror}.") from error

    found = []
    for parent, folders, files in os.walk(folder, onerror=fail):
        folders[:] = sorted(each for each in folders if not each.startswith("."))
        found += [os.path.join(parent, file) for file in files if not file.startswith(".")]
    return [
        _local(path, named=False) for path in sorted(found, key=lambda path: Path(path).parts) if os.path.isfile(path)
    ]


def _in_folder(name: str, found: list[Source], suffixes: tuple[str, ...]) -> list[Source]:
    if not found:
        raise CorpusError(f"Folder {name} is empty.")
    if suffixes:
        endings = tuple(suffix + packed for suffix in suffixes for packed in ("", ".gz", ".zst"))
        chosen = [source for source in found if source.name.lower().endswith(endings)]
        wanted = " or ".join(suffixes)
    else:
        chosen = [source for source in found if not source.looks_binary()]
        wanted = "text"
    if not chosen:
        raise CorpusError(f"Folder {name} has no {wanted} files among its {len(found)}.")
    return chosen


def _find_url(url: str, suffixes: tuple[str, ...]) -> list[Source]:
    if re.match(r"https?://", url, re.IGNORECASE):
        return [Source(url, lambda: _open_http(url), named=True, once=True)]
    import fsspec

    try:
        files, path = fsspec.core.url_to_fs(url)

        def source(path: str, *, named: bool) -> Source:
            shown = files.unstrip_protocol(path)
            return Source(shown, lambda: cast("BinaryIO", files.open(path, "rb")), named=named, once=True)

        if files.isdir(path):
            inside = [each for each in sorted(files.find(path)) if "/." not in each[len(path) :]]
            return _in_folder(url, [source(each, named=False) for each in inside], suffixes)
        if files.exists(path):
            return [source(path, named=True)]
        matches = sorted(files.glob(path)) if glob.has_magic(path) else []
    except ImportError as error:
        raise MissingDependencyError(f"{url} cannot be read: {error}.") from error
    except (OSError, ValueError) as error:
        raise CorpusError(f"{url} cannot be read: {error}.") from error
    if not matches:
        raise CorpusError(f"{url} does not exist.")
    return [source(each, named=True) for each in matches]


def _open_http(url: str) -> IO[bytes]:
    # urllib, since fsspec's own http needs aiohttp, a large package for one GET.
    from urllib.error import HTTPError
    from urllib.request import Request, urlopen

    try:
        return cast("IO[bytes]", urlopen(Request(url, headers={"User-Agent": "seqgen"}), timeout=60))
    except HTTPError as error:
        raise CorpusError(f"{url} cannot be read: the server says {error.code} {error.reason}.") from error


def _open_stdin() -> IO[bytes]:
    # Wrapped, so that closing the source leaves standard input open.
    return io.BufferedReader(cast("Any", _Unclosable(sys.stdin.buffer)))


class _Unclosable(io.RawIOBase):
    def __init__(self, stream: BinaryIO) -> None:
        self.stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self.stream.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def _decompressed(stored: IO[bytes], name: str) -> IO[bytes]:
    buffered = io.BufferedReader(cast("Any", stored)) if not hasattr(stored, "peek") else stored
    start = cast("io.BufferedReader", buffered).peek(4)[:4]
    if start.startswith(b"\x1f\x8b"):
        return cast("IO[bytes]", gzip.GzipFile(fileobj=buffered))
    if start == b"\x28\xb5\x2f\xfd":
        try:
            import zstandard
        except ImportError as error:
            msg = f"{name} is compressed with zstd, which needs zstandard.  pip install zstandard"
            raise MissingDependencyError(msg) from error
        return cast("IO[bytes]", zstandard.ZstdDecompressor().stream_reader(buffered, read_across_frames=True))
    return buffered


def _marked(start: bytes) -> tuple[str, int]:
    """The encoding that a byte order mark tells, and the mark's length; UTF-8 without one."""
    return next(((codec, len(mark)) for mark, codec in _BOMS if start.startswith(mark)), ("utf-8", 0))


def _wide(codec: str) -> bool:
    return codecs.lookup(codec).name.startswith(("utf-16", "utf-32"))


def _nearest(path: str) -> str:
    folder = os.path.dirname(path) or "."
    names = os.listdir(folder) if os.path.isdir(folder) else []
    near = difflib.get_close_matches(os.path.basename(path), names, n=1)
    return f"  Nearest: {os.path.join(os.path.dirname(path), near[0])}" if near else ""


def _remove(path: str) -> None:
    Path(path).unlink(missing_ok=True)
