"""Reading a corpus and recognising it: by its files' sizes and times where they tell, and by its content.

What was recognised by its content is remembered beside the token stores, under a hash of ``Dataset.stamp``.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import reprlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from seqgen import files
from seqgen.core.dataset import Dataset
from seqgen.core.errors import CorpusError, OutputError, PluginError
from seqgen.core.options import option_values
from seqgen.core.tokenizer import Tokenizer
from seqgen.core.types import Content, Document
from seqgen.data.code import code_of, name_of

Progress: TypeAlias = Callable[[int, int | None], None]
"""Called while a corpus is read with the bytes done so far (text in UTF-8), and those of all where they are known."""

SEEN = ".seen"
"""The folder, beside the token stores, of what was recognised."""

_STEP = 1 << 20  # bytes between two calls of a progress


@dataclass(frozen=True)
class Fingerprint:
    """What a corpus is recognised by.

    Attributes:
        sha256: over the sha256 of the contents of all documents, in order, and over their groups where they have any.
        documents: how many there are.
        size: bytes of all contents, text in UTF-8.
        passed_over: what its dataset says of the reading, see ``Dataset.passed_over``.
    """

    sha256: str
    documents: int
    size: int
    passed_over: list[str] = field(default_factory=list, compare=False)


class Reading:
    """One reading of a corpus, document by document, which gives its fingerprint.

    Attributes:
        fingerprint: None until all has been read.
    """

    def __init__(self, dataset: Dataset, *, size: int | None = None, progress: Progress | None = None) -> None:
        """A reading.

        Args:
            dataset: the corpus.
            size: bytes of the whole where they are known, for ``progress``.
            progress: told now and then how far it is.
        """
        self.fingerprint: Fingerprint | None = None
        self._dataset = dataset
        self._of_all = size
        self._progress = progress
        self._read = self._told = 0
        self._content = self._held_out = b""  # digests of the document that was read last

    def contents(self, *, whole: bool = False) -> Iterator[Content]:
        """All pieces of all documents, or each document as one."""
        for pieces in self.documents():
            yield from [joined(pieces)] if whole else pieces

    def documents(self) -> Iterator[Iterator[Content]]:
        """The pieces of each document; to be read in order, each to its end.

        Raises:
            CorpusError: there are none.
            PluginError: what the dataset gives is no document.
        """
        stamp = self._dataset.stamp()
        contents, groups, count = hashlib.sha256(), hashlib.sha256(), 0
        documents: Iterator[Any] = iter(self._dataset.documents())
        for first in documents:
            if not (isinstance(first, Document) and isinstance(first.content, str | bytes)):
                msg = (
                    f"Dataset {name_of(type(self._dataset))} gives {reprlib.repr(first)}, which is no Document of text or "
                    "bytes.  seqgen check-plugin tells more"
                )
                raise PluginError(msg)
            yield self._pieces(first, documents)
            contents.update(self._content)
            groups.update(self._held_out)
            count += 1
        if not count:
            sources = ", ".join(self._dataset.sources) or "no sources"
            raise CorpusError(f"The corpus is empty: {sources} gave no documents.")
        whole = contents
        if groups.digest() != contents.digest():
            whole = hashlib.sha256(contents.digest() + groups.digest())
        passed_over = [*map(str, self._dataset.passed_over())]
        self.fingerprint = Fingerprint(whole.hexdigest(), count, self._read, passed_over)
        # What was changed while it was read has another stamp now.
        self._stamp = stamp if stamp == self._dataset.stamp() else None

    @property
    def hash(self) -> int:
        """The first 64 bits of the sha256 of the document that was read last, or of its group where it has one."""
        return int.from_bytes(self._held_out[:8], "little")

    def remember(self, folder: Path) -> None:
        """Recognise the corpus by the stamp of its files from now on, where they have one."""
        if self.fingerprint is None or self._stamp is None:
            return
        with contextlib.suppress(OutputError, OSError):  # it is recognised by its content then
            place = folder / SEEN / _key(self._dataset, self._stamp)
            files.make_folder(place.parent)
            files.replace_bytes(place, files.json_bytes(asdict(self.fingerprint)))

    def _pieces(self, first: Document, following: Iterator[Document]) -> Iterator[Content]:
        digest = hashlib.sha256()
        piece = first
        while True:
            content = piece.content
            data = _bytes(content)
            digest.update(data)
            self._advance(len(data))
            yield content
            following_piece = None if piece.final else next(following, None)
            if following_piece is None:
                break
            piece = following_piece
        self._content = digest.digest()
        self._held_out = hashlib.sha256(_bytes(first.group)).digest() if first.group else self._content

    def _advance(self, size: int) -> None:
        self._read += size
        if self._progress is not None and self._read - self._told >= _STEP:
            self._told = self._read
            self._progress(self._read, self._of_all)


def contents(dataset: Dataset, tokenizer: Tokenizer) -> Iterator[Content]:
    """What a tokenizer is handed of a corpus: all pieces of all documents; each document as one where it has a frame.

    Only the document as a whole tells where its frame begins and ends.

    Raises:
        CorpusError: there are no documents.
        PluginError: what the dataset gives is no document.
    """
    return Reading(dataset).contents(whole=tokenizer.framed)


def joined(pieces: Iterable[Content]) -> Content:
    """The document of which these are the pieces, at least one."""
    first, *others = pieces
    return first[:0].join([first, *others]) if others else first  # type: ignore[list-item]  # all are of one type


def recognised(dataset: Dataset, folder: Path) -> Fingerprint | None:
    """The fingerprint of a corpus whose files are as they were when it was read, by sizes and times; else None."""
    if (stamp := dataset.stamp()) is None:
        return None
    try:
        value = json.loads((folder / SEEN / _key(dataset, stamp)).read_bytes())
        found = Fingerprint(**value)
    except (OSError, ValueError, TypeError, RecursionError):
        return None
    kinds = [type(value) for value in asdict(found).values()]
    return found if kinds == [str, int, int, list] and found.documents > 0 and found.size >= 0 else None


def _bytes(content: Content) -> bytes:
    return content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content


def _key(dataset: Dataset, stamp: Any) -> str:
    kind = type(dataset)
    about = [name_of(kind), option_values(dataset), stamp]
    if code := code_of(kind):
        about.append(code)
    return hashlib.sha256(json.dumps(about, sort_keys=True, default=str).encode("utf-8", "surrogatepass")).hexdigest()
