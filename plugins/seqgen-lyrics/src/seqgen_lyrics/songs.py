"""Songs from text files, JSON Lines, CSV and LRC: each a document of stanzas, with headings such as ``[Chorus]``."""

from __future__ import annotations

import csv
import json
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, ClassVar

from annotated_doc import Doc

from seqgen.core.dataset import Dataset
from seqgen.core.errors import CorpusError, SeqgenWarning
from seqgen.core.files import Source, check_encoding, find_sources
from seqgen.core.types import Document
from seqgen_lyrics.lrc import without_times
from seqgen_lyrics.sections import arranged

_FIELDS = ("lyrics", "text", "lyric", "song")
_SUFFIXES = (".txt", ".lrc", ".jsonl", ".ndjson", ".csv", ".tsv")
_LONGEST = 1 << 16  # characters of a line; a longer one is cut
_PIECE = 1 << 16  # characters of a piece of a song, at least
_RECORD = 1 << 22  # characters of a record of JSON Lines, or of an LRC file


@dataclass(frozen=True, kw_only=True)
class SongsDataset(Dataset):
    """Songs, each one document: stanzas with a blank line between them, and headings on a line of their own.

    Text files are a song each.  ``[Verse 2]``, ``Chorus:`` and the like become ``[Verse]`` and ``[Chorus]``; a line or stanza
    with ``(x2)`` stands twice; a heading without lines brings back the section of that name.  JSON Lines and CSV files have
    a song a record, in the field ``lyrics`` or ``text``; LRC files are a song each, their times stripped.
    """

    batching: ClassVar[str] = "documents"

    encoding: Annotated[str, Doc("of the files: utf-8, latin-1, ...; auto follows a byte order mark, else UTF-8")] = (
        "auto"
    )
    titles: Annotated[bool, Doc("begin each song with its title and artist, where they are known, as a stanza")] = False
    field: Annotated[str, Doc("of the words in JSON Lines and CSV; auto: lyrics, text, lyric or song")] = "auto"

    def __post_init__(self) -> None:
        """Refuse what is no encoding."""
        check_encoding(self.encoding)

    @cached_property
    def files(self) -> list[Source]:
        """The files, found once, so that standard input and URLs are copied once."""
        return find_sources(self.sources, suffixes=_SUFFIXES)

    def documents(self) -> Iterator[Document]:
        """One document a song; its id is the file's path, and the record's number where it has several."""
        empty = True
        for file in self.files:
            for document in self._songs(file):
                empty = False
                yield document
        if empty:
            raise CorpusError(f"The corpus is empty: there is no song in {', '.join(self.sources) or 'no sources'}.")

    def _songs(self, file: Source) -> Iterator[Document]:
        name = file.name.lower().removesuffix(".gz").removesuffix(".zst")
        if name.endswith((".jsonl", ".ndjson")):
            yield from self._records(file, _json_records(file, self._text(file)))
        elif name.endswith((".csv", ".tsv")):
            yield from self._records(file, _table(file, self._text(file), "\t" if name.endswith(".tsv") else ","))
        else:
            lines = _lines(self._text(file))
            if name.endswith(".lrc"):
                lines = without_times(_whole(file, lines))
            yield from self._song(file.name, file.name, lines)

    def _text(self, file: Source) -> Iterator[str]:
        return file.text(self.encoding, dataset="songs")

    def _song(self, name: str, where: str, lines: Iterator[str]) -> Iterator[Document]:
        """A song in pieces; the last is known only when the next does not come."""
        held = ""
        for stanza in arranged(lines, titles=self.titles):
            if len(held) >= _PIECE:
                yield Document(name, held, final=False)
                held = ""
            held += stanza
        if not held:
            raise CorpusError(f"{where} has no stanza: there is no line with a word in it.")
        yield Document(name, held)

    def _records(self, file: Source, records: Iterator[tuple[int, dict[str, Any]]]) -> Iterator[Document]:
        empty: list[int] = []
        for number, record in records:
            where = f"{file.name}, record {number}"
            known = (self.field,) if self.field != "auto" else _FIELDS
            texts = [record[key] for key in known if isinstance(record.get(key, 0), str | None)]  # of null: none
            words = next(filter(None, texts), "")
            if not texts:
                raise CorpusError(
                    f"{where} has no text in a field {' or '.join(known)}.  It has: {', '.join(map(str, record))[:200]}.  Name "
                    "the field: --dataset songs:field=..."
                )
            if not any(map(str.isalnum, words)):  # as of music without words; of many thousand songs some are so
                empty.append(number)
                continue
            about = [f"{key}: {record[key]}" for key in ("title", "artist") if isinstance(record.get(key), str)]
            yield from self._song(f"{file.name}#{number}", where, iter([*about, "", *words.splitlines()]))
        if empty:
            count = f"{len(empty):,} records have" if len(empty) > 1 else "1 record has"
            shown = ", ".join(map(str, empty[:5])) + (", ..." if len(empty) > 5 else "")
            warnings.warn(f"{file.name}: {count} no words, left out: {shown}", SeqgenWarning, stacklevel=2)


def _lines(pieces: Iterator[str]) -> Iterator[str]:
    held = ""
    for piece in pieces:
        *lines, held = (held + piece).split("\n")
        yield from lines
        if len(held) > _LONGEST:
            yield held
            held = ""
    if held:
        yield held


def _whole(file: Source, lines: Iterator[str]) -> list[str]:
    """All lines of a file, which are to be sorted."""
    found: list[str] = []
    size = 0
    for line in lines:
        found.append(line)
        size += len(line)
        if size > _RECORD:
            raise CorpusError(f"{file.name} has more than {_RECORD:,} characters, which is no song.")
    return found


def _json_records(file: Source, pieces: Iterator[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    number, held = 0, ""
    for piece in (*pieces, "\n"):
        *lines, held = (held + piece).split("\n")
        if len(held) > _RECORD:
            raise CorpusError(f"{file.name} has a line of more than {_RECORD:,} characters, which is no song.")
        for line in lines:
            number += 1
            if not line.strip():
                continue
            try:
                record = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise CorpusError(f"{file.name}, line {number} is no JSON: {error}.") from error
            if not isinstance(record, dict):
                raise CorpusError(f"{file.name}, line {number} is no record, as {{...}} is.")
            yield number, record


def _table(file: Source, pieces: Iterator[str], delimiter: str) -> Iterator[tuple[int, dict[str, Any]]]:
    rows = csv.DictReader((line for piece in pieces for line in piece.splitlines(keepends=True)), delimiter=delimiter)
    number = 0
    try:
        for number, row in enumerate(rows, 1):
            yield number, {str(key).strip().lower(): value for key, value in row.items()}
    except csv.Error as error:
        raise CorpusError(f"{file.name}, record {number + 1} is no CSV: {error}.") from error
