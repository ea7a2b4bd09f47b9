"""What datasets of text files share."""

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
class TextFiles(Dataset):
    """Text files in some encoding."""

    name: ClassVar[str]
    """As registered, for the advice in messages."""

    encoding: Annotated[str, Doc("of the files: utf-8, latin-1, ...; auto follows a byte order mark, else UTF-8")] = (
        "auto"
    )

    def __post_init__(self) -> None:
        check_encoding(self.encoding)

    @cached_property
    def files(self) -> list[Source]:
        """The files, found once, so that standard input and URLs are copied once."""
        return find_sources(self.sources)

    def stamp(self) -> str | None:
        """A hash of name, size and times of each file."""
        digest = hashlib.sha256()
        for file in self.files:
            if (stamp := file.stamp()) is None:
                return None
            digest.update(json.dumps([file.name, stamp]).encode())
        return digest.hexdigest()

    def empty(self) -> CorpusError:
        """What to raise when nothing at all was read."""
        return CorpusError(f"The corpus is empty: there is no text in {', '.join(self.sources) or 'no sources'}.")
