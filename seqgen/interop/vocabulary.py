"""Which character each row of a foreign model stands for, and the tokenizer ``char`` that knows them in its own order.

Other programs order their characters as they like; the tokenizer has them by code point, and an end token after them, which
those programs do not have.  So the rows of the weights change places, and one more is made.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqgen.core.errors import UsageError
from seqgen.untrusted import MAX_JSON_BYTES, parse_json, shown, size_of

_MARK = "\ufeff"


@dataclass(frozen=True)
class Vocabulary:
    """The characters of a foreign model.

    Attributes:
        rows: what each row stands for; None for one that stands for no text (padding, for example).
        name: the file that said so, as messages name it.
    """

    rows: tuple[str | None, ...]
    name: str

    @property
    def order(self) -> list[int]:
        """The row of each id but the end's."""
        return sorted(
            (row for row, text in enumerate(self.rows) if text is not None), key=lambda row: str(self.rows[row])
        )

    def state(self) -> dict[str, Any]:
        """The state of the tokenizer: what ``tokenizer.json`` says."""
        symbols = "".join(text for row in self.order if (text := self.rows[row]) is not None)
        return {"lowercase": False, "normalization": "none", "min_count": 1, "symbols": symbols, "dropped": ""}


def read_vocabulary(path: Path, size: int) -> Vocabulary:
    """A file that says what the rows stand for.

    ``.json``: a list of characters in the order of their rows, with null for a row that stands for no text; or an object
    from each character to its row, or from each row to its character, where row 0 may be missing: it then stands for no text.  Anything else: text in UTF-8, whose characters are the rows in their order; a line end
    after the last one is passed over where it is one character too many, and so is a byte order mark before the first.

    Args:
        path: the file.
        size: how many rows the model has.

    Raises:
        UsageError: it cannot be read, has another number of rows, or says something else than a character.
    """
    try:
        if (length := size_of(path)) > MAX_JSON_BYTES:
            raise UsageError(f"{path}: {length:,} bytes are more than a vocabulary can have; not read.")
        content = path.read_bytes()
        json = path.suffix.lower() == ".json"
        rows = _listed(parse_json(content), path, size) if json else _characters(content, path, size)
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"{path} is not a vocabulary: {getattr(error, 'strerror', None) or error}.") from error
    if len(rows) != size:
        raise UsageError(
            f"{path} has {len(rows):,} entries, but the model has {size:,} tokens: one entry for each, in the order of its ids."
        )
    known: dict[str, int] = {}
    for row, text in enumerate(rows):
        if text is None:
            continue
        if len(text) != 1 or "\ud800" <= text <= "\udfff":
            raise UsageError(
                f"{path}: entry {row} is {shown(repr(text))}, but must be one character, or null where a row stands for no text."
            )
        if text in known:
            raise UsageError(f"{path}: entries {known[text]} and {row} are both {text!r}.")
        known[text] = row
    if not known:
        raise UsageError(f"{path}: no entry is a character.")
    return Vocabulary(tuple(rows), path.name)


def _characters(content: bytes, path: Path, size: int) -> list[str | None]:
    text = content.decode()
    unmarked = text.removeprefix(_MARK)
    # The mark may be a row, and so may the line end.
    readings = dict.fromkeys(rows for each in (text, unmarked) for rows in (each, each.removesuffix("\n")))
    fitting = [rows for rows in readings if len(rows) == size]
    if len(fitting) > 1 and text.count("\n") == 1:  # else the line end is an entry before
        raise UsageError(
            f"{path} begins with a byte order mark (U+FEFF), ends with a line end and has one character too many, so one of "
            "the two is an entry.  Write the entries as a list in a .json file."
        )
    return [*next(iter(fitting), unmarked)]


def _listed(value: Any, path: Path, size: int) -> list[str | None]:
    if isinstance(value, dict):
        value = _by_row(value, path, size)
    if not isinstance(value, list) or not all(isinstance(text, str | None) for text in value):
        raise UsageError(
            f"{path}: must be a list of characters (or null), an object from character to row, or one from row to character."
        )
    return value


def _by_row(value: dict[str, Any], path: Path, size: int) -> list[str | None]:
    """What an object says of each row, whichever way round it is."""
    if all(isinstance(text, str) for text in value.values()) and all(key.isdecimal() for key in value):
        named = [(int(row), text) for row, text in value.items()]
    else:
        named = [(row, text) for text, row in value.items()]
    rows = {row: text for row, text in named if type(row) is int and 0 <= row < size}
    if len(rows) != len(value) or len(rows) < size - (0 not in rows):  # Keras keeps row 0 for padding
        raise UsageError(
            f"{path}: the rows of the characters must be the numbers from 0 or 1 to {size - 1:,}, each once, for the model has {size:,} "
            f"tokens; {len(value):,} are named."
        )
    return [rows.get(row) for row in range(size)]
