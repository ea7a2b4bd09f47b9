"""Tune books that are named to a command, and not to the dataset ``abc``."""

from __future__ import annotations

import re
from collections.abc import Iterator

from seqgen.core.errors import CorpusError
from seqgen.core.files import Source
from seqgen_music.abc.lexemes import lines_of


def lines_of_book(source: Source, encoding: str) -> Iterator[str]:
    """The lines of a tune book.

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
