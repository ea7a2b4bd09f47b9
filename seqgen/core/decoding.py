"""Bytes as text: which encoding they are in, and what to say where they are in none.

An ``encoding`` is a name that Python knows, or ``auto``, which is UTF-8; or several with ``/`` between them, of which a file
takes the first in which all of it reads.  A byte order mark goes before whatever is named: it is text in nearly no other encoding.
"""

from __future__ import annotations

import codecs
import itertools
from collections.abc import Iterable, Iterator
from typing import Any, Literal, TypeAlias

from seqgen.core.errors import CorpusError
from seqgen.core.formats import format_of
from seqgen.core.guesses import guesses, is_legible, is_wide, wide_guess, would_read
from seqgen.core.text import REPLACEMENT

Errors: TypeAlias = Literal["strict", "replace"]
"""What becomes of bytes that are no text: they are refused, or read as U+FFFD."""

_BOMS = (  # UTF-32 first: its little-endian mark begins with that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def decoded(
    blocks: Iterable[bytes],
    encoding: str,
    *,
    source: str,
    dataset: str,
    errors: Errors = "strict",
    tried: Iterable[str] = (),
    alone: bool = True,
) -> Iterator[str]:
    """The text of each block; a character that lies across two comes with the second.

    Args:
        blocks: of a file, from its start, the first with all of its byte order mark; none is empty.
        encoding: a single one.
        source: what the file is called in messages.
        dataset: the dataset's name, for the advice in them.
        errors: what becomes of bytes that are no text, and of NULs that went astray in text.
        tried: encodings in which it does not read either, so that none of them is advised.
        alone: whether this is the only file of its corpus, so that advice need not suit others.

    Raises:
        CorpusError: it is binary, or not in that encoding.
    """
    decoder: Any = None
    codec, right, nuls = "", False, False
    marked: tuple[str, int] | None = None
    read = 0  # bytes before this block
    for block in itertools.chain(blocks, [b""]):  # the empty one is the end
        data = block
        if decoder is None:
            if not block:
                return
            marked = marked_encoding(block)
            codec, mark = marked or (encodings_of(encoding)[0], 0)
            data = block[mark:]
            decoder = codecs.getincrementaldecoder(codec)(errors)
        refuse_binary(block, read, codec, errors, source=source, dataset=dataset, alone=alone)
        nuls = nuls or b"\0" in block
        waiting = len(decoder.getstate()[0])  # bytes of a character that began in the block before
        try:
            text = decoder.decode(data, final=not block)
        except UnicodeDecodeError as error:
            offset = read + len(block) - len(data) - waiting + error.start
            failed = (codec, *tried, *encodings_of(encoding))
            advice = _advice(
                codec, error, dataset, failed=failed, right=right, nuls=nuls, marked=marked is not None, alone=alone
            )
            msg = (
                f"{source} is not {codec.upper()} text: byte {offset:,} (0x{error.object[error.start]:02X}) "
                f"does not fit.  {advice}"
            )
            raise CorpusError(msg) from error
        except UnicodeError as error:  # of no byte: what should stand before all of them is missing
            msg = (
                f"{source} does not begin with the mark that tells the order of bytes in {codec}.  Say which: "
                f"--dataset {dataset}:encoding={codec}-le, or -be"
            )
            raise CorpusError(msg) from error
        if errors == "replace":
            text = text.replace("\0", REPLACEMENT)
        yield text if read else text.removeprefix("\ufeff")
        right = right or not text.isascii()
        read += len(block)


def first_that_fits(blocks: Iterable[bytes], encodings: Iterable[str], errors: Errors = "strict") -> str:
    """The first of several encodings in which all of a text reads; the last where it reads in none before.

    Args:
        blocks: as for ``decoded``; all are read where the text fits, and else as many as it takes to know.
        encodings: in the order in which they are tried.
        errors: with ``replace``, NULs that went astray in a text do not count.
    """
    *before, last = encodings
    decoders: dict[str, Any] | None = None
    for block in itertools.chain(blocks, [b""]):
        if decoders is None:
            if marked_encoding(block):
                return last  # whichever it is, the mark goes before it
            decoders = {each: codecs.getincrementaldecoder(each)() for each in before}
        for encoding in [*decoders]:
            if not _reads(block, encoding, decoders[encoding], errors):
                del decoders[encoding]
        if not decoders:
            break
    return next(iter(decoders or ()), last)


def is_binary(start: bytes, encoding: str = "auto", errors: Errors = "strict") -> bool:
    """Whether the first bytes of a file are no text.

    They are none where they tell another format, and where they have a NUL: without a mark of UTF-16 or UTF-32, unless one of these
    is named and fits, or ``errors`` is ``replace`` and it went astray in a text.
    """
    if format_of(start):
        return True
    if b"\0" not in start:
        return False
    marked = marked_encoding(start)
    encodings = [marked[0]] if marked else encodings_of(encoding)
    if marked and is_wide(marked[0]):
        return False
    if errors == "replace" and _has_nuls_astray(start, encodings):
        return False
    return not any(is_wide(each) and _reads(start, each, codecs.getincrementaldecoder(each)()) for each in encodings)


def refuse_binary(
    block: bytes,
    before: int,
    encoding: str,
    errors: Errors = "strict",
    *,
    source: str,
    dataset: str,
    alone: bool = True,
) -> None:
    """Hold a block that is to be text in an encoding, or one of several, after so many bytes, against being in a format, or having a NUL.

    Raises:
        CorpusError: it is in one, or has one, but for NULs that went astray in a text, where ``errors`` is ``replace``.
    """
    if not before and (what := format_of(block)):
        raise CorpusError(f"{source} is {what}")
    marked = None if before else marked_encoding(block)
    encodings = [marked[0]] if marked else encodings_of(encoding)
    if b"\0" not in block or any(map(is_wide, encodings)):
        return
    offset = before + block.index(b"\0")
    wide = wide_guess(block)
    if wide is None and _has_nuls_astray(block, encodings):
        if errors == "replace":
            return
        raise CorpusError(f"{source} is not text: byte {offset:,} is NUL.  {_went_wrong(dataset)}")
    hint = ""
    if wide is not None:
        others = "" if alone else "utf-8/"
        hint = f"  If it is {wide[:6].upper()}: --dataset {dataset}:encoding={others}{wide}"
    raise CorpusError(f"{source} is not text, but binary: byte {offset:,} is NUL.  Name text files only.{hint}")


def encodings_of(encoding: str) -> list[str]:
    """The encodings that an option names, as Python calls them."""
    return ["utf-8" if each == "auto" else each for each in encoding.split("/")]


def marked_encoding(start: bytes) -> tuple[str, int] | None:
    """The encoding that a byte order mark tells, and the mark's length; None without one."""
    return next(((codec, len(mark)) for mark, codec in _BOMS if start.startswith(mark)), None)


def _has_nuls_astray(block: bytes, encodings: Iterable[str]) -> bool:
    """Whether a block with NULs is text in one of these encodings but for them."""
    return any(not is_wide(each) and is_legible(block, each) for each in encodings)


def _went_wrong(dataset: str) -> str:
    return f"If it is a byte that went wrong, --dataset {dataset}:errors=replace reads it as U+FFFD"


def _reads(block: bytes, codec: str, decoder: Any, errors: Errors = "strict") -> bool:
    """Whether a block (empty: the end) is text for the decoder of that encoding, which has read what is before it."""
    final = not block
    if b"\0" in block and not is_wide(codec):
        if errors == "strict" or not is_legible(block, codec):
            return False
        block = block.replace(b"\0", b"")
    try:
        return "\0" not in decoder.decode(block, final=final)
    except UnicodeError:
        return False


def _advice(
    codec: str,
    error: UnicodeDecodeError,
    dataset: str,
    *,
    failed: Iterable[str],
    right: bool,
    nuls: bool,
    marked: bool,
    alone: bool,
) -> str:
    """What to do about bytes that do not fit: name another encoding, or where this one is right, do without them.

    Args:
        codec: in which they do not.
        error: which they are.
        dataset: for the option.
        failed: encodings in which they do not, that one among them.
        right: whether characters beyond ASCII came before that do fit.
        nuls: whether the file has NULs so far, as text in UTF-16 has and in UTF-8 has not.
        marked: whether a byte order mark tells the encoding, so that another one is not taken.
        alone: whether advice need not suit other files.
    """
    unfit = {codecs.lookup(each).name for each in failed}
    found = [] if marked else guesses(codec, error, right=right, nuls=nuls)
    found = [each for each in found if codecs.lookup(each).name not in unfit]
    if not found:
        return _went_wrong(dataset)
    first, *more = found
    others = f" (or {', '.join(more[:3])}, ...)" if more else ""
    shown = would_read(error, first)
    reading = f"As {first} it would read {shown!r}.  " if shown else ""
    if alone:
        return f"{reading}Name its encoding, for example --dataset {dataset}:encoding={first}{others}"
    # Other files may have the quotes that latin-1 lacks.
    last = {"utf-8": codec, "latin-1": "cp1252"}.get(first, first)
    return (
        f"{reading}The encoding holds for all files; of several, each takes the first that fits it: "
        f"--dataset {dataset}:encoding=utf-8/{last}{others}"
    )
