"""Text files, each paragraph one document."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_doc import Doc
from annotated_types import Ge

from seqgen.core.dataset import Dataset
from seqgen.core.errors import CorpusError
from seqgen.core.files import Source, find_sources
from seqgen.core.types import Document


@dataclass(frozen=True, kw_only=True)
class ParagraphsDataset(Dataset):
    """What stands between blank lines is one document, its lines joined by spaces."""

    batching: ClassVar[str] = "documents"

    shortest: Annotated[int, Ge(1), Doc("paragraphs of fewer characters are left out")] = 1

    def documents(self) -> Iterator[Document]:
        empty = True
        for source in find_sources(self.sources):
            for number, paragraph in enumerate(_paragraphs(source), start=1):
                if len(paragraph) >= self.shortest:
                    yield Document(f"{source.name}#{number}", paragraph)
                    empty = False
        if empty:
            raise CorpusError(f"There is no paragraph in {', '.join(self.sources)}.")


def _paragraphs(source: Source) -> Iterator[str]:
    held = ""
    for piece in source.text(dataset="paragraphs"):
        *whole, held = re.split(r"\n\s*\n", held + piece)
        yield from filter(None, map(_joined, whole))
    if last := _joined(held):
        yield last


def _joined(paragraph: str) -> str:
    return " ".join(paragraph.split())
