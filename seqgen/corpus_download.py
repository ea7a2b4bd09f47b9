"""A public corpus, downloaded and checked; what breaks off goes on where it was."""

from __future__ import annotations

import contextlib
import errno
import http.client
import os
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

from seqgen import files, locks
from seqgen.core.errors import CorpusError
from seqgen.corpora import Corpus, Progress

_TIMEOUT = 30.0  # seconds that a server may stay silent
_CONNECTIONS = 5  # how often a download that breaks off is taken up again before a person is asked to
_CHUNK = 1 << 16
_IN_ITS_PLACE = "Something between here and the server may answer in its place."


def fetch(corpus: Corpus, folder: Path, *, progress: Progress | None = None) -> Path:
    """Download a public corpus to ``folder/NAME.EXTENSION`` and check it.

    What arrives lies beside it as ``.part`` until all of it is there and its checksum is right.  A download that broke
    off, now or in another process, goes on from there (an HTTP range), or starts anew where the server cannot.

    Args:
        corpus: one with a URL.
        folder: made where it is missing.
        progress: told how much there is.

    Raises:
        CorpusError: the server cannot be reached or does not have the file, sends something else, or the disk does
            not take it.  What was received is kept, except where its checksum is wrong, or another user's may not be written.
        OutputError: another process is downloading it to there.
    """
    target = folder / corpus.file_name
    if target.exists():
        if _sha256(target) == corpus.sha256:
            return target
        msg = (
            f"{target} is there already and is not the corpus {corpus.name}, or was changed or damaged.  Move it away; the "
            f"same command then downloads it."
        )
        raise CorpusError(msg)

    part = target.with_name(target.name + ".part")
    lock = target.with_name(target.name + ".lock")
    with _writing(part):
        folder.mkdir(parents=True, exist_ok=True)
    with locks.locked(lock, f"{target} is being downloaded by another process."):
        try:
            with _writing(part):
                _complete(corpus, part, target, progress)
        finally:
            locks.remove(lock)
    return target


def _complete(corpus: Corpus, part: Path, target: Path, progress: Progress | None) -> None:
    """Receive what is missing of ``part``, check all of it, and give it its name."""
    if part.exists() and not os.access(part, os.R_OK | os.W_OK):
        part.unlink()  # another user's, of several who share the folder; who may be long gone
    from_earlier = part.exists()
    for _ in range(_CONNECTIONS):
        with contextlib.suppress(_BrokeOffError):
            _receive(corpus, part, progress)
        if _length(part) < corpus.size:
            continue
        if _sha256(part) == corpus.sha256:
            with _writing(target):
                files.sync_file(part)  # or a power cut leaves an empty file of that name
                part.replace(target)
                files.sync_folder(target.parent)
            return
        part.unlink()
        if not from_earlier:
            msg = f"{corpus.url} is not the corpus {corpus.name}: its checksum is wrong.  It was removed."
            raise CorpusError(msg)
        from_earlier = False  # the beginning was not of this file; without it the rest may be
    msg = (
        f"The download of {corpus.name} broke off after {_length(part):,} of {corpus.size:,} bytes.  "
        f"The same command goes on from there."
    )
    raise CorpusError(msg)


class _BrokeOffError(Exception):
    """The connection ended before the file did."""


def _receive(corpus: Corpus, part: Path, progress: Progress | None) -> None:
    """Append to ``part`` what one connection brings, or begin it anew where the server does not go on from there."""
    start = _length(part)
    if start >= corpus.size:
        return
    with _opened(corpus, start) as response:
        if response is None:
            part.unlink(missing_ok=True)
            return
        if response.status != HTTPStatus.PARTIAL_CONTENT:
            start = 0
        announced = response.length  # None where it is not said, or is no number
        if announced is not None and start + announced != corpus.size:
            msg = (
                f"{corpus.url} is not the corpus {corpus.name}: it has {start + announced:,} bytes instead of "
                f"{corpus.size:,}.  {_IN_ITS_PLACE}"
            )
            raise CorpusError(msg)
        with _writing(part), part.open("ab" if start else "wb") as file:
            received = start
            if progress is not None:
                progress(received, corpus.size)
            # At most one byte more than there should be, however much the server sends; the checksum then tells.
            while received <= corpus.size and (chunk := _read(response, min(_CHUNK, corpus.size + 1 - received))):
                file.write(chunk)
                received += len(chunk)
                if progress is not None:
                    progress(min(received, corpus.size), corpus.size)


@contextlib.contextmanager
def _opened(corpus: Corpus, start: int) -> Iterator[http.client.HTTPResponse | None]:
    """The server's answer, from byte ``start`` on if it can; None where it refuses to go on from there."""
    assert corpus.url is not None
    headers = {"User-Agent": "seqgen", "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    request = urllib.request.Request(corpus.url, headers=headers)  # noqa: S310 - our own list of URLs
    try:
        response = urllib.request.urlopen(request, timeout=_TIMEOUT)  # noqa: S310
    except urllib.error.HTTPError as error:
        with error:
            if error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and start:
                yield None
                return
        advice = "It may have moved." if error.code < HTTPStatus.INTERNAL_SERVER_ERROR else "Try again later."
        msg = f"{corpus.url} cannot be downloaded: the server says {error.code} {error.reason}.  {advice}"
        raise CorpusError(msg) from error
    except (OSError, http.client.HTTPException) as error:
        host = urllib.parse.urlsplit(corpus.url).hostname
        reason = getattr(error, "reason", None) or error or type(error).__name__
        msg = f"{host} cannot be reached for the corpus {corpus.name} ({reason}).  Is there a network?"
        raise CorpusError(msg) from error
    with response:
        expected = f"bytes {start}-{corpus.size - 1}/{corpus.size}"
        in_part = response.status == HTTPStatus.PARTIAL_CONTENT and start > 0
        if response.status != HTTPStatus.OK and not in_part:
            msg = f"{corpus.url} cannot be downloaded: the server says {response.status} {response.reason}.  {_IN_ITS_PLACE}"
            raise CorpusError(msg)
        yield None if in_part and response.headers["Content-Range"] != expected else response


def _read(response: http.client.HTTPResponse, size: int) -> bytes:
    try:
        return response.read(size)
    except (OSError, http.client.HTTPException) as error:
        raise _BrokeOffError from error


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Turn the system's refusal to write into a sentence."""
    try:
        yield
    except OSError as error:
        advice = "  Free some space; the same command then goes on." if error.errno == errno.ENOSPC else ""
        msg = f"{path} cannot be written: {error.strerror or error}.{advice}"
        raise CorpusError(msg) from error


def _sha256(path: Path) -> str:
    try:
        return files.sha256(path)
    except OSError as error:
        msg = f"{path} cannot be read: {error.strerror or error}."
        raise CorpusError(msg) from error


def _length(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
