"""Records of tables and of JSON, one after the other: each with its number, from 1, and its fields by name."""

from __future__ import annotations

import csv
import itertools
import json
import re
from collections.abc import Iterator
from pathlib import PurePath
from typing import Any, Self, TypeAlias

from seqgen.core.compressed import ENDINGS
from seqgen.core.errors import CorpusError

Records: TypeAlias = Iterator[tuple[int, dict[str, Any]]]

LONGEST = 1 << 22
"""Characters of a record, or of a line of a table."""

_DELIMITERS = ",;\t"
_NAMED_DELIMITER = re.compile(r'"?sep=([^"\n])"?\n')  # a first line for Excel, no header
_SPACE = re.compile(r"\s*")
_LIST = '[{"text": "..."}, ...]'
_QUOTING = "A text with line ends or quotation marks in it stands in quotation marks, and those in it are doubled"


def holds_records(name: str) -> bool:
    """Whether a file is a table or JSON, by its name."""
    return _ending(name) in (".csv", ".tsv", ".jsonl", ".ndjson", ".json")


def records_of(name: str, pieces: Iterator[str]) -> Records | None:
    """The records of a file, by the ending of its name: ``.csv``, ``.tsv``, ``.jsonl``, ``.ndjson``, ``.json``; None for any other.

    Args:
        name: of the file; an ending that says how it is compressed is passed over.
        pieces: of its text, cut anywhere.

    Raises:
        CorpusError: it is not what its name says; while it is read.
    """
    match _ending(name):
        case ".csv":
            return table(name, pieces)
        case ".tsv":
            return table(name, pieces, usual="\t")
        case ".jsonl" | ".ndjson":
            return json_lines(name, pieces)
        case ".json":
            return json_list(name, pieces)
    return None


def _ending(name: str) -> str:
    path = PurePath(name.lower())
    return (path.with_suffix("") if path.suffix in ENDINGS else path).suffix


def json_lines(name: str, pieces: Iterator[str]) -> Records:
    """The records of JSON Lines.

    Args:
        name: of the file, for messages.
        pieces: of its text, cut anywhere.

    Raises:
        CorpusError: a line is no record.
    """
    for number, line in enumerate(_lines(name, pieces), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise CorpusError(f"{name}, line {number} is no JSON: {error}.") from error
        if not isinstance(record, dict):
            raise CorpusError(f"{name}, line {number} is no record, as {{...}} is.")
        yield number, record


def json_list(name: str, pieces: Iterator[str]) -> Records:
    """The records of a JSON file that is a list of them; no more of it is held than a record and a piece.

    Args:
        name: of the file, for messages.
        pieces: of its text, cut anywhere.

    Raises:
        CorpusError: it is no list, or something in it is no record.
    """
    reader = _JsonReader(name, pieces)
    if not reader.take("["):
        raise CorpusError(f"{name} is no list of records, as {_LIST} is.  If each line is a record, name it .jsonl")
    if reader.take("]"):
        return
    for number in itertools.count(1):
        yield number, reader.record(number)
        if reader.take("]"):
            return
        if not reader.take(","):
            raise CorpusError(f"{name} is no JSON: behind record {number} there is neither a comma nor the list's end.")


class _JsonReader:
    """Takes JSON from pieces of text, of which it holds what is not taken yet."""

    def __init__(self, name: str, pieces: Iterator[str]) -> None:
        self._name = name
        self._pieces = pieces
        self._held = ""
        self._place = 0  # what is before it has been taken
        self._decoder = json.JSONDecoder()

    def take(self, mark: str) -> bool:
        """Take this mark and the blanks before it, if it comes next."""
        while self._skip() == len(self._held) and self._more():
            pass
        if not self._held.startswith(mark, self._place):
            return False
        self._place += len(mark)
        return True

    def record(self, number: int) -> dict[str, Any]:
        """Take the record with this number.

        Raises:
            CorpusError: what comes next is no record.
        """
        if not self.take("{"):
            raise CorpusError(f"{self._name}, record {number} is no record, as {{...}} is.")
        self._place -= 1
        while True:
            try:
                record, self._place = self._decoder.raw_decode(self._held, self._place)
            except (ValueError, RecursionError) as error:
                too_long = len(self._held) - self._place > LONGEST
                if too_long or not self._more():
                    within = f" within {LONGEST:,} characters, the most that are read" if too_long else ""
                    reason = getattr(error, "msg", error)  # without the place, which is one of what is held
                    raise CorpusError(f"{self._name}, record {number} is no JSON{within}: {reason}.") from error
            else:
                assert isinstance(record, dict)  # it begins with a brace
                return record

    def _skip(self) -> int:
        blank = _SPACE.match(self._held, self._place)
        assert blank is not None  # also of nothing
        self._place = blank.end()
        return self._place

    def _more(self) -> bool:
        """Hold another piece; False where there is none."""
        piece = next(self._pieces, None)
        if piece is None:
            return False
        self._held, self._place = self._held[self._place :] + piece, 0
        return True


def table(name: str, pieces: Iterator[str], *, usual: str = ",") -> Records:
    """The rows of a table (RFC 4180), by the names in its first row; a field that a row lacks is None.

    The delimiter is the comma, semicolon or tab that the first row has most of, since spreadsheets write any of them under
    the name of CSV; or what a line ``sep=;`` before it says.

    Args:
        name: of the file, for messages.
        pieces: of its text, cut anywhere.
        usual: the delimiter where the first row has none, or as many of several.

    Raises:
        CorpusError: quotation marks do not close, or a row has more fields than the first.
    """
    lines, before, named = _lines(name, pieces), 0, None
    for header in lines:
        before += 1  # lines, with the header
        if found := _NAMED_DELIMITER.fullmatch(header):
            named = found[1]
        elif header.strip():
            break
    delimiter = named or _delimiter(header, usual)
    csv.field_size_limit(max(csv.field_size_limit(), LONGEST))
    # Strictly: else a quotation mark that is never closed takes all that follows into one field.
    source = _Bounded(name, itertools.chain([header], lines))
    rows = csv.reader(source, delimiter=delimiter, strict=True)
    fields = _row(name, rows, 0, before) or []
    number = 0
    while True:
        line, source.held = before + rows.line_num, 0
        row = _row(name, rows, number + 1, line)
        if row is None:
            return
        if not row:  # an empty line
            continue
        number += 1
        if any(row[len(fields) :]):  # spreadsheets write empty ones
            raise CorpusError(
                f"{name}, record {number} (line {line}) has {len(row)} fields, but the header {len(fields)}: "
                f"{', '.join(fields)[:200]}.  A text with {_called(delimiter)} in it stands in quotation marks"
            )
        yield number, dict(itertools.zip_longest(fields, row[: len(fields)]))


class _Bounded:
    """Lines of which no more than a record may have are taken until ``held`` is set back.

    Attributes:
        held: characters of the lines that were taken.
    """

    def __init__(self, name: str, lines: Iterator[str]) -> None:
        self._name = name
        self._lines = lines
        self.held = 0

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.held += len(line)
        if self.held > LONGEST:
            raise CorpusError(
                f"{self._name} has a record of more than {LONGEST:,} characters, the most that are read.  {_QUOTING}"
            )
        return line


def _row(name: str, rows: Any, number: int, line: int) -> list[str] | None:
    """The next row of a table, which begins at this line; None behind the last."""
    try:
        return next(rows, None)
    except csv.Error as error:
        where = f"record {number} (line {line})" if number else "the header"
        raise CorpusError(f"{name}, {where} is no CSV: {error}.  {_QUOTING}") from error


def _delimiter(header: str, usual: str) -> str:
    plain = re.sub('"[^"]*"', "", header)
    return max(_DELIMITERS, key=lambda each: (plain.count(each), each == usual))


def _called(delimiter: str) -> str:
    return "a tab" if delimiter == "\t" else delimiter


def _lines(name: str, pieces: Iterator[str]) -> Iterator[str]:
    r"""The lines, each with its \n."""
    held = ""
    for piece in itertools.chain(pieces, ["\n"]):
        *lines, held = (held + piece).split("\n")
        if len(held) > LONGEST:
            raise CorpusError(f"{name} has a line of more than {LONGEST:,} characters, the most that are read.")
        yield from (f"{line}\n" for line in lines)
