"""Text files, each one document."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from seqgen.core.file_dataset import TextFileDataset
from seqgen.core.types import Document
from seqgen.datasets.gutenberg import Licences
from seqgen.datasets.rows import tell_rows


@dataclass(frozen=True, kw_only=True)
class TextDataset(TextFileDataset):
    """Text files, each one document, in pieces of about a megabyte."""

    def documents(self) -> Iterator[Document]:
        """One document a file; its id is the file's path."""
        tell_rows(self.files)
        licences = Licences()
        empty = True
        for file, text in self.texts("text"):
            held: str | None = None  # one piece, until it is known whether it is the last
            for piece in licences.watched(file.name, text):
                if held is not None:
                    yield Document(file.name, held, final=False)
                held, empty = piece, False
            if held is not None:
                yield Document(file.name, held)
        if empty:
            raise self.empty("text")
        if said := licences.said():
            self.tell(said)
