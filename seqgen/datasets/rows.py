"""Tables and JSON, each row one document: an export of posts, a column of titles, what ``generate --jsonl`` wrote."""

from __future__ import annotations

import csv
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Annotated, Any, ClassVar

from annotated_doc import Doc

from seqgen.core.errors import CorpusError, SeqgenWarning
from seqgen.core.file_dataset import TextFileDataset
from seqgen.core.files import Source
from seqgen.core.records import Records, holds_records, records_of
from seqgen.core.types import Document

_AUTO = "auto"
_USUAL = "text"


@dataclass(frozen=True, kw_only=True)
class RowsDataset(TextFileDataset):
    """Tables (CSV, TSV) and JSON (JSON Lines, or a list), each row one document: what stands in one of its fields.

    Rows in which the field is blank or null are skipped; those of JSON that lack it are too, with a warning.
    """

    batching: ClassVar[str] = "documents"
    suffixes: ClassVar[tuple[str, ...]] = (".csv", ".tsv", ".jsonl", ".ndjson")

    field: Annotated[str, Doc("the field that holds the text; auto: text, or the only one")] = _AUTO

    @classmethod
    def example(cls, folder: Path, size: int) -> tuple[str, ...]:
        """A table of titles and texts, of about so many bytes."""
        path = folder / "rows.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["title", _USUAL])
            for number in range(max(2, size // 60)):
                rows.writerow([f"note {number}", f'On day {number} she wrote: "the ice holds, and\nso do we."'])
        return (str(path),)

    def documents(self) -> Iterator[Document]:
        """One document a row; its id is the file's path and the row's number, from 1."""
        empty, left_out = True, list[str]()
        for file, text in self.texts("rows"):
            records = records_of(file.name, text)
            if records is None:
                raise CorpusError(
                    f"{file.name} is no table, by its name: tables are .csv or .tsv files, JSON is .jsonl or .json.  What comes "
                    "through a pipe must be saved as one of these"
                )
            for document in self._rows(file.name, records, left_out):
                empty = False
                yield document
        if empty:
            raise self.empty("row with text")
        for sentence in left_out:
            self.tell(sentence)

    def _rows(self, name: str, records: Records, left_out: list[str]) -> Iterator[Document]:
        field = None if self.field == _AUTO else self.field
        count, lacking, fields = 0, 0, ""
        for number, record in records:
            if field is None:
                field = _only_field(name, record)
            count += 1
            if field not in record and self.field == _AUTO and field != _USUAL:
                raise _several(name, [field, *record])
            if field not in record:
                lacking, fields = lacking + 1, _listed(record)
                continue
            text = record[field]
            if not isinstance(text, str | None):
                raise CorpusError(f"{name}, record {number} has no text in its field {field}, but {str(text)[:40]}.")
            if text and not text.isspace():
                yield Document(f"{name}#{number}", text.replace("\r\n", "\n").replace("\r", "\n"))
        if lacking and lacking == count:
            raise CorpusError(f"{name} has no field {field}.  It has: {fields}.  Name one: --dataset rows:field=...")
        if lacking:
            left_out.append(f"{name}: {lacking:,} of {count:,} records have no field {field} and are left out")


def _only_field(name: str, record: dict[str, Any]) -> str:
    if _USUAL in record:
        return _USUAL
    if len(record) == 1:
        return next(iter(record))
    raise _several(name, record)


def _several(name: str, fields: Iterable[str]) -> CorpusError:
    return CorpusError(
        f"{name} has several fields: {_listed(fields)}.  Say which is the text: --dataset rows:field=..."
    )


def _listed(fields: Iterable[str]) -> str:
    return ", ".join(fields)[:200]


def tell_rows(files: Sequence[Source]) -> None:
    """Warn where all of a corpus could be read as rows, and is read as text; JSON may be another than a list of records."""
    if files and all(
        holds_records(file.name) and ".json" not in PurePath(file.name.lower()).suffixes for file in files
    ):
        what = f"{files[0].name} is" if len(files) == 1 else f"{files[0].name} and {len(files) - 1:,} more are"
        msg = f"{what} read as text, with field names, commas and quotation marks; --dataset rows reads a field of each row"
        warnings.warn(msg, SeqgenWarning, stacklevel=1)  # as from here: shown once
