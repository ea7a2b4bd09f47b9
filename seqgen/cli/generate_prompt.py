"""What ``generate`` is given to go on from: the prompt, and the texts that lines start with."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import Any

from seqgen.core.errors import OptionError, PromptError, UsageError


def given_prompt(seed: str | None, seed_file: str | None, *, lines_file: str | None) -> str | bytes:
    """The prompt as given: text, or the bytes of a file; empty without one.

    Raises:
        PromptError: there are two, or it is empty, or the file cannot be read.
        UsageError: what lines start with comes from standard input too.
    """
    if seed_file == lines_file == "-":
        raise UsageError("--seed-file and --prefix-lines both read standard input.  Name a file for one of them")
    if seed is not None and seed_file is not None:
        raise PromptError("--seed and --seed-file both give a prompt.  Leave one out.")
    if seed == "":
        raise PromptError("The prompt is empty.  Give --seed some text, or leave it out to start from nothing.")
    if seed is not None or seed_file is None:
        return seed or ""
    return _read("prompt's file", "--seed-file", seed_file)


def as_prompt(given: str | bytes, *, like: str | bytes, file: str | None, encoding: str) -> Any:
    """The prompt as the model's tokenizer takes it: text, or bytes for binary media.

    The last line end of a file of text, with which editors and ``echo`` end every file, is no part of it.

    Args:
        given: by ``given_prompt``.
        like: the empty text of the model.
        file: where it is from; None where it is no file's.
        encoding: of the model's corpus, which a file may be in that is not UTF-8.

    Raises:
        PromptError: it is text where bytes are needed, or in no encoding, or nothing but a line end.
    """
    if isinstance(like, bytes):
        if isinstance(given, str) and given:
            raise PromptError("This model writes binary media, not text: give its prompt with --seed-file")
        return given or b""
    if isinstance(given, str):
        return given
    text = _decoded(given, str(file), encoding).removesuffix("\n")
    if not text:
        raise _empty("prompt's file", "--seed-file", str(file))
    return text


def given_lines(file: str | None) -> bytes:
    """The content of the file with what lines start with; empty without one.

    Raises:
        PromptError: it cannot be read, or is empty.
    """
    return b"" if file is None else _read("lines' file", "--prefix-lines", file)


def line_starts(given: bytes, *, file: str | None, encoding: str) -> tuple[str, ...]:
    """What lines start with, one for each line of the file, of which the last may have its line end.

    Args:
        given: by ``given_lines``.
        file: its name; None without one.
        encoding: of the model's corpus, which the file may be in that is not UTF-8.

    Raises:
        PromptError: it is in no encoding.
    """
    if file is None:
        return ()
    return tuple(_decoded(given, file, encoding).removesuffix("\n").split("\n"))


def _read(what: str, option: str, file: str) -> bytes:
    """The content of the file that an option names."""
    try:
        content = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise PromptError(f"The {what} {file} cannot be read: {reason}.") from error
    if not content.strip(b"\xef\xbb\xbf"):
        raise _empty(what, option, file)
    return content


def _empty(what: str, option: str, file: str) -> PromptError:
    name = "Standard input" if file == "-" else f"The {what} {file}"
    return PromptError(f"{name} is empty.  Leave {option} out to start from nothing.")


def _decoded(content: bytes, file: str, encoding: str) -> str:
    """The text, in the encoding that a byte order mark tells, else UTF-8, else that of the corpus, with line ends as in a corpus."""
    from seqgen.core.decoding import encodings_of, first_that_fits, marked_encoding
    from seqgen.core.files import check_encoding

    tried = ["utf-8"]
    with contextlib.suppress(OptionError):  # another dataset may call something else so
        check_encoding(encoding)
        tried += encodings_of(encoding)
    codec, mark = marked_encoding(content) or (first_that_fits([content], tried, "replace"), 0)
    try:
        return content[mark:].decode(codec).replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        from seqgen.core.guesses import guesses, would_read

        found = [each for each in guesses(codec, error, right=False, nuls=b"\0" in content) if each not in tried]
        advice = f"  As {found[0]} it would read {would_read(error, found[0])!r}.  Save it as UTF-8" if found else ""
        msg = f"{file} is not {codec.upper()} text: byte {mark + error.start:,} does not fit.{advice}"
        raise PromptError(msg) from error
