"""Songs from text files, JSON, CSV and LRC: each a document of stanzas, with headings such as ``[Chorus]``."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from annotated_doc import Doc

from seqgen.core.errors import CorpusError, SeqgenWarning
from seqgen.core.file_dataset import TextFileDataset
from seqgen.core.files import Source
from seqgen.core.records import LONGEST, Records, records_of
from seqgen.core.types import Document
from seqgen_lyrics.lrc import without_times
from seqgen_lyrics.sections import arranged

_FIELDS = ("lyrics", "text", "lyric", "song")
_LONGEST = 1 << 16  # characters of a line; a longer one is cut
_PIECE = 1 << 16  # characters of a piece of a song, at least
_NO_SONGS = {".js": "a program", ".srt": "subtitles", ".vtt": "subtitles"}


@dataclass(frozen=True, kw_only=True)
class SongsDataset(TextFileDataset):
    """Songs, each one document: stanzas with a blank line between them, and headings on a line of their own.

    Text files are a song each.  ``[Verse 2]``, ``Chorus:`` and the like become ``[Verse]`` and ``[Chorus]``; a line or stanza
    with ``(x2)`` stands twice; a heading without lines brings back the section of that name and number.  JSON Lines and CSV
    files, and JSON files that are a list, have a song a record, in the field ``lyrics``, ``text``, ``lyric`` or ``song``; LRC
    files are a song each, their times stripped.
    """

    batching: ClassVar[str] = "documents"
    suffixes: ClassVar[tuple[str, ...]] = (".txt", ".lrc", ".jsonl", ".ndjson", ".csv", ".tsv")

    titles: Annotated[bool, Doc("begin each song with its title and artist, where they are known, as a stanza")] = False
    field: Annotated[str, Doc("of the words in JSON and CSV; auto: lyrics, text, lyric or song")] = "auto"

    def documents(self) -> Iterator[Document]:
        """One document a song; its id is the file's path, and the record's number where it has several."""
        empty = True
        wordless: list[str] = []  # files
        for file, text in self.texts("songs"):
            for document in self._songs(file, text, wordless):
                empty = False
                yield document
        if empty and wordless:
            more = f"  The same holds for {len(wordless) - 1:,} more." if len(wordless) > 1 else ""
            raise CorpusError(f"{wordless[0]} has no stanza: there is no line with a word in it.{more}")
        if empty:
            raise self.empty("song")
        if wordless:  # as of music without words; of many thousand songs some are so
            count = f"{len(wordless):,} files have" if len(wordless) > 1 else "1 file has"
            warnings.warn(f"{count} no words, left out: {_few(wordless)}", SeqgenWarning, stacklevel=2)

    def _songs(self, file: Source, text: Iterator[str], wordless: list[str]) -> Iterator[Document]:
        """The songs of a file, from its pieces; its name is added to ``wordless`` where it should be one and has no words."""
        name = re.sub(r"\.(gz|bz2|xz|zst)$", "", file.name.lower())
        if (records := records_of(file.name, text)) is not None:
            yield from self._records(file, records)
        elif kind := _NO_SONGS.get(name[name.rfind(".") :]):
            raise CorpusError(f"{file.name} is no song, but {kind}: songs are text, LRC, JSON Lines, JSON or CSV.")
        else:
            lines = _lines(text)
            if name.endswith(".lrc"):
                lines = without_times(_whole(file, lines))
            yield from self._song(file.name, lines, wordless)

    def _song(self, name: str, lines: Iterator[str], wordless: list[str]) -> Iterator[Document]:
        """A song in pieces, the last of which is known only when the next does not come; without words its name is noted."""
        held = ""
        for stanza in arranged(lines, titles=self.titles):
            if len(held) >= _PIECE:
                yield Document(name, held, final=False)
                held = ""
            held += stanza
        if held:
            yield Document(name, held)
        else:
            wordless.append(name)

    def _records(self, file: Source, records: Records) -> Iterator[Document]:
        empty: list[str] = []
        for number, record in records:
            where = f"{file.name}, record {number}"
            known = (self.field,) if self.field != "auto" else _FIELDS
            texts = [text for field in known for text in _named(record, field) if isinstance(text, str | None)]
            words = next(filter(None, texts), "")  # null is as good as empty
            if not texts:
                raise CorpusError(
                    f"{where} has no text in a field {' or '.join(known)}.  It has: {', '.join(record)[:200]}.  Name "
                    "the field: --dataset songs:field=..."
                )
            about = [
                f"{key}: {' '.join(text.split())}"  # it may have several lines
                for key in ("title", "artist")
                for text in _named(record, key)[:1]
                if isinstance(text, str)
            ]
            yield from self._song(f"{file.name}#{number}", iter([*about, "", *words.splitlines()]), empty)
        if empty:
            count = f"{len(empty):,} records have" if len(empty) > 1 else "1 record has"
            numbers = _few([name.rpartition("#")[2] for name in empty])
            warnings.warn(f"{file.name}: {count} no words, left out: {numbers}", SeqgenWarning, stacklevel=2)


def _named(record: dict[str, Any], field: str) -> list[Any]:
    """What a record has in a field, whatever its case and the spaces around it; what is called so to the letter comes first."""
    plain = field.strip().lower()
    keys = [key for key in record if key.strip().lower() == plain]
    return [record[key] for key in sorted(keys, key=lambda key: key != field)]


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")


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
        if size > LONGEST:
            raise CorpusError(f"{file.name} has more than {LONGEST:,} characters, which is no song.")
    return found
