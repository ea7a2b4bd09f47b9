"""Files of walks: bytes from 0 to 9, one a step, and 255 between walks."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from seqgen.core.dataset import Dataset
from seqgen.core.errors import CorpusError
from seqgen.core.files import Source, find_sources
from seqgen.core.types import Document

MEDIA_TYPE = "application/x-steps"
BETWEEN = b"\xff"
KINDS = 10


@dataclass(frozen=True, kw_only=True)
class WalksDataset(Dataset):
    """Each walk is one document."""

    media_type: ClassVar[str] = MEDIA_TYPE
    batching: ClassVar[str] = "documents"

    def documents(self) -> Iterator[Document]:
        empty = True
        for source in find_sources(self.sources):
            for number, walk in enumerate(_walks(source), start=1):
                yield Document(f"{source.name}#{number}", walk)
                empty = False
        if empty:
            raise CorpusError(f"There is no walk in {', '.join(self.sources)}.")

    @classmethod
    def example(cls, folder: Path, size: int) -> tuple[str, ...]:
        path = folder / "example.walks"
        walks = [bytes(step * step // stride % KINDS for step in range(20 + stride)) for stride in (1, 2, 3)]
        with path.open("wb") as file:
            for walk in itertools.cycle(walks):
                file.write(walk + BETWEEN)
                if file.tell() >= max(size, 80):
                    break
        return (str(path),)


def _walks(source: Source) -> Iterator[bytes]:
    held = b""
    for block in source.blocks():
        *whole, held = (held + block).split(BETWEEN)
        yield from (_checked(walk, source) for walk in whole if walk)
    if held:
        yield _checked(held, source)


def _checked(walk: bytes, source: Source) -> bytes:
    if max(walk) >= KINDS:
        raise CorpusError(f"{source.name} holds the byte {max(walk)}, but steps are 0 to {KINDS - 1}.")
    return walk
