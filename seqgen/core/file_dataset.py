"""What datasets of files share: finding them once, and telling by their sizes and times that nothing has changed."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, ClassVar

from annotated_doc import Doc

from seqgen.core.dataset import Dataset
from seqgen.core.errors import CorpusError
from seqgen.core.files import Source, check_encoding, find_sources


@dataclass(frozen=True, kw_only=True)
class FileDataset(Dataset):
    """Files, wherever they are; what is derived from it gives their documents."""

    suffixes: ClassVar[tuple[str, ...]] = ()
    """Of the files that are taken from folders, as in :func:`seqgen.core.files.find_sources`; (): those that look like text."""

    @cached_property
    def files(self) -> list[Source]:
        """The files, found once, so that standard input and URLs are copied once."""
        return find_sources(self.sources, suffixes=self.suffixes)

    def stamp(self) -> str | None:
        """A hash of name, size and times of each file; None where one of them does not tell."""
        digest = hashlib.sha256()
        for file in self.files:
            if (stamp := file.stamp()) is None:
                return None
            digest.update(json.dumps([file.name, stamp]).encode())
        return digest.hexdigest()

    def empty(self, of: str) -> CorpusError:
        """What to raise when nothing at all was read.

        Args:
            of: what there is none of, such as "song".
        """
        return CorpusError(f"The corpus is empty: there is no {of} in {', '.join(self.sources) or 'no sources'}.")


@dataclass(frozen=True, kw_only=True)
class TextFileDataset(FileDataset):
    """Text files in some encoding, which is an option."""

    encoding: Annotated[str, Doc("of the files: utf-8, latin-1, ...; auto follows a byte order mark, else UTF-8")] = (
        "auto"
    )

    def __post_init__(self) -> None:
        """Refuse what is no encoding."""
        check_encoding(self.encoding)
