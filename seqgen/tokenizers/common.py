"""What the bundled tokenizers share: text as arrays of code points, nearest characters, reading a state."""

from __future__ import annotations

import codecs
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar, cast, get_args

import numpy as np
import numpy.typing as npt

from seqgen.core.errors import DamagedModelError
from seqgen.core.text import REPLACEMENT
from seqgen.core.types import Content

UNKNOWN = REPLACEMENT
"""What is read in place of a character that a vocabulary lacks, where it is one of its symbols."""

MEGABYTE = 1 << 20

_MANY = 1000
"""Different characters from which on a walk through all symbols takes less time than looking for each among them."""

T = TypeVar("T")

_PLAIN = {
    **dict.fromkeys("‘’‚‛′`´", "'"),
    **dict.fromkeys("“”„‟″«»", '"'),
    **dict.fromkeys("‐‑‒–—―−", "-"),
    **dict.fromkeys("\u00a0\u2009\u202f\u3000\t", " "),
    "…": ".",
}
"""Typographic characters that have no Unicode decomposition to what a typewriter has, or not to one character."""


def as_text(document: Content) -> str:
    """The document as text without lone surrogates, which no encoding can write: they become U+FFFD.

    Bytes, which a text tokenizer is not made for, are read as UTF-8.
    """
    if isinstance(document, bytes):
        return document.decode("utf-8", "replace")
    try:
        document.encode("utf-8")
    except UnicodeEncodeError:
        # surrogatepass: here alone a lone surrogate survives as a code unit, which can be replaced by number.
        codes = np.frombuffer(document.encode("utf-32-le", "surrogatepass"), np.uint32)
        return from_code_points(np.where((codes >= 0xD800) & (codes < 0xE000), np.uint32(ord(UNKNOWN)), codes))
    return document


def code_points(text: str) -> npt.NDArray[np.uint32]:
    """The code points of a text without lone surrogates, (T,)."""
    return np.frombuffer(text.encode("utf-32-le"), "<u4").astype(np.uint32, copy=False)


def from_code_points(codes: npt.NDArray[np.integer[Any]]) -> str:
    """The text of code points (T,)."""
    return codes.astype("<u4", copy=False).tobytes().decode("utf-32-le")


def gathered(documents: Iterable[Content]) -> Iterator[list[str]]:
    """The documents as lists of a megabyte of characters or more together, so that small ones take little time each."""
    group: list[str] = []
    length = 0
    for document in documents:
        text = as_text(document)
        group.append(text)
        length += len(text)
        if length >= MEGABYTE:
            yield group
            group, length = [], 0
    if group:
        yield group


def count_code_points(documents: Iterable[Content], normal: Callable[[str], str]) -> npt.NDArray[np.int64]:
    """How often each code point occurs in the documents once ``normal`` has been applied; as long as the highest asks."""
    counts = np.zeros(ord("\n") + 1, np.int64)
    for group in gathered(documents):
        # A line end between two documents keeps normalisation from reaching across.
        more = np.bincount(code_points(normal("\n".join(group))), minlength=counts.size)
        more[: counts.size] += counts
        more[ord("\n")] -= len(group) - 1
        counts = more
    return counts


def nearest(symbol: str, vocabulary: Collection[str]) -> str | None:
    """The character of a vocabulary that comes nearest to one it lacks: other case, accent stripped, plain, or None."""
    base = unicodedata.normalize("NFD", symbol)[0]
    plain = _PLAIN.get(symbol, unicodedata.normalize("NFKD", symbol)[0])
    for candidate in (symbol, base, plain):
        for other in (candidate, candidate.lower(), candidate.upper()):
            # White space separates words; nothing else is like it.
            if len(other) == 1 and other in vocabulary and other.isspace() == symbol.isspace():
                return other
    return None


def missing_symbols(text: str, symbols: str, dropped: str = "") -> dict[str, str | None]:
    """The characters of a text that are not among the symbols, sorted, each with its nearest.

    Without one it is U+FFFD where that is a symbol, else None.  So it is for dropped ones: what ``fit`` dropped was learned
    as unknown, and a likeness to something else would be no help there.
    """
    found = set(text)
    # A set's difference walks through all symbols, of which there may be thousands where a document has twenty characters.
    lacking = sorted(
        [each for each in found if each not in symbols] if len(found) < _MANY else found.difference(symbols)
    )
    unknown = UNKNOWN if UNKNOWN in symbols else None
    return {symbol: unknown if symbol in dropped else nearest(symbol, symbols) or unknown for symbol in lacking}


def replace_missing(text: str, symbols: str, dropped: str = "") -> str:
    """A text of symbols only: others become their nearest, else U+FFFD where that is a symbol, and else are left out."""
    missing = missing_symbols(text, symbols, dropped)
    return text.translate({ord(symbol): other or "" for symbol, other in missing.items()}) if missing else text


def places(symbols: str, others: str) -> npt.NDArray[np.int64]:
    """Where each of the symbols is among others, which has them all; both in rising order."""
    return np.searchsorted(code_points(others), code_points(symbols))


class TableDecoder:
    """Decodes ids that each stand for a piece of text."""

    def __init__(self, pieces: Sequence[str]) -> None:
        self._pieces = pieces

    def push(self, token: int) -> str:
        """The text of the id."""
        return self._pieces[token]

    def finish(self) -> str:
        """Nothing is ever left."""
        return ""


class Utf8Decoder:
    """Decodes ids that each stand for bytes of UTF-8; what is no UTF-8 becomes U+FFFD, as when decoded at once."""

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self._pieces = pieces
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def push(self, token: int) -> str:
        """The characters that are whole now."""
        return self._decoder.decode(self._pieces[token])

    def finish(self) -> str:
        """U+FFFD where a character was left unfinished."""
        return self._decoder.decode(b"", final=True)


class StateReader:
    """Reads the values of a tokenizer's state, which may come from a stranger; each is checked, and none may be left.

    Every method raises DamagedModelError with a sentence that names the tokenizer and the value.
    """

    def __init__(self, tokenizer: str, state: Mapping[str, Any]) -> None:
        self._tokenizer = tokenizer
        self.require(isinstance(state, Mapping), "it is not a table of names and values")
        self._left = dict(state)

    def require(self, condition: bool, fault: str) -> None:
        """Hold that a condition is met."""
        if not condition:
            raise DamagedModelError(f"The state of tokenizer {self._tokenizer} is damaged: {fault}.")

    def value(self, name: str, kind: type[T]) -> T:
        """A value of exactly this type."""
        self.require(name in self._left, f'"{name}" is missing')
        value = self._left.pop(name)
        self.require(type(value) is kind, f'"{name}" is not {_KINDS[kind]}')  # exactly: True is no number
        return cast("T", value)

    def boolean(self, name: str) -> bool:
        """True or false."""
        return self.value(name, bool)

    def integer(self, name: str, *, at_least: int) -> int:
        """A whole number."""
        value = self.value(name, int)
        self.require(
            at_least <= value < 1 << 31, f'"{name}" is {value}, but must be at least {at_least} and fit 31 bits'
        )
        return value

    def choice(self, name: str, choices: Any) -> Any:
        """One of the values of a Literal."""
        value, allowed = self.value(name, str), get_args(choices)
        self.require(value in allowed, f'"{name}" is {value[:40]!r}, but must be one of {", ".join(allowed)}')
        return value

    def symbols(self, name: str) -> str:
        """Characters in rising order, so each at most once, without surrogates."""
        value = self.value(name, str)
        codes = np.frombuffer(value.encode("utf-32-le", "surrogatepass"), "<u4").astype(np.int64)
        self.require(bool((np.diff(codes) > 0).all()), f'"{name}" is not in rising order')
        self.require(
            not ((codes >= 0xD800) & (codes < 0xE000)).any(), f'"{name}" has surrogates, which are no characters'
        )
        return value

    def texts(self, name: str) -> list[str]:
        """A list of texts, none empty, each once."""
        values = self.value(name, list)
        self.require(all(type(value) is str and value for value in values), f'"{name}" has an item that is no text')
        self.require(len(set(values)) == len(values), f'"{name}" has an item twice')
        return values

    def done(self) -> None:
        """Hold that no value is left unread."""
        if self._left:  # which a later version may have written, so that nothing need be damaged
            unknown = ", ".join(sorted(map(str, self._left)))[:200]
            raise DamagedModelError(f"The state of tokenizer {self._tokenizer} has unknown values: {unknown}.")


_KINDS: dict[type, str] = {bool: "true or false", int: "a whole number", str: "text", list: "a list"}
