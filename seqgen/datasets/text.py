"""Text files, each one document."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, ClassVar

from annotated_doc import Doc

from seqgen.core.dataset import Dataset
from seqgen.core.errors import CorpusError
from seqgen.core.files import Source, check_encoding, find_sources
from seqgen.core.types import Document


@dataclass(frozen=True, kw_only=True)
class TextDataset(Dataset):
    """Text files, each one document; line ends become ``\\n``."""

    name: ClassVar[str] = "text"

    encoding: Annotated[str, Doc("of the files: utf-8, latin-1, ...; auto follows a byte order mark, else UTF-8")] = (
        "auto"
    )

    def __post_init__(self) -> None:
        check_encoding(self.encoding)

    @cached_property
    def files(self) -> list[Source]:
        """The files, found once, so that standard input and URLs are read once."""
        return find_sources(self.sources)

    def documents(self) -> Iterator[Document]:
        """One document a file, in pieces of about a megabyte."""
        empty = True
        for file in self.files:
            held: str | None = None
            for piece in file.text(self.encoding, dataset=self.name):
                if held is not None:
                    yield Document(file.name, held, final=False)
                held, empty = piece, False
            if held is not None:
                yield Document(file.name, held)
        if empty:
            raise CorpusError(f"The corpus is empty: there is no text in {', '.join(self.sources) or 'no sources'}.")
