"""Finding and reading the files of a corpus: paths, globs, folders, standard input, URLs, compressed or not.

    for source in find_sources(["tunes/", "more.abc.gz"], suffixes=(".abc",)):
        for piece in source.text():  # str of about a megabyte; source.blocks() gives bytes
            ...

Everything is read in bounded memory.  What can be read only once (standard input, a pipe, a URL) is copied to a
temporary file the first time, so that a source can be read as often as needed.
"""

from __future__ import annotations

import contextlib
import glob
import gzip
import io
import itertools
import os
import re
import stat
import sys
import time
import warnings
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import IO, Any, TypeAlias

from seqgen.core.compressed import ENDINGS, DamagedError, decompressed, is_compressed
from seqgen.core.decoding import Errors, decoded, encodings_of, first_that_fits, is_binary, refuse_binary
from seqgen.core.errors import CorpusError, MissingDependencyError, OptionError, SeqgenError, SeqgenWarning
from seqgen.core.folders import below
from seqgen.core.formats import format_of
from seqgen.core.nearest import missing
from seqgen.core.refusals import refuse_device, refuse_empty
from seqgen.core.temporary_copies import Copies
from seqgen.core.text import last_cut

BLOCK = 1 << 20
"""Bytes read at a time, and so about the characters of a piece of text."""

SETTLED_NS = 2 * 10**9
"""How long ago a file must have been changed that its times tell of another change: FAT counts in two seconds."""

Opener: TypeAlias = Callable[[], AbstractContextManager[IO[bytes]]]

_Choice: TypeAlias = Callable[[str, "list[Source]", list[str]], "list[Source]"]
"""(name of a folder, all files in it, linked folders there) -> the files that it stands for."""

_SNIFF = 1 << 13
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_KEPT = re.compile(r"[/\\](stdin|pipe)[/\\][0-9a-f]{32}\.txt")  # what training keeps of them, to read it again
_ONCE = {"stdin": "Standard input", "pipe": "The pipe"}


class Source:
    """One file of a corpus, wherever it is; made by :func:`find_sources`.

    Attributes:
        name: how it is called in messages and document ids: its path or URL, ``-`` for standard input.
        alone: whether it was found alone, so that advice in messages need not suit other files.
    """

    def __init__(
        self,
        name: str,
        opener: Opener | None = None,
        *,
        named: bool,
        once: bool = False,
        copies: Copies | None = None,
        stamp: Callable[[], Any] | None = None,
    ) -> None:
        """A source.

        Args:
            name: see the class.
            opener: opens its bytes as they are stored; None: it is the file of that name.
            named: a person named it, so that being empty is a mistake; False: it was found in a folder.
            once: it can be read only once, or at a price, and is copied then.
            copies: where to; None: to a file of its own.
            stamp: see the method; None: nothing tells, but of a file that can be read again its size and times do.
        """
        self.name = name
        self.alone = True
        self._opener = opener
        self._named = named
        self._once = once
        self._copies = copies
        self._stamp = stamp

    def __repr__(self) -> str:
        return f"Source({self.name!r})"

    def stamp(self) -> Any:
        """A JSON-able value that is another one as soon as the content is; None where nothing tells without reading."""
        if self._stamp is not None:
            return self._stamp()
        return _stamp(self.name) if self._opener is None and not self._once else None

    def blocks(self) -> Iterator[bytes]:
        """The bytes, decompressed where the file is gzip, bzip2, xz or zstd (told by its first bytes), about a megabyte at a time.

        Raises:
            CorpusError: it cannot be read, is damaged, or was named and is empty.
            MissingDependencyError: the package that reads zstd is not installed.
        """
        empty = True
        with _reading(self.name), self._open() as stored:
            stream = decompressed(stored, self.name)
            while block := stream.read(BLOCK):
                empty = False
                yield block
        if empty and self._named:
            raise CorpusError(f"{_shown(self.name)} is empty.")

    def text(self, encoding: str = "auto", *, dataset: str = "text", errors: Errors = "strict") -> Iterator[str]:
        r"""The text in pieces of about a megabyte, cut before white space where there is any; every line ends with \n.

        Args:
            encoding: a name that Python knows, or ``auto``: UTF-8; or several, ``utf-8/cp1252``: the first in which all of it
                reads, for which it is read twice, or else the last.  A byte order mark goes before what is named.
            dataset: the dataset's name, for the advice in messages.
            errors: ``replace`` reads bytes that are no text, and NULs that went astray in text, as U+FFFD.

        Raises:
            CorpusError: as ``blocks``; it is binary; or it is not in that encoding, and errors is ``strict``.
            MissingDependencyError: as ``blocks``.
            OptionError: no such text encoding.
        """
        check_encoding(encoding)
        called: Any = {"source": _shown(self.name), "dataset": dataset, "alone": self.alone}
        if self._once:  # a look before: what is no text may be large, or never end
            with _reading(self.name):
                self._copy(partial(refuse_binary, before=0, encoding=encoding, errors=errors, **called))
        encodings = encodings_of(encoding)
        fits = encodings[0] if len(encodings) == 1 else first_that_fits(self.blocks(), encodings, errors)
        newlines = io.IncrementalNewlineDecoder(None, translate=True)  # knows CRLF, also between two pieces
        held = ""
        for piece in filter(None, decoded(self.blocks(), fits, errors=errors, tried=encodings, **called)):
            if held:  # only now, since the last piece needs no cut
                cut = last_cut(held, within=_SNIFF)
                cut = len(held) if cut < 0 else cut
                yield held[:cut]
                held = held[cut:]
            held += newlines.decode(piece)
        held += newlines.decode("", final=True)
        if held:
            yield held

    def looks_binary(self, encoding: str = "auto", *, errors: Errors = "strict") -> bool:
        """Whether its first bytes are no text: they tell another format, or have NULs, as only text in UTF-16 or UTF-32 has.

        Args:
            encoding: as in ``text``; one of UTF-16 or UTF-32 is followed where it is named and fits, and a byte order mark always.
            errors: with ``replace``, text in which NULs went astray is text.
        """
        return is_binary(self.start(), encoding, errors)

    def start(self) -> bytes:
        """Its first bytes, decompressed as ``blocks`` are: some thousands, which are enough to tell what it is.

        Raises:
            CorpusError: it cannot be read, or these are damaged.
            MissingDependencyError: as ``blocks``.
        """
        with _reading(self.name), self._open() as stored:
            return decompressed(stored, self.name).read(_SNIFF)

    def _open(self) -> AbstractContextManager[IO[bytes]]:
        if self._once:
            self._copy()
        # Path keeps names; it is closed by who asks
        return self._opener() if self._opener else open(self.name, "rb")  # noqa: PTH123

    def _copy(self, check: Callable[[bytes], None] = lambda _: None) -> None:
        """Read it this once; ``check`` may refuse what it begins with, unless that is compressed."""
        with self._opener() if self._opener else open(self.name, "rb") as stored:  # noqa: PTH123
            start = stored.read(BLOCK)
            if not is_compressed(start):
                check(start)
            copy = (self._copies or Copies()).add(itertools.chain([start], iter(lambda: stored.read(BLOCK), b"")))
            if getattr(stored, "length", None):  # http.client: bytes that were promised and did not come
                raise CorpusError(f"{self.name} cannot be read whole: the connection was closed early.  Try again.")
        self._opener, self._once = copy.open, False


def find_sources(
    names: Iterable[str], *, suffixes: tuple[str, ...] = (), encoding: str = "auto", errors: Errors = "strict"
) -> list[Source]:
    """The files that names stand for, in the order given, folders and globs sorted, each once however often it is named.

    A folder stands for the files below it, hidden ones (``.name``) left out: those with one of the suffixes (compressed
    or not), or without suffixes, those that look like text; of others a warning says how many.  Links to folders are not followed,
    and a warning says so.

    Args:
        names: paths, globs, folders, ``-`` (standard input) or URLs, with the globs and folders of their file systems.
        suffixes: of files in folders, with their dot, in lower case: ``(".abc",)``.
        encoding: in which they are read, as in ``Source.text``; without suffixes, it tells which of those with NULs are text.
        errors: as there; with ``replace``, those in which NULs went astray are text too.

    Raises:
        CorpusError: a name stands for nothing that can be read.
        UsageError: a name is empty text.
        MissingDependencyError: a package that a URL needs is not installed, or one that tells what a compressed file of a folder is.
    """
    copies = Copies()
    choose = partial(_in_folder, suffixes=suffixes, encoding=encoding, errors=errors)
    found = []
    for name in names:
        refuse_empty(name)
        if name == "-":
            stdin = lambda: contextlib.nullcontext(sys.stdin.buffer)  # noqa: E731
            found.append(Source("-", stdin, named=True, once=True, copies=copies))
        elif re.match(r"https?://", name, re.IGNORECASE):
            found.append(Source(name, partial(_web, name), named=True, once=True, copies=copies))
        elif _URL.match(name):
            found += _find_remote(name, choose, copies)
        else:
            with _reading(name):
                found += _find_local(name, choose, copies)
    sources = _each_once(found)
    for source in sources:
        source.alone = len(sources) == 1
    return sources


def check_encoding(encoding: str) -> None:
    """Hold an ``encoding`` option against what Python knows.

    Raises:
        OptionError: no such text encoding.
    """
    for each in encodings_of(encoding):
        try:
            "a".encode(each)
        except (LookupError, ValueError) as error:
            msg = (
                f'encoding is "{each}", which is no text encoding.  Allowed: auto, utf-8, utf-16, latin-1, cp1252, ..., or '
                "several to be tried in turn: utf-8/cp1252"
            )
            raise OptionError(msg) from error


def _each_once(found: list[Source]) -> list[Source]:
    """Without what was found before, also by another path: what is held out of one must not be learned from the other."""
    first: dict[Any, Source] = {}
    for source in found:
        first.setdefault(_identity(source.name), source)
    return [*first.values()]


def _identity(name: str) -> Any:
    """What two names of the same file have in common; of what is no file here, the name."""
    try:
        status = os.stat(name.removeprefix("file://"))  # noqa: PTH116  of 100,000 files, Path takes half the time
    except (OSError, ValueError):
        return name
    # With size and time, since some file systems give a number to several files.
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _find_local(name: str, choose: _Choice, copies: Copies) -> list[Source]:
    path = Path(os.path.expanduser(name))  # noqa: PTH111  Path.expanduser raises where ~name is nobody
    if path.is_dir():
        return choose(name, *_below([path]))
    if path.exists():
        return [_local(path, copies)]
    if not glob.has_magic(name):
        raise CorpusError(missing(name, path))
    matches = [Path(match) for match in sorted(glob.glob(str(path), recursive=True))]  # noqa: PTH207  also absolute ones
    if files := [_local(match, copies) for match in matches if not match.is_dir()]:
        return files
    if matches:
        return choose(name, *_below(matches))
    raise CorpusError(f"Nothing matches {name}.")


def _local(path: Path, copies: Copies) -> Source:
    kind = path.stat().st_mode
    refuse_device(path)
    return Source(str(path), named=True, once=not stat.S_ISREG(kind), copies=copies)


def _stamp(path: str) -> list[int] | None:
    """Size, number and times of a file; None where it was changed so lately that a change to come may not show in them."""
    try:
        status = os.stat(path)  # noqa: PTH116  of 100,000 files, Path takes half the time
    except OSError:
        return None
    if time.time_ns() - max(status.st_mtime_ns, status.st_ctime_ns) < SETTLED_NS:
        return None
    return [status.st_size, status.st_ino, status.st_mtime_ns, status.st_ctime_ns]


def _below(folders: Iterable[Path]) -> tuple[list[Source], list[str]]:
    """The files below folders, and the linked folders there."""
    sources, linked = [], []
    for folder in folders:
        found = below("" if folder == Path() else str(folder))
        sources += [Source(path, named=False) for path in found.files]
        linked += found.linked
    return sources, linked


def _in_folder(
    name: str, found: list[Source], linked: list[str], *, suffixes: tuple[str, ...], encoding: str, errors: Errors
) -> list[Source]:
    are = "linked folders are not followed, the first" if len(linked) > 1 else "linked folder is not followed"
    unfollowed = f"{len(linked):,} {are}: {linked[0]}" if linked else ""
    if not found:
        raise CorpusError(f"Folder {name} is empty" + (f", but {unfollowed}.  Name it itself" if linked else "."))
    chosen: list[Source] = []
    others: list[Source] = []
    endings = tuple(suffix + packed for suffix in suffixes for packed in ("", *ENDINGS))
    for source in found:
        fits = source.name.lower().endswith(endings) if suffixes else not source.looks_binary(encoding, errors=errors)
        (chosen if fits else others).append(source)
    what = format_of(others[0].start()) if others and not suffixes else None
    hint = f"  {others[0].name} is {what}" if what else ""
    if not chosen:
        wanted = " or ".join(suffixes) if suffixes else "text"
        raise CorpusError(f"Folder {name} has no {wanted} file ({len(found)} of other kinds).{hint}")
    # As from here: what is warned of at one place is shown once, however often a corpus is found.
    if linked:
        warnings.warn(f"{name}: {unfollowed}.  Name it too, if it is to be read", SeqgenWarning, stacklevel=1)
    if others and not suffixes:
        are = "files are no text and are" if len(others) > 1 else "files is no text and is"
        first = f".{hint}" if hint else f", the first: {others[0].name}"
        msg = f"{name}: {len(others):,} of {len(found):,} {are} left out{first}"
        warnings.warn(msg, SeqgenWarning, stacklevel=1)
    return chosen


def _find_remote(url: str, choose: _Choice, copies: Copies) -> list[Source]:
    import fsspec

    def source(path: str, *, named: bool) -> Source:
        name = files.unstrip_protocol(path)
        stamp = partial(_tag, files, path)
        return Source(name, partial(files.open, path, "rb"), named=named, once=True, copies=copies, stamp=stamp)

    try:
        files, path = fsspec.core.url_to_fs(url)
        if files.isdir(path):
            inside = [each for each in sorted(files.find(path)) if "/." not in each.removeprefix(path)]
            return choose(url, [source(each, named=False) for each in inside], [])
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


def _web(url: str) -> AbstractContextManager[IO[bytes]]:
    from seqgen.core.web import opened  # with urllib some 30 ms

    return opened(url)


@contextlib.contextmanager
def _reading(name: str) -> Iterator[None]:
    """Turns what reading raises into a sentence about the source."""
    try:
        yield
    except (EOFError, DamagedError, zlib.error, gzip.BadGzipFile) as error:
        raise CorpusError(f"{_shown(name)} is compressed, but damaged or cut off: {error}.") from error
    except OSError as error:
        reason = error.strerror or getattr(error, "reason", None) or error
        raise CorpusError(f"{_shown(name)} cannot be read: {reason}.") from error
    except SeqgenError:
        raise
    except Exception as error:
        # Neither is imported here: most corpora need neither zstandard nor http.
        match type(error).__module__.partition(".")[0]:
            case "zstandard" | "zstd":  # the latter before 0.25
                raise CorpusError(f"{_shown(name)} is compressed, but damaged: {error}.") from error
            case "http":
                raise CorpusError(f"{_shown(name)} cannot be read: {type(error).__name__} {error}.") from error
        if _URL.match(name):  # what file systems raise has no common class
            raise CorpusError(f"{name} cannot be read: {_reason(error)}.") from error
        raise


def _reason(error: Exception) -> str:
    return (str(error) or type(error).__name__).rstrip(".")


def _shown(name: str) -> str:
    if name == "-":
        return "Standard input"
    kept = _KEPT.search(name)
    return _ONCE[kept[1]] if kept and kept.end() == len(name) else name
