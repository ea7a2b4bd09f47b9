"""What a file is that holds text or music in a form of its own, told by its first bytes, and what makes of it something to train on."""

from __future__ import annotations

import re

_UNPACK = "Unpack it, and name the folder"

_FORMATS = (
    (rb"%PDF-", "a PDF", "Make text of it, for example with pdftotext"),
    (rb"\{\\rtf", "RTF", "Save it as plain text, or make that of it with pandoc -t plain"),
    (
        rb"PK\x03\x04",
        "a zip archive, as EPUB, DOCX and ODT are,",
        "Unpack it; of a book or a document make text, for example with pandoc -t plain",
    ),
    (rb"(?s:(?=.{0,256}\0).{257})ustar[\0 ]", "a tar archive", _UNPACK),
    (rb"7z\xbc\xaf\x27\x1c", "a 7z archive", _UNPACK),
    (rb"Rar!\x1a\x07", "a RAR archive", _UNPACK),
    (rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a document of an older Office", "Save it as plain text"),
    (
        rb"MThd\0",
        "MIDI",
        "Name what reads it, where a plugin has that (seqgen list-plugins): --dataset midi --tokenizer midi",
    ),
)
"""What a file begins with, what it is then, and what to do."""


def format_of(start: bytes) -> str | None:
    """What a file that begins so is, and what to do with it, to go on after its name and "is"; None where it is none of these."""
    return next((f"{what} and not text.  {advice}" for begin, what, advice in _FORMATS if re.match(begin, start)), None)
