"""Writing a token store: by all processors, in bounded memory, and going on where it was interrupted.

While a store is written, its folder holds the ids so far (``tokens.bin``), for each document its start and the first 64
bits of its hash (``starts.bin``, ``hashes.bin``), and how far all this goes (``progress.json``), which is written last: what
the other files have beyond it counts for nothing.  To go on, the corpus is read from its start, since it might have
changed, but what was encoded is not encoded again.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import time
import zlib
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import IO, Any, Self, TypeAlias, cast

import numpy as np
import numpy.typing as npt

from seqgen import files
from seqgen.core.dataset import Dataset
from seqgen.core.errors import OutputError
from seqgen.core.tokenizer import Tokenizer
from seqgen.core.types import Content, Ids
from seqgen.data.arrays import ArrayWriter
from seqgen.data.reading import Fingerprint, Progress, Reading
from seqgen.data.workers import Workers, cores, encode, held, portable

SAVE_SECONDS = 5.0
"""Time between two moments from which encoding can go on."""

LARGE = 1 << 25
"""Bytes of a corpus from which on several processes encode it: to start them takes as long as to encode some of that."""

BATCH = 1 << 20
"""Characters, or bytes, that are encoded at a time, at least; documents may be short."""

FILES = ("tokens", "starts", "hashes")
"""The numbers of an encoding that is not whole yet, each in a file of its own."""

_BLOCK = 1 << 19  # bytes copied at a time

Encoded: TypeAlias = tuple[Iterable[Iterable[Ids]], int | None]
"""The ids of each unit, and how many characters they stand for together, where they have been counted."""

Unit: TypeAlias = Content | Iterator[Content]
"""What is encoded for itself: a part as ``Tokenizer.cut`` gives it, or the pieces of a document that cannot be cut."""


@dataclass
class _Batch:
    """Units in order, and the starts and ends of documents between them.

    Attributes:
        marks: (how many units before it; the hash of a document that ends there, or None where one starts).
    """

    units: list[Unit] = field(default_factory=list)
    marks: list[tuple[int, int | None]] = field(default_factory=list)


@dataclass
class _Progress:
    """How far an encoding is.

    Attributes:
        units: how many are encoded.
        characters: what their ids stand for.
        sizes, crcs: bytes of each file, and the CRC-32 of those.
    """

    units: int = 0
    characters: int = 0
    sizes: dict[str, int] = field(default_factory=lambda: dict.fromkeys(FILES, 0))
    crcs: dict[str, int] = field(default_factory=lambda: dict.fromkeys(FILES, 0))

    def __post_init__(self) -> None:
        """Raise TypeError where it is not what was written."""
        numbers = [self.units, self.characters]
        for table in (self.sizes, self.crcs):
            if not isinstance(table, dict) or tuple(table) != FILES:
                raise TypeError
            numbers += table.values()
        if any(type(number) is not int or number < 0 for number in numbers):
            raise TypeError


class Encoding:
    """A store that is being written in a folder of its own; a context, at the end of which what there is can be gone on with."""

    def __init__(
        self,
        folder: Path,
        tokenizer: Tokenizer,
        dtype: np.dtype[Any],
        *,
        has_ends: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """An encoding.

        Args:
            folder: where it is written; nobody else may use it meanwhile.
            tokenizer: fitted.
            dtype: of the ids.
            has_ends: whether ends stand around documents.
            clock: seconds, from any origin.
        """
        self._folder = folder
        self._tokenizer = tokenizer
        self._dtype = dtype.newbyteorder("<")
        self._end = np.array([tokenizer.end_id] if has_ends else [], self._dtype)
        # A tokenizer that overrides encode_pieces says by it that its documents cannot be cut.
        self._can_cut = type(tokenizer).encode_pieces is Tokenizer.encode_pieces
        self._clock = clock
        self._saved = clock()
        self._streams: dict[str, IO[bytes]] = {}
        self._at = _Progress()
        self._whole = asdict(self._at)  # as it was between two batches: an interruption may come in the middle of one

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._at = self._found() or _Progress()
        self._whole = asdict(self._at)
        for name, size in self._at.sizes.items():
            stream = self._streams[name] = self._path(name).open("ab")
            stream.truncate(size)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is not None:
                with contextlib.suppress(OSError, OutputError):  # a disk that is full has no room for this either
                    self._save()
        finally:
            with contextlib.ExitStack() as closing:  # all of them, though one finds no room for what it holds back
                for stream in self._streams.values():
                    closing.callback(stream.close)

    def encode(self, dataset: Dataset, size: int, *, progress: Progress | None = None) -> Fingerprint:
        """Encode what is not encoded yet; gives the fingerprint of what was read.

        Args:
            dataset: the corpus, from its start.
            size: bytes of the whole.
            progress: told now and then how far it is.

        Raises:
            OSError: it cannot be written.
        """
        reading = Reading(dataset, size=size, progress=progress)
        run = self._side_by_side if size >= LARGE and self._can_cut and portable(self._tokenizer) else self._alone
        read, to_encode = itertools.tee(self._batches(reading))
        with contextlib.closing(run(each.units for each in to_encode)) as encoded:
            for batch, (ids, characters) in zip(read, encoded, strict=True):
                self._write(batch, ids, characters)
                if self._clock() - self._saved >= SAVE_SECONDS:
                    self._save()
        assert reading.fingerprint is not None
        return reading.fingerprint

    def finish(self, folder: Path) -> None:
        """Make the store's files of it, in another folder.

        Raises:
            OSError: they cannot be written.
        """
        for stream in self._streams.values():
            stream.close()  # or Windows would not rename the file
        with ArrayWriter(folder / "documents.bin", np.int64) as documents:
            documents.write(np.array([self._at.characters]))
            for values in itertools.chain(self._numbers("starts"), [np.array([self._tokens])], self._numbers("hashes")):
                documents.write(values)
        end = self._end.tobytes()
        with self._path("tokens").open("ab") as tokens:
            tokens.write(end + zlib.crc32(end, self._at.crcs["tokens"]).to_bytes(4, "little"))
        files.move(self._path("tokens"), folder / "tokens.bin")

    def _numbers(self, name: str) -> Iterator[npt.NDArray[np.int64]]:
        with self._path(name).open("rb") as stream:
            while block := stream.read(_BLOCK):
                yield np.frombuffer(block, "<i8")

    def _batches(self, reading: Reading) -> Iterator[_Batch]:
        """What is not encoded yet, in batches; the rest is only read."""
        units_done, starts_done, hashes_done = self._at.units, *(self._at.sizes[each] // 8 for each in FILES[1:])
        batch, length, number = _Batch(), 0, 0
        for document, pieces in enumerate(reading.documents()):
            if document >= starts_done:
                batch.marks.append((len(batch.units), None))
            units: Iterable[Unit] = self._tokenizer.cut(pieces) if self._can_cut else [pieces]
            for unit in units:
                number += 1
                if number > units_done:
                    batch.units.append(unit)
                    length += len(unit) if isinstance(unit, str | bytes) else BATCH
                elif not isinstance(unit, str | bytes):
                    for _ in unit:
                        pass
                if length >= BATCH:
                    yield batch
                    batch, length = _Batch(), 0
            for _ in pieces:  # those that the tokenizer did not ask for: they are no document of their own
                pass
            if document >= hashes_done:
                batch.marks.append((len(batch.units), reading.hash))
        yield batch

    def _alone(self, batches: Iterable[list[Unit]]) -> Generator[Encoded]:
        """Encoded by this process."""
        for units in batches:
            if self._can_cut:
                ids, characters = encode(self._tokenizer, cast("list[Content]", units))
                yield ([each] for each in ids), characters
            else:
                each = (self._tokenizer.encode_pieces(cast("Iterator[Content]", unit)) for unit in units)
                yield (map(partial(held, self._tokenizer), ids) for ids in each), None

    def _side_by_side(self, batches: Iterable[list[Unit]]) -> Generator[Encoded]:
        """Encoded by a process on each processor."""
        with Workers(self._tokenizer, self._dtype, cores()) as workers:
            for ids, characters in workers.map(cast("Iterable[list[Content]]", batches)):
                yield ([each] for each in ids), characters

    def _write(self, batch: _Batch, encoded: Iterable[Iterable[Ids]], characters: int | None) -> None:
        """Append a batch."""
        marks = iter([*batch.marks, (len(batch.units) + 1, None)])
        mark, ended = next(marks)
        for number, ids in enumerate(itertools.chain(encoded, [[]])):
            while mark == number:
                if ended is None:
                    self._append("starts", np.array([self._tokens], "<i8"))
                    self._append("tokens", self._end)
                else:
                    self._append("hashes", np.array([ended], "<u8"))
                mark, ended = next(marks)
            for part in ids:
                self._append("tokens", part.astype(self._dtype, copy=False))
                if characters is None:
                    self._at.characters += int(self._tokenizer.characters(part))
        self._at.characters += characters or 0
        self._at.units += len(batch.units)
        self._whole = asdict(self._at)

    @property
    def _tokens(self) -> int:
        """How many are written."""
        return self._at.sizes["tokens"] // self._dtype.itemsize

    def _append(self, name: str, values: Ids) -> None:
        data = values.tobytes()
        self._streams[name].write(data)
        self._at.sizes[name] += len(data)
        self._at.crcs[name] = zlib.crc32(data, self._at.crcs[name])

    def _save(self) -> None:
        """Make what there is something that can be gone on with."""
        for stream in self._streams.values():
            if not stream.closed:  # as finish leaves them, from where another attempt goes on all the same
                stream.flush()
                os.fsync(stream.fileno())
        files.replace_bytes(self._folder / "progress.json", files.json_bytes(self._whole))
        self._saved = self._clock()

    def _found(self) -> _Progress | None:
        """How far an encoding that was interrupted had come; None where there is none, or what it left is not whole."""
        try:
            at = _Progress(**json.loads((self._folder / "progress.json").read_bytes()))
            for name, size in at.sizes.items():
                crc, left = 0, size
                with self._path(name).open("rb") as stream:
                    while block := stream.read(min(_BLOCK, left)):
                        crc, left = zlib.crc32(block, crc), left - len(block)
                if left or crc != at.crcs[name]:
                    return None
        except (OSError, TypeError, ValueError, RecursionError):
            return None
        return at

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.bin"
