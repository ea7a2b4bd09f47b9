"""The token store: a corpus encoded once, memory-mapped, found again by its content.

A store is a folder of two arrays (see :mod:`seqgen.data.arrays`): ``tokens.bin``, the ids, and ``documents.bin``, 64-bit
numbers: how many characters there are, the D + 1 starts, the D hashes.  Its name is a hash of the corpus, the
tokenizer, also of its code where it is a plugin's, and of whether ends stand where they usually do not.  It appears by rename when it is whole; until then it is a folder of another kind (see
:mod:`seqgen.data.encoding`), which one process at a time adds to.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from seqgen import files, locks
from seqgen.core.dataset import Dataset
from seqgen.core.errors import CorpusError, OutputError, PluginError, SeqgenWarning
from seqgen.core.tokenizer import Tokenizer
from seqgen.core.types import Ids
from seqgen.data.arrays import read_array
from seqgen.data.code import code_of, name_of
from seqgen.data.encoding import Encoding
from seqgen.data.reading import Fingerprint, Progress, Reading, recognised

FORMAT = 1
"""Changes when stores of before cannot be read any more; they are then not found."""

BUILDING, LOCKS = ".building", ".locks"
"""Folders, beside the stores, of those that are not whole yet, and of the locks by which one process builds each."""

PATIENCE = 2.0
"""Seconds after which waiting for a process that builds the same store is told."""


@dataclass(frozen=True)
class Part:
    """Tokens of a corpus or of a part of it.  N tokens, D documents.

    Where ``has_ends``, the tokens are ``end d0 end d1 end ... end``, and neighbours share the end between them: it is
    the last target of one and the first input of the next.

    Attributes:
        tokens: (N,) ids, the smallest unsigned integers that hold the vocabulary; read-only.
        starts: (D + 1,) int64, where each document starts (at its leading end, where there are ends), and where the
            last one's trailing end is, or without ends, N.
        document_hashes: (D,) uint64 of each document's content, or of its group where it has one.
        has_ends: whether ends stand around the documents.
    """

    tokens: Ids
    starts: npt.NDArray[np.int64]
    document_hashes: npt.NDArray[np.uint64]
    has_ends: bool

    @property
    def stops(self) -> npt.NDArray[np.int64]:
        """(D,) where each document stops: document d is ``tokens[starts[d] : stops[d]]``, with both its ends."""
        return self.starts[1:] + self.has_ends


@dataclass(frozen=True)
class TokenStore(Part):
    """The tokens of a whole corpus, memory-mapped.

    Attributes:
        characters: how many characters (bytes, for binary media) the tokens stand for.
        fingerprint: sha256 over the contents of all documents, in order, and over their groups where they have any.
        folder: where the store is; parts that are written lie there too.
    """

    characters: int
    fingerprint: str
    folder: Path


def open_or_build(
    dataset: Dataset,
    tokenizer: Tokenizer,
    folder: Path,
    *,
    has_ends: bool | None = None,
    fingerprint: Fingerprint | None = None,
    progress: Progress | None = None,
) -> TokenStore:
    """The token store of a corpus, found in a folder or built there.

    Where building is interrupted, what was encoded stays, and the next call goes on from there.

    Args:
        dataset: the corpus.  It is read once to recognise it, unless its files' sizes and times tell, and, where it is new,
            once more to encode it.  Where it is not read, what it passed over once is told again.
        tokenizer: fitted.
        folder: holds the stores of all corpora.
        has_ends: whether ends stand around the documents, where the tokenizer has one; None: where there are several.
        fingerprint: of the corpus, where it is known.
        progress: told while it is built how far it is, in bytes of the corpus.

    Raises:
        CorpusError: the corpus is empty, or changes while it is read.
        OutputError: the store cannot be written.
        PluginError: the tokenizer gives what it may not.
    """
    fingerprint = fingerprint or fingerprint_of(dataset, folder)
    usual = tokenizer.end_id is not None and fingerprint.documents > 1
    has_ends = usual if has_ends is None else has_ends and tokenizer.end_id is not None
    name = _name(fingerprint.sha256, tokenizer, *([] if has_ends == usual else ["ends" if has_ends else "no ends"]))
    for place in (folder, folder / name):
        files.remove_left(place)
    find = partial(_open, folder / name, tokenizer, fingerprint.sha256, has_ends=has_ends)
    if store := find():
        for sentence in fingerprint.passed_over:
            if sentence not in dataset.passed_over():  # else it was read just now, and has warned of it itself
                warnings.warn(str(sentence), SeqgenWarning, stacklevel=1)
        return store
    try:
        with _alone(folder, name):
            if store := find():  # another process was faster
                return store
            _build(dataset, tokenizer, folder, name, fingerprint, has_ends=has_ends, progress=progress)
    except OSError as error:
        raise OutputError(f"The token store in {folder} cannot be written: {error.strerror or error}.") from error
    if store := find():
        return store
    raise OutputError(f"The token store {folder / name} was written, but reads back damaged.  Check the disk.")


def fingerprint_of(dataset: Dataset, folder: Path) -> Fingerprint:
    """The fingerprint of a corpus, which is read unless it was before and has not changed.

    Args:
        dataset: the corpus.
        folder: of the token stores, where fingerprints are remembered.

    Raises:
        CorpusError: the corpus is missing or empty.
    """
    return recognised(dataset, folder) or _read(dataset, folder)


def _read(dataset: Dataset, folder: Path) -> Fingerprint:
    """The fingerprint of a corpus by its content, remembered."""
    reading = Reading(dataset)
    for _ in reading.contents():
        pass
    reading.remember(folder)
    assert reading.fingerprint is not None
    return reading.fingerprint


@contextlib.contextmanager
def _alone(folder: Path, name: str) -> Iterator[None]:
    """Wait until no other process builds the store of this name, however long; said where it is no matter of seconds."""
    files.make_folder(folder / LOCKS)
    lock = locks.hold(folder / LOCKS / name, patience=PATIENCE)
    if lock is None:
        # It may take hours, or be a process that was stopped.
        warnings.warn("Another process encodes this corpus: waiting until it has ended", SeqgenWarning, stacklevel=1)
        lock = locks.hold(folder / LOCKS / name, patience=-1)  # for ever
        assert lock is not None
    try:
        yield
    finally:
        lock.release()


def _build(
    dataset: Dataset,
    tokenizer: Tokenizer,
    folder: Path,
    name: str,
    fingerprint: Fingerprint,
    *,
    has_ends: bool,
    progress: Progress | None,
) -> None:
    building = folder / BUILDING / name
    files.make_folder(building.parent)
    with Encoding(building, tokenizer, token_dtype(tokenizer), has_ends=has_ends) as encoding:
        same = encoding.encode(dataset, fingerprint.size, progress=progress) == fingerprint
        if same:
            with files.new_folder(folder) as made:
                encoding.finish(made)
                with contextlib.suppress(OSError):
                    shutil.rmtree(folder / name)  # it is damaged, or it would have been found
                files.move(made, folder / name)
    shutil.rmtree(building, ignore_errors=True)
    if not same:
        raise CorpusError("The corpus changed while it was read.  Start again once nothing writes to it.")


def _open(place: Path, tokenizer: Tokenizer, fingerprint: str, *, has_ends: bool) -> TokenStore | None:
    """The store at a place, or None where there is none that is whole."""
    tokens = read_array(place / "tokens.bin", token_dtype(tokenizer), below=tokenizer.vocab_size)
    documents = read_array(place / "documents.bin", np.int64)
    if tokens is None or documents is None or documents.size < 4 or documents.size % 2:
        return None
    starts, hashes = documents[1 : documents.size // 2 + 1], documents[documents.size // 2 + 1 :]
    if starts[0] or starts[-1] + has_ends != tokens.size or (np.diff(starts) < 0).any() or documents[0] < 0:
        return None
    return TokenStore(tokens, starts, hashes.view(np.uint64), has_ends, int(documents[0]), fingerprint, place)


def token_dtype(tokenizer: Tokenizer) -> np.dtype[Any]:
    """The smallest unsigned integer type that holds all ids."""
    return np.min_scalar_type(tokenizer.vocab_size - 1)


def _name(fingerprint: str, tokenizer: Tokenizer, *unusual: str) -> str:
    kind = type(tokenizer)
    parts = [FORMAT, fingerprint, name_of(kind), tokenizer.state(), *unusual]
    if code := code_of(kind):
        parts.append(code)
    try:
        written = json.dumps(parts, sort_keys=True)
    except (TypeError, ValueError) as error:
        msg = f"Tokenizer {name_of(kind)} has a state that JSON cannot hold: {error}.  seqgen check-plugin tells more"
        raise PluginError(msg) from error
    return hashlib.sha256(written.encode()).hexdigest()[:32]
