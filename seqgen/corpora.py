"""Corpora by name: a few that come with seqgen, and well-known public ones, downloaded when asked for.

``corpora/corpora.toml`` lists them.  A public one is pinned by URL, size and SHA-256: whoever downloads it gets the
bytes that everybody else has, or an error.
"""

from __future__ import annotations

import tomllib
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from seqgen import home
from seqgen.core.errors import UsageError
from seqgen.core.nearest import nearest_in_words

Progress = Callable[[int, int], None]
"""Called with the bytes there are and the bytes there will be: first with what an earlier attempt left."""


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """One corpus that seqgen knows by name.

    Attributes:
        name: what people write.
        summary: one line.
        source: ``bundled`` with seqgen, or ``public``: to be downloaded.
        licence: of the text, as an SPDX identifier where there is one.
        dataset: the dataset that reads it as intended.
        size: in bytes.
        url: where a public one is.
        sha256: of a public one.
        path: the file or folder here; None where it is not downloaded.
    """

    name: str
    summary: str
    source: Literal["bundled", "public"]
    licence: str
    dataset: str
    size: int
    url: str | None = None
    sha256: str | None = None
    path: Path | None = None

    @property
    def file_name(self) -> str:
        """Of a public one, once it is downloaded."""
        return self.name + PurePosixPath(urllib.parse.urlsplit(self.url or "").path).suffix


def available() -> list[Corpus]:
    """All corpora, bundled ones first, in the order of the list."""
    return [_corpus(name, entry) for name, entry in _listed().items()]


def locate(name: str) -> Path | None:
    """The file of a corpus, or its folder: bundled, or downloaded into ``SEQGEN_HOME``; None where it is not downloaded.

    Raises:
        UsageError: no corpus has that name.
    """
    return _find(name).path


def download(name: str, folder: Path, *, progress: Progress | None = None) -> Path:
    """The file of a corpus, downloaded into ``folder`` where it is not bundled; see :func:`seqgen.corpus_download.fetch`.

    Raises:
        UsageError: no corpus has that name.
        CorpusError, OutputError: as for that.
    """
    corpus = _find(name)
    if corpus.source == "bundled" and corpus.path is not None:
        return corpus.path
    from seqgen.corpus_download import fetch  # and with it all that speaks HTTP

    return fetch(corpus, folder, progress=progress)


def _folder() -> Path:
    """The folder of the bundled corpora: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).parent
    installed = package / "_corpora"
    return installed if installed.is_dir() else package.parent / "corpora"


def _listed() -> dict[str, dict[str, Any]]:
    return tomllib.loads((_folder() / "corpora.toml").read_text(encoding="utf-8"))


def _find(name: str) -> Corpus:
    listed = _listed()
    if name in listed:
        return _corpus(name, listed[name])
    msg = f'No corpus "{name}".{nearest_in_words(name, listed, likeness=0.5)}  All: seqgen corpora list'
    raise UsageError(msg)


def _corpus(name: str, entry: dict[str, Any]) -> Corpus:
    described = {key: entry[key] for key in ("summary", "licence", "dataset")}
    if "file" in entry:
        path = _folder() / entry["file"]
        size = sum(file.stat().st_size for file in (path.rglob("*.*") if path.is_dir() else (path,)))
        return Corpus(name=name, source="bundled", size=size, path=path, **described)
    corpus = Corpus(
        name=name,
        source="public",
        size=entry["size"],
        url=entry["url"],
        sha256=entry["sha256"],
        **described,
    )
    downloaded = home.corpora_folder() / corpus.file_name
    return replace(corpus, path=downloaded) if downloaded.exists() else corpus
