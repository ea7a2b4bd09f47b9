"""Bytes as text: which encoding they are in, and what to say where they are in none."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator
from typing import Any

from seqgen.core.errors import CorpusError

_NEAR = 1 << 20  # bytes on either side of a wrong one that tell what fits
_BOMS = (  # UTF-32 first: its little-endian mark begins with that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def decoded(blocks: Iterable[bytes], encoding: str, *, source: str, dataset: str) -> Iterator[str]:
    """The text of each block; a character that lies across two comes with the second.

    Args:
        blocks: of a file, from its start, the first with all of its byte order mark.
        encoding: a name that Python knows, or ``auto``: what a byte order mark says, else UTF-8.
        source: what the file is called in messages.
        dataset: the dataset's name, for the advice in them.

    Raises:
        CorpusError: it is binary, or not in that encoding.
    """
    decoder: Any = None
    codec = encoding
    read = 0  # bytes before this block
    for block in blocks:
        data = block
        if decoder is None:
            if encoding == "auto":
                codec, mark = _marked(block)
                data = block[mark:]
            decoder = codecs.getincrementaldecoder(codec)()
        refuse_binary(block, read, codec, source=source, dataset=dataset)
        waiting = len(decoder.getstate()[0])  # bytes of a character that began in the block before
        try:
            text = decoder.decode(data)
        except UnicodeDecodeError as error:
            offset = read + len(block) - len(data) - waiting + error.start
            raise CorpusError(_undecodable(codec, error, offset, source, dataset)) from error
        except UnicodeError as error:  # of no byte: what should stand before all of them is missing
            raise CorpusError(_unmarked(codec, source, dataset)) from error
        yield text if read else text.removeprefix("\ufeff")
        read += len(block)
    if decoder is not None:
        waiting = len(decoder.getstate()[0])
        try:
            yield decoder.decode(b"", final=True)
        except UnicodeDecodeError as error:
            raise CorpusError(_undecodable(codec, error, read - waiting + error.start, source, dataset)) from error
        except UnicodeError as error:
            raise CorpusError(_unmarked(codec, source, dataset)) from error


def is_binary(start: bytes) -> bool:
    """Whether the first bytes of a file are no text: a NUL without the mark of UTF-16 or UTF-32."""
    return b"\0" in start and not _wide(_marked(start)[0])


def refuse_binary(block: bytes, before: int, encoding: str, *, source: str, dataset: str) -> None:
    """Hold a block that is to be text in an encoding, after so many bytes, against having a NUL.

    Raises:
        CorpusError: it has one.
    """
    codec = _marked(block)[0] if encoding == "auto" else encoding
    if b"\0" not in block or _wide(codec):
        return
    hint = ""
    if block.count(0) * 4 > len(block):
        # Western text in UTF-16 is about half NULs: every second byte.
        order = "le" if block[1::2].count(0) >= block[::2].count(0) else "be"
        hint = f"  If it is UTF-16: --dataset {dataset}:encoding=utf-16-{order}"
    offset = before + block.index(b"\0")
    raise CorpusError(f"{source} is not text, but binary: byte {offset:,} is NUL.  Name text files only.{hint}")


def _marked(start: bytes) -> tuple[str, int]:
    """The encoding that a byte order mark tells, and the mark's length; UTF-8 without one."""
    return next(((codec, len(mark)) for mark, codec in _BOMS if start.startswith(mark)), ("utf-8", 0))


def _wide(codec: str) -> bool:
    return codecs.lookup(codec).name.startswith(("utf-16", "utf-32"))


def _unmarked(codec: str, source: str, dataset: str) -> str:
    return (
        f"{source} does not begin with the mark that tells the order of bytes in {codec}.  Say which: "
        f"--dataset {dataset}:encoding={codec}-le, or -be"
    )


def _undecodable(codec: str, error: UnicodeDecodeError, offset: int, source: str, dataset: str) -> str:
    near = error.object[max(0, error.start - _NEAR) : error.start + _NEAR]
    if _wide(codec) or codec.lower() in ("ascii", "us-ascii"):
        fits = "auto"
    else:  # cp1252 has letters and quotes where latin-1 has control characters
        fits = "cp1252" if any(0x80 <= byte < 0xA0 for byte in set(near)) else "latin-1"
    return (
        f"{source} is not {codec.upper()} text: byte {offset:,} (0x{error.object[error.start]:02X}) "
        f"does not fit.  Name its encoding, for example --dataset {dataset}:encoding={fits}"
    )
