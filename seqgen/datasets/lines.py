"""Text files, each line one document: names, haiku on a line, log lines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from seqgen.core.file_dataset import TextFileDataset
from seqgen.core.files import BLOCK
from seqgen.core.types import Document
from seqgen.datasets.rows import tell_rows


@dataclass(frozen=True, kw_only=True)
class LinesDataset(TextFileDataset):
    """Text files, each line one document, without its line end; blank lines are skipped."""

    batching: ClassVar[str] = "documents"

    def documents(self) -> Iterator[Document]:
        """One document a line; its id is the file's path and the line's number, from 1."""
        tell_rows(self.files)
        empty = True
        for file, text in self.texts("lines"):
            for document in _lines(file.name, text):
                empty = False
                yield document
        if empty:
            raise self.empty("text")


def _lines(name: str, pieces: Iterator[str]) -> Iterator[Document]:
    number, held, begun = 1, "", False
    for piece in pieces:
        *lines, held = (held + piece).split("\n")
        for line in lines:
            if begun or not _blank(line):
                yield Document(f"{name}:{number}", line)
            number, begun = number + 1, False
        if len(held) >= BLOCK:  # a line so long comes in pieces
            yield Document(f"{name}:{number}", held, final=False)
            held, begun = "", True
    if begun or not _blank(held):
        yield Document(f"{name}:{number}", held)


def _blank(line: str) -> bool:
    return not line or line.isspace()
