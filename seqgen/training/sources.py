"""What a person names as a corpus, as paths that can be read again."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from seqgen import files, home
from seqgen.core.errors import CorpusError
from seqgen.corpora import available, locate

DEFAULT = "ice"
"""The bundled corpus that is trained on where none is named."""


@dataclass(frozen=True)
class Sources:
    """Sources as named and as found.

    Attributes:
        sources: as the person named them.
        paths: what the dataset reads: absolute paths, globs and URLs, never ``-``.
        dataset: the dataset that suits a named corpus, or None.
    """

    sources: tuple[str, ...]
    paths: tuple[str, ...]
    dataset: str | None


def resolve_sources(sources: Sequence[str]) -> Sources:
    """Find named corpora, keep what comes from standard input, and make paths absolute.

    Raises:
        CorpusError: a named corpus has not been downloaded, or standard input is empty.
    """
    named = tuple(sources) or (DEFAULT,)
    known = {corpus.name: corpus for corpus in available()}
    paths: list[str] = []
    dataset: str | None = None
    for source in named:
        if source == "-":
            paths.append(str(_keep_stdin()))
        elif sources and _local(source).exists():  # where none is named, no file of the default's name is meant
            paths.append(str(_local(source)))
        elif source in known:
            path = locate(source)
            if path is None:
                msg = f"Corpus {source} is not here yet.  seqgen corpora get {source}"
                raise CorpusError(msg)
            paths.append(str(path))
            dataset = known[source].dataset
        elif "://" in source:
            paths.append(source)
        else:
            paths.append(str(_local(source)))  # a glob, or missing: the dataset says
    return Sources(named, tuple(paths), dataset)


def as_named(path: str) -> str:
    """The name of a corpus that seqgen knows by one, from where it lies; of any other the path."""
    return next((corpus.name for corpus in available() if corpus.path is not None and str(corpus.path) == path), path)


def _local(source: str) -> Path:
    return Path(os.path.expanduser(source)).absolute()  # noqa: PTH111  Path.expanduser raises where ~name is nobody


def _keep_stdin() -> Path:
    """Standard input as a file named after its content, so that it can be read twice, and again to go on.

    Raises:
        CorpusError: it is empty.
    """
    folder = home.corpora_folder() / "stdin"
    with files.new_folder(folder) as new, tempfile.NamedTemporaryFile(dir=new, delete=False) as file:
        with files.writing(folder):
            shutil.copyfileobj(sys.stdin.buffer, file)
            file.flush()
        if not file.tell():
            raise CorpusError("Standard input is empty.")
        with Path(file.name).open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        path = folder / f"{digest[:32]}.txt"
        with files.writing(path):
            Path(file.name).replace(path)
    return path


def name_after(source: str) -> str:
    """The name of a model where none is given: that of its source, a URL's without its query, which may be a signature."""
    source = re.sub(r"[?#].*", "", source) if "://" in source else source
    stem = re.sub(r"(\.(txt|gz|zst|text|md|abc|midi?))+$", "", Path(source.rstrip("/*")).name, flags=re.IGNORECASE)
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("-._")[:100]
    return name or "model"
