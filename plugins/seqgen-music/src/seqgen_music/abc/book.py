"""Tune books: the tunes that are in one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from seqgen.core.errors import CorpusError
from seqgen.core.files import Source
from seqgen_music.abc.lexemes import lines_of

LONGEST = 1 << 18
"""Characters of a tune; the longest that people play have some thousand."""

_FILE_FIELDS = tuple(f"{letter}:" for letter in "ABCDFGHLMNORSZ")
"""Fields that may stand in the file header (2.2.2), without those that are about symbols and programs."""

_BLOCK = re.compile(r"\s*%%\s*(begin|end)(\w+)")
"""Where a block of text begins or ends, or of what is meant for a program, as ``%%beginps``."""


def lines_of_book(source: Source, encoding: str) -> Iterator[str]:
    """The lines of a tune book that is named to a command, and not to the dataset ``abc``.

    Args:
        source: the file.
        encoding: as in :meth:`seqgen.core.files.Source.text`.

    Raises:
        CorpusError: it cannot be read.
    """
    try:
        yield from lines_of(source.text(encoding, dataset="abc"))
    except CorpusError as error:  # a command has an option where the dataset has one of its own
        told = re.sub("  [^.]*--dataset abc:errors=.*", "", str(error))
        raise CorpusError(told.replace("--dataset abc:encoding=", "--encoding ")) from error


def tunes_of(lines: Iterable[str], *, longest: int = LONGEST) -> Iterator[tuple[int, list[str]]]:
    """The tunes of a book: the number of the first line, from 1, and the lines.

    A tune begins with X: or after an empty line, and ends at an empty line or the next X:.  What has no field is no tune, but
    text between tunes.  Fields that a tune lacks and the file header has (ABC standard 2.1, 2.2.2) stand before its K:, as one
    line with it, so that the others keep their numbers.  What stands between ``%%begintext`` and ``%%endtext``, or others of
    the kind, comes as comments.

    Args:
        lines: of the book.
        longest: characters; of a tune that has more those lines come that tell so (see :func:`too_long`), and no more are held.
    """
    start, held, size = 1, list[str](), 0
    header: list[str] | None = None  # the fields of the file header, once it has ended
    for number, line in enumerate(_commented(lines), start=1):
        stripped = line.strip()
        if (not stripped or stripped.startswith("X:")) and held:
            if header is None:
                header = [] if _is_tune(held) else [each for each in held if each.lstrip().startswith(_FILE_FIELDS)]
            if _is_tune(held):
                yield start, _completed(held, header)
            held = []
        if stripped:
            if not held:
                start, size = number, 0
            if size <= longest:
                held.append(line)
            size += len(line)
    if _is_tune(held):
        yield start, _completed(held, header or [])


def too_long(lines: Iterable[str]) -> str:
    """What is wrong with a tune that has more than ``LONGEST`` characters, and may lack lines; empty of another.

    Args:
        lines: as :func:`tunes_of` gives them.
    """
    long = sum(map(len, lines)) > LONGEST
    return f"the tune has more than {LONGEST:,} characters, the most that are read" if long else ""


def _commented(lines: Iterable[str]) -> Iterator[str]:
    """The lines, those within blocks as comments; a block that is not closed ends with its tune, at the next X:."""
    block = ""
    for line in lines:
        found = _BLOCK.match(line)
        closes = line.lstrip().startswith("X:") or (found is not None and found.groups() == ("end", block))
        if block and not closes:
            yield f"%{line}"  # also of an empty one, at which the tune would end
            continue
        block = found[2] if found and found[1] == "begin" else ""
        yield line


def _is_tune(lines: list[str]) -> bool:
    return any(line.lstrip()[:2] in ("X:", "K:") for line in lines)


def _completed(lines: list[str], header: list[str]) -> list[str]:
    key = next((place for place, line in enumerate(lines) if line.lstrip().startswith("K:")), 0)
    own = {line.lstrip()[:2] for line in lines[:key]}
    lacking = [line for line in header if line.lstrip()[:2] not in own]
    return [*lines[:key], "\n".join([*lacking, lines[key]]), *lines[key + 1 :]] if lacking else lines
