"""Finding and reading the files of a corpus: paths, globs, folders, standard input, URLs, compressed or not.

    for source in find_sources(["tunes/", "more.abc.gz"], suffixes=(".abc",)):
        for piece in source.text():  # str of about a megabyte; source.blocks() gives bytes
            ...

Everything is read in bounded memory.  What can be read only once (standard input, a pipe, a URL) is copied to a
temporary file the first time, so that a source can be read as often as needed.
"""

from __future__ import annotations

import codecs
import contextlib
import difflib
import glob
import gzip
import io
import os
import re
import shutil
import sys
import tempfile
import time
import weakref
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO, Any, TypeAlias

from seqgen.core.compressed import decompressed
from seqgen.core.errors import CorpusError, MissingDependencyError, OptionError, SeqgenError
from seqgen.core.text import last_cut

BLOCK = 1 << 20
"""Bytes read at a time, and so about the characters of a piece of text."""

SETTLED_NS = 2 * 10**9
"""How long ago a file must have been changed that its times tell of another change: FAT counts in two seconds."""

Opener: TypeAlias = Callable[[], AbstractContextManager[IO[bytes]]]

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

    def __init__(
        self,
        name: str,
        opener: Opener | None = None,
        *,
        named: bool,
        once: bool = False,
        stamp: Callable[[], Any] | None = None,
    ) -> None:
        """A source.

        Args:
            name: see the class.
            opener: opens its bytes as they are stored; None: it is the file of that name.
            named: a person named it, so that being empty is a mistake; False: it was found in a folder.
            once: it can be read only once, or at a price, and is copied then.
            stamp: see the method; None: nothing tells, but of a file that can be read again its size and times do.
        """
        self.name = name
        self._opener = opener
        self._named = named
        self._once = once
        self._stamp = stamp

    def __repr__(self) -> str:
        return f"Source({self.name!r})"

    def stamp(self) -> Any:
        """A JSON-able value that is another one as soon as the content is; None where nothing tells without reading."""
        if self._stamp is not None:
            return self._stamp()
        return _stamp(self.name) if self._opener is None and not self._once else None

    def blocks(self) -> Iterator[bytes]:
        """The bytes, decompressed where the file is gzip or zstd (told by its first bytes), about a megabyte at a time.

        Raises:
            CorpusError: it cannot be read, is damaged, or was named and is empty.
        """
        empty = True
        with _reading(self.name), self._open() as stored:
            stream = decompressed(stored, self.name)
            while block := stream.read(BLOCK):
                empty = False
                yield block
        if empty and self._named:
            raise CorpusError(f"{_shown(self.name)} is empty.")

    def text(self, encoding: str = "auto", *, dataset: str = "text") -> Iterator[str]:
        r"""The text in pieces of about a megabyte, cut before white space where there is any; every line ends with \n.

        Args:
            encoding: a name that Python knows, or ``auto``: what a byte order mark says, else UTF-8.
            dataset: the dataset's name, for the advice in messages.

        Raises:
            CorpusError: as ``blocks``; it is binary; or it is not in that encoding.
        """
        newlines = io.IncrementalNewlineDecoder(None, translate=True)  # knows CRLF, also between two pieces
        held = ""
        for decoded in filter(None, self._decoded(encoding, dataset)):
            if held:  # only now, since the last piece needs no cut
                cut = last_cut(held, within=_SNIFF)
                cut = len(held) if cut < 0 else cut
                yield held[:cut]
                held = held[cut:]
            held += newlines.decode(decoded)
        held += newlines.decode("", final=True)
        if held:
            yield held

    def looks_binary(self) -> bool:
        """Whether its first bytes are no text: a NUL without the mark of UTF-16 or UTF-32."""
        with _reading(self.name), self._open() as stored:
            start = decompressed(stored, self.name).read(_SNIFF)
        return b"\0" in start and not _wide(_marked(start)[0])

    def _decoded(self, encoding: str, dataset: str) -> Iterator[str]:
        check_encoding(encoding)
        decoder: Any = None
        codec = encoding
        read = 0  # bytes before this block
        for block in self.blocks():
            data = block
            if decoder is None:
                if encoding == "auto":
                    codec, mark = _marked(block)
                    data = block[mark:]
                decoder = codecs.getincrementaldecoder(codec)()
            if not _wide(codec) and b"\0" in block:
                raise CorpusError(self._binary(block, read + block.index(b"\0"), dataset))
            waiting = len(decoder.getstate()[0])  # bytes of a character that began in the block before
            try:
                text = decoder.decode(data)
            except UnicodeDecodeError as error:
                offset = read + len(block) - len(data) - waiting + error.start
                raise CorpusError(self._undecodable(codec, error, offset, dataset)) from error
            except UnicodeError as error:  # of no byte: what should stand before all of them is missing
                raise CorpusError(self._unmarked(codec, dataset)) from error
            yield text if read else text.removeprefix("\ufeff")
            read += len(block)
        if decoder is not None:
            waiting = len(decoder.getstate()[0])
            try:
                yield decoder.decode(b"", final=True)
            except UnicodeDecodeError as error:
                raise CorpusError(self._undecodable(codec, error, read - waiting + error.start, dataset)) from error
            except UnicodeError as error:
                raise CorpusError(self._unmarked(codec, dataset)) from error

    def _unmarked(self, codec: str, dataset: str) -> str:
        return (
            f"{_shown(self.name)} does not begin with the mark that tells the order of bytes in {codec}.  Say which: "
            f"--dataset {dataset}:encoding={codec}-le, or -be"
        )

    def _binary(self, block: bytes, offset: int, dataset: str) -> str:
        hint = ""
        if block.count(0) * 4 > len(block):
            # Western text in UTF-16 is about half NULs: every second byte.
            order = "le" if block[1::2].count(0) >= block[::2].count(0) else "be"
            hint = f"  If it is UTF-16: --dataset {dataset}:encoding=utf-16-{order}"
        return f"{_shown(self.name)} is not text, but binary: byte {offset:,} is NUL.  Name text files only.{hint}"

    def _undecodable(self, codec: str, error: UnicodeDecodeError, offset: int, dataset: str) -> str:
        near = error.object[max(0, error.start - BLOCK) : error.start + BLOCK]
        if _wide(codec) or codec.lower() in ("ascii", "us-ascii"):
            fits = "auto"
        else:  # cp1252 has letters and quotes where latin-1 has control characters
            fits = "cp1252" if any(0x80 <= byte < 0xA0 for byte in set(near)) else "latin-1"
        return (
            f"{_shown(self.name)} is not {codec.upper()} text: byte {offset:,} (0x{error.object[error.start]:02X}) "
            f"does not fit.  Name its encoding, for example --dataset {dataset}:encoding={fits}"
        )

    def _open(self) -> AbstractContextManager[IO[bytes]]:
        opener = self._opener or (lambda: open(self.name, "rb"))  # noqa: PTH123, SIM115  Path keeps names; it is closed by who asks
        if self._once:
            descriptor, name = tempfile.mkstemp(prefix="seqgen-")
            copy = Path(name)
            weakref.finalize(self, copy.unlink, missing_ok=True)
            with os.fdopen(descriptor, "wb") as target, opener() as stored:
                shutil.copyfileobj(stored, target, BLOCK)
                if getattr(stored, "length", None):  # http.client: bytes that were promised and did not come
                    raise CorpusError(f"{self.name} cannot be read whole: the connection was closed early.  Try again.")
            self._opener, self._once = (lambda: copy.open("rb")), False
            return copy.open("rb")
        return opener()


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
    found = []
    for name in names:
        if name == "-":
            found.append(Source("-", lambda: contextlib.nullcontext(sys.stdin.buffer), named=True, once=True))
        elif re.match(r"https?://", name, re.IGNORECASE):
            found.append(_web(name))
        elif _URL.match(name):
            found += _find_remote(name, suffixes)
        else:
            with _reading(name):
                found += _find_local(name, suffixes)
    return found


def check_encoding(encoding: str) -> None:
    """Hold an ``encoding`` option against what Python knows.

    Raises:
        OptionError: no such text encoding.
    """
    try:
        "a".encode("utf-8" if encoding == "auto" else encoding)
    except (LookupError, ValueError) as error:
        msg = (
            f'encoding is "{encoding}", which is no text encoding.  Allowed: auto, utf-8, utf-16, latin-1, cp1252, ...'
        )
        raise OptionError(msg) from error


def _find_local(name: str, suffixes: tuple[str, ...]) -> list[Source]:
    path = Path(os.path.expanduser(name))  # noqa: PTH111  Path.expanduser raises where ~name is nobody
    if path.is_dir():
        return _in_folder(name, _below(path), suffixes)
    if path.exists():
        return [_local(path)]
    if not glob.has_magic(name):
        raise CorpusError(f"{name} does not exist.{_nearest(path)}")
    matches = [Path(match) for match in sorted(glob.glob(str(path), recursive=True))]  # noqa: PTH207  also absolute ones
    if files := [_local(match) for match in matches if not match.is_dir()]:
        return files
    if matches:
        return _in_folder(name, [source for folder in matches for source in _below(folder)], suffixes)
    raise CorpusError(f"Nothing matches {name}.")


def _local(path: Path) -> Source:
    return Source(str(path), named=True, once=not path.is_file())


def _stamp(path: str) -> list[int] | None:
    """Size, number and times of a file; None where it was changed so lately that a change to come may not show in them."""
    try:
        status = os.stat(path)  # noqa: PTH116  of 100,000 files, Path takes half the time
    except OSError:
        return None
    if time.time_ns() - max(status.st_mtime_ns, status.st_ctime_ns) < SETTLED_NS:
        return None
    return [status.st_size, status.st_ino, status.st_mtime_ns, status.st_ctime_ns]


def _below(folder: Path) -> list[Source]:
    return [Source(path, named=False) for path in _walk("" if folder == Path() else str(folder))]


def _walk(folder: str) -> Iterator[str]:
    """The files below a folder, those of each folder at the place of its name."""
    try:
        with os.scandir(folder or ".") as entries:
            found = sorted((entry for entry in entries if not entry.name.startswith(".")), key=lambda entry: entry.name)
    except OSError as error:
        raise CorpusError(f"Folder {folder or '.'} cannot be read: {error.strerror}.") from error
    for entry in found:
        path = os.path.join(folder, entry.name)  # noqa: PTH118  strings take a quarter of the memory of Paths
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(path)
        elif entry.is_file():
            yield path


def _in_folder(name: str, found: list[Source], suffixes: tuple[str, ...]) -> list[Source]:
    if not found:
        raise CorpusError(f"Folder {name} is empty.")
    if suffixes:
        endings = tuple(suffix + packed for suffix in suffixes for packed in ("", ".gz", ".zst"))
        chosen = [source for source in found if source.name.lower().endswith(endings)]
    else:
        chosen = [source for source in found if not source.looks_binary()]
    if not chosen:
        wanted = " or ".join(suffixes) if suffixes else "text"
        raise CorpusError(f"Folder {name} has no {wanted} file ({len(found)} of other kinds).")
    return chosen


def _find_remote(url: str, suffixes: tuple[str, ...]) -> list[Source]:
    import fsspec

    def source(path: str, *, named: bool) -> Source:
        name = files.unstrip_protocol(path)
        return Source(name, lambda: files.open(path, "rb"), named=named, once=True, stamp=lambda: _tag(files, path))

    try:
        files, path = fsspec.core.url_to_fs(url)
        if files.isdir(path):
            inside = [each for each in sorted(files.find(path)) if "/." not in each.removeprefix(path)]
            return _in_folder(url, [source(each, named=False) for each in inside], suffixes)
        matches = sorted(files.glob(path)) if glob.has_magic(path) else [path] if files.exists(path) else []
    except ImportError as error:
        raise MissingDependencyError(f"{url} cannot be read: {error}.") from error
    except SeqgenError:
        raise
    except Exception as error:  # what file systems raise has no common class
        raise CorpusError(f"{url} cannot be read: {_reason(error)}.") from error
    if not matches:
        raise CorpusError(f"{url} does not exist.")
    return [source(each, named=True) for each in matches]


def _tag(files: Any, path: str) -> str | None:
    """What a store of objects says of the content; most other file systems say nothing of the kind."""
    try:
        about = files.info(path)
    except Exception:  # noqa: BLE001  of any class: reading it tells what is wrong
        return None
    tag = about.get("ETag") or about.get("etag") or about.get("md5Hash")
    return None if tag is None else str(tag)


def _web(url: str) -> Source:
    # urllib, since the http of fsspec needs aiohttp, which is much for one GET.
    from urllib.request import Request, urlopen

    request = Request(url, headers={"User-Agent": "seqgen"})  # noqa: S310  http and https only: see the caller
    return Source(url, lambda: urlopen(request, timeout=60), named=True, once=True)  # noqa: S310


@contextlib.contextmanager
def _reading(name: str) -> Iterator[None]:
    """Turns what reading raises into a sentence about the source."""
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise CorpusError(f"{_shown(name)} is compressed, but damaged or cut off: {error}.") from error
    except OSError as error:
        reason = error.strerror or getattr(error, "reason", None) or error
        raise CorpusError(f"{_shown(name)} cannot be read: {reason}.") from error
    except SeqgenError:
        raise
    except Exception as error:
        # Neither is imported here: most corpora need neither zstandard nor http.
        match type(error).__module__.partition(".")[0]:
            case "zstandard":
                raise CorpusError(f"{_shown(name)} is compressed, but damaged: {error}.") from error
            case "http":
                raise CorpusError(f"{_shown(name)} cannot be read: {type(error).__name__} {error}.") from error
        if _URL.match(name):  # what file systems raise has no common class
            raise CorpusError(f"{name} cannot be read: {_reason(error)}.") from error
        raise


def _reason(error: Exception) -> str:
    return (str(error) or type(error).__name__).rstrip(".")


def _shown(name: str) -> str:
    return "Standard input" if name == "-" else name


def _marked(start: bytes) -> tuple[str, int]:
    """The encoding that a byte order mark tells, and the mark's length; UTF-8 without one."""
    return next(((codec, len(mark)) for mark, codec in _BOMS if start.startswith(mark)), ("utf-8", 0))


def _wide(codec: str) -> bool:
    return codecs.lookup(codec).name.startswith(("utf-16", "utf-32"))


def _nearest(path: Path) -> str:
    names = [each.name for each in path.parent.iterdir()] if path.parent.is_dir() else []
    near = difflib.get_close_matches(path.name, names, n=1)
    return f"  Nearest: {path.parent / near[0]}" if near else ""
