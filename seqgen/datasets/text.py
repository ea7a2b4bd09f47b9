"""Text files, each one document."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from seqgen.core.types import Document
from seqgen.datasets.base import TextFiles


@dataclass(frozen=True, kw_only=True)
class TextDataset(TextFiles):
    """Text files, each one document, in pieces of about a megabyte."""

    name: ClassVar[str] = "text"

    def documents(self) -> Iterator[Document]:
        """One document a file; its id is the file's path."""
        empty = True
        for file in self.files:
            held: str | None = None  # one piece, until it is known whether it is the last
            for piece in file.text(self.encoding, dataset=self.name):
                if held is not None:
                    yield Document(file.name, held, final=False)
                held, empty = piece, False
            if held is not None:
                yield Document(file.name, held)
        if empty:
            raise self.empty()
