"""What a person names as a corpus, as paths that can be read again."""

from __future__ import annotations

import glob
import io
import os
import reprlib
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from seqgen import files, home
from seqgen.core.errors import CorpusError, UsageError
from seqgen.core.nearest import missing, nearest
from seqgen.core.refusals import refuse_empty
from seqgen.corpora import available, locate

DEFAULT = "ice"
"""The bundled corpus that is trained on where none is named."""

_BLOCK = 1 << 16
"""Bytes that are read at a time of what is kept."""

_LONGEST_NAME, _LONGEST_PATH = 255, 4095
"""Bytes of the name of a file, and of a path, at most: those of Linux, than which few systems allow more."""


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


def source_names(named: Iterable[object], *, or_else: str = "to standard input, and name -") -> list[str]:
    """What a person names as sources, as text.

    Args:
        named: each text or a path.
        or_else: where else than to a file a text may go.

    Raises:
        UsageError: one of them names nothing, as a list, or is the text that a file should hold.
    """
    names = []
    for each in named:
        if not isinstance(each, str | os.PathLike):
            raise UsageError(f"{reprlib.repr(each)} is no file's name.  Name files one by one; of a list, as *files")
        name = os.fsdecode(each)
        if _is_text(name):
            shown = repr(name) if len(name) <= 30 else f"{name[:30]!r}..."
            raise UsageError(f"{shown} is a text and no file's name.  Write it to a file, or give it {or_else}")
        names.append(name)
    return names


def _is_text(name: str) -> bool:
    """Whether a name is none, but what is to be read: too long for any file's, or of several lines."""
    if os.path.lexists(name):
        return False
    if "\n" in name:
        return True
    parts = [part.encode("utf-8", "surrogatepass") for part in Path(name).parts]
    return "://" not in name and (
        any(len(part) > _LONGEST_NAME for part in parts) or sum(map(len, parts)) > _LONGEST_PATH
    )


def resolve_sources(sources: Sequence[str]) -> Sources:
    """Find named corpora, keep what comes from standard input or a pipe, and make paths absolute; each source once.

    Raises:
        CorpusError: a named corpus has not been downloaded, one of nearly that name is known, or standard input is empty.
        UsageError: a source is empty text, or the current folder was removed.
    """
    named = tuple(dict.fromkeys(sources)) or (DEFAULT,)
    known = {corpus.name: corpus for corpus in available()}
    paths: list[str] = []
    dataset: str | None = None
    for source in named:
        refuse_empty(source)
        if source == "-":
            paths.append(str(_keep(cast("io.BufferedIOBase", sys.stdin.buffer), "stdin", "Standard input")))
        elif sources and _local(source).is_fifo():  # a run that goes on would wait for it for ever
            with _local(source).open("rb") as pipe:
                paths.append(str(_keep(pipe, "pipe", source)))
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
            paths.append(str(_unfound(source, known)))
    return Sources(named, tuple(dict.fromkeys(paths)), dataset)


def as_named(paths: Iterable[str]) -> list[str]:
    """The names of corpora that seqgen knows by one, from where they lie; of any others the paths."""
    names = {str(corpus.path): corpus.name for corpus in available()}
    return [names.get(path, path) for path in paths]


def named_here(paths: Iterable[str], *, dataset: str) -> list[str]:
    """Paths as the shortest that mean the same to ``train`` in the current folder: the corpus's name, or as they are.

    Args:
        paths: of a corpus.
        dataset: that is to read them; by its name a corpus brings one of its own.
    """
    here = {str(corpus.path): corpus.name for corpus in available() if corpus.dataset == dataset.partition(":")[0]}
    names = ((path, here.get(path, path)) for path in paths)
    return [path if os.path.lexists(name) else name for path, name in names]


def _local(source: str) -> Path:
    path = Path(os.path.expanduser(source))  # noqa: PTH111  Path.expanduser raises where ~name is nobody
    try:
        return path.absolute()
    except FileNotFoundError as error:
        msg = f"{source} is looked for in the current folder, which was removed.  Go to another one."
        raise UsageError(msg) from error


def _unfound(source: str, known: Iterable[str]) -> Path:
    """A glob, or what is missing, of which the dataset says so; unless it is nearly the name of a corpus.

    Raises:
        CorpusError: it is.
    """
    path = _local(source)
    if Path(source).name == source and not glob.has_magic(source) and nearest(source, known):
        besides = {each: f"the corpus {each} (seqgen corpora list)" for each in known}
        raise CorpusError(missing(str(path), path, besides=besides))
    return path


def _keep(content: io.BufferedIOBase, kind: str, name: str) -> Path:
    """What can be read only once, as a file named after its content, so that it can be read twice, and again to go on.

    Raises:
        CorpusError: it is empty.
    """
    folder = home.corpora_folder() / kind  # :mod:`seqgen.core.files` knows what lies there
    with files.new_folder(folder) as new:
        arrived = new / kind
        with files.writing(folder), arrived.open("wb") as file:
            # Not read(), which asks the system for more until it has enough: a signal that comes in between would wait for that.
            while block := content.read1(_BLOCK):
                file.write(block)
            file.flush()
            os.fsync(file.fileno())  # a run is saved to outlive a power cut, and it cannot go on without what it reads
        if not arrived.stat().st_size:
            raise CorpusError(f"{name} is empty.")
        path = folder / f"{files.sha256(arrived)[:32]}.txt"
        with files.writing(path):
            files.move(arrived, path, over=True)
            files.sync_folder(folder)
    return path
