"""The token store: a corpus encoded once, memory-mapped, found again by its content.

A store is a folder of two arrays (see :mod:`seqgen.data.arrays`): ``tokens.bin``, the ids, and ``documents.bin``, 64-bit
numbers: how many characters there are, the D + 1 starts, the D hashes.  Its name is a hash of the corpus and the
tokenizer.  It appears by rename when it is whole, so that concurrent builders do no harm.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from seqgen.core.dataset import Dataset
from seqgen.core.errors import CorpusError, OutputError
from seqgen.core.tokenizer import Tokenizer
from seqgen.core.types import Content, Document, Ids
from seqgen.data.arrays import ArrayWriter, read_array

FORMAT = 1
"""Changes when stores of before cannot be read any more; they are then not found."""

_BUFFER = 1 << 20  # tokens


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
    dataset: Dataset, tokenizer: Tokenizer, folder: Path, *, progress: Callable[[int], None] | None = None
) -> TokenStore:
    """The token store of a corpus, found in a folder or built there.

    Args:
        dataset: the corpus, read once to recognise it and, where it is new, once more to encode it.
        tokenizer: fitted.
        folder: holds the stores of all corpora.
        progress: called while building with the number of tokens written so far.

    Raises:
        CorpusError: the corpus is empty, or changes while it is read.
        OutputError: the store cannot be written.
    """
    digests = _Digests()
    for group, pieces in _grouped(dataset):
        digest = hashlib.sha256()
        for piece in pieces:
            digest.update(_bytes(piece))
        digests.add(digest.digest(), group)
    if not digests.contents:
        raise CorpusError(f"The corpus is empty: {', '.join(dataset.sources) or 'no sources'} gave no documents.")
    fingerprint = digests.fingerprint
    place = folder / _name(fingerprint, tokenizer)
    has_ends = tokenizer.end_id is not None and len(digests.contents) > hashlib.sha256().digest_size
    if store := _open(place, tokenizer, fingerprint, has_ends=has_ends):
        return store
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix="building-", ignore_cleanup_errors=True) as temporary:
            made = Path(temporary, "store")
            made.mkdir()
            if _build(dataset, tokenizer, made, has_ends=has_ends, progress=progress) != digests:
                raise CorpusError("The corpus changed while it was read.  Start again once nothing writes to it.")
            if _open(place, tokenizer, fingerprint, has_ends=has_ends) is None:  # else another builder was faster
                with contextlib.suppress(OSError):
                    place.rename(Path(temporary, "damaged"))
                with contextlib.suppress(OSError):
                    made.rename(place)
    except OSError as error:
        raise OutputError(f"The token store in {folder} cannot be written: {error.strerror or error}.") from error
    store = _open(place, tokenizer, fingerprint, has_ends=has_ends)
    if store is None:
        raise OutputError(f"The token store {place} was written, but reads back damaged.  Check the disk.")
    return store


def _build(
    dataset: Dataset,
    tokenizer: Tokenizer,
    folder: Path,
    *,
    has_ends: bool,
    progress: Callable[[int], None] | None,
) -> _Digests:
    """Write the two files of a store; gives the digests of the documents."""
    dtype = token_dtype(tokenizer)
    end = np.array([tokenizer.end_id] if has_ends else [], dtype)
    starts: list[int] = []
    digests = _Digests()
    characters = written = 0
    buffer: list[Ids] = []
    buffered = 0
    with ArrayWriter(folder / "tokens.bin", dtype) as tokens:

        def flush() -> None:
            nonlocal characters, written, buffered
            ids = np.concatenate(buffer) if buffer else end
            tokens.write(ids)
            characters += tokenizer.characters(ids)
            written, buffered = written + buffered, 0
            buffer.clear()
            if progress:
                progress(written)

        for group, pieces in _grouped(dataset):
            digest = hashlib.sha256()
            starts.append(written + buffered)
            buffer.append(end)
            buffered += end.size
            for ids in tokenizer.encode_pieces(_hashed(pieces, digest)):
                buffer.append(ids.astype(dtype, copy=False))
                buffered += ids.size
                if buffered >= _BUFFER:
                    flush()
            digests.add(digest.digest(), group)
        starts.append(written + buffered)
        buffer.append(end)
        buffered += end.size
        flush()
    with ArrayWriter(folder / "documents.bin", np.int64) as documents:
        documents.write(np.array([characters, *starts]))
        documents.write(_hashes(digests.groups).view(np.int64))
    return digests


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


def _name(fingerprint: str, tokenizer: Tokenizer) -> str:
    kind = type(tokenizer)
    parts = [FORMAT, fingerprint, f"{kind.__module__}:{kind.__qualname__}", tokenizer.state()]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


@dataclass
class _Digests:
    """The sha256 digests of documents, joined: of their contents, and of what is held out as one.

    The latter are the former where documents have no groups, so that their stores are found as before there were any.
    """

    contents: bytearray = field(default_factory=bytearray)
    groups: bytearray = field(default_factory=bytearray)

    def add(self, content: bytes, group: str) -> None:
        self.contents += content
        self.groups += hashlib.sha256(_bytes(group)).digest() if group else content

    @property
    def fingerprint(self) -> str:
        grouped = self.contents != self.groups
        return hashlib.sha256(self.contents + self.groups if grouped else self.contents).hexdigest()


def _grouped(dataset: Dataset) -> Iterator[tuple[str, Iterator[Content]]]:
    """The group and the pieces of each document; to be read in order, each to its end."""
    documents = iter(dataset.documents())
    for first in documents:
        yield first.group, _pieces(first, documents)


def _pieces(first: Document, following: Iterator[Document]) -> Iterator[Content]:
    yield first.content
    if not first.final:
        for piece in following:
            yield piece.content
            if piece.final:
                break


def _hashed(pieces: Iterator[Content], digest: Any) -> Iterator[Content]:
    for piece in pieces:
        digest.update(_bytes(piece))
        yield piece


def _bytes(content: Content) -> bytes:
    return content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content


def _hashes(digests: bytearray) -> npt.NDArray[np.uint64]:
    """The first 64 bits of each digest."""
    return np.frombuffer(bytes(digests), "<u8").reshape(-1, hashlib.sha256().digest_size // 8)[:, 0].copy()
