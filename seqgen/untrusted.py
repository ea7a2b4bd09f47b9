"""Reading JSON and safetensors that may come from a stranger: nothing is believed before it is held against the file."""

from __future__ import annotations

import io
import json
import math
import mmap
import os
import re
import stat
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard

from seqgen.core.errors import DamagedModelError

if TYPE_CHECKING:
    import numpy.typing as npt

MAX_JSON_BYTES = 4 * 2**20
"""A JSON file above this is refused unread: empty lists in it would take 25 times as much memory."""

MAX_TOKENIZER_BYTES = 64 * 2**20
"""The same for a tokenizer; one of a million tokens takes about 30 MB."""

MAX_HEADER_BYTES = 2**20
"""The same for the header of safetensors: some 10,000 tensors."""

MAX_DIMENSIONS = 32
"""A tensor of more is none of a model, whose have one or two; NumPy itself had this limit for long."""

LARGEST_FIGURE = 2**128
"""What float32 does not hold any more: no measure is so large, and nothing that is computed with one overflows."""

CHUNK = 1 << 18
"""Bytes of a file of unknown length that are held in memory at a time."""


class BoundedFile(io.FileIO):
    """A file that gives at most ``CHUNK`` bytes at a time.

    So zipfile, which reads the directory of entries at once and makes an object of each, gets no more than 5,000.
    """

    def read(self, size: int | None = -1, /) -> bytes:
        """The next bytes.

        Raises:
            zipfile.BadZipFile: more are asked for than ``CHUNK``, which only a directory of entries makes zipfile do.
        """
        left = max(0, Path(self.name).stat().st_size - self.tell())
        wanted = left if size is None or size < 0 else min(size, left)
        if wanted > CHUNK:
            import zipfile  # most models are no zip

            msg = f"its directory claims {wanted:,} bytes"
            raise zipfile.BadZipFile(msg)
        return super().read(wanted)


def read_tensors(path: Path, *, where: str) -> dict[str, npt.NDArray[Any]]:
    """All tensors of a safetensors file, after its header has been checked against the file's size."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    read_header(path, where=where, filled=True)
    try:
        return dict(load_file(path))
    except (SafetensorError, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        msg = f"{where}: cannot be read: {error}"
        raise DamagedModelError(msg) from error


def map_tensors(path: Path, *, where: str) -> dict[str, npt.NDArray[Any]]:
    """All tensors of a safetensors file of float32 as read-only views of it: what is not looked at is not read.

    Raises:
        DamagedModelError: a tensor that is not float32, or tensors that do not fill the file one after another.
    """
    import numpy as np  # listing models does without

    header = read_header(path, where=where)
    places, end = [], 0
    for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        count = math.prod(entry["shape"])
        if entry["data_offsets"] != [end, end + 4 * count] or entry.get("dtype") != "F32":
            msg = f'{where}: tensor "{name}" is described wrongly.'
            raise DamagedModelError(msg)
        places.append((name, end, count))
        end += 4 * count
    try:
        with path.open("rb") as file:
            start = 8 + struct.unpack("<Q", file.read(8))[0]
            if (left := size_of(path) - start - end) > 0:
                msg = f"{where}: {left:,} bytes belong to no tensor."
                raise DamagedModelError(msg)
            content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)  # closed with the last view of it
        return {
            name: np.frombuffer(content, "<f4", count, start + place).reshape(header[name]["shape"])
            for name, place, count in places
        }
    except (OSError, ValueError, struct.error) as error:
        msg = f"{where}: cannot be read: {error}"
        raise DamagedModelError(msg) from error


def read_header(path: Path, *, where: str, filled: bool = False) -> dict[str, Any]:
    """The header of a safetensors file, with every size held against the file's own.

    Args:
        path: the file.
        where: how messages name it.
        filled: the tensors must reach to the end of the file, as they must for whoever goes on to read all of it.

    Raises:
        DamagedModelError: truncated, not JSON, or a tensor claims more than the file has.
    """
    try:
        size = size_of(path)
        with path.open("rb") as file:
            prefix = file.read(8)
            length = struct.unpack("<Q", prefix)[0] if len(prefix) == 8 else size
            if length > size - 8:
                msg = f"{where}: the file is truncated or not safetensors ({size:,} bytes); not loaded."
                raise DamagedModelError(msg)
            if length > MAX_HEADER_BYTES:
                msg = f"{where}: a header of {length:,} bytes is more than such a file can have; not loaded."
                raise DamagedModelError(msg)
            header = parse_json(file.read(length))
    except FileNotFoundError as error:
        msg = f"{where}: the file is missing."
        raise DamagedModelError(msg) from error
    except (OSError, ValueError, RecursionError) as error:
        msg = f"{where}: the header cannot be read: {error}"
        raise DamagedModelError(msg) from error
    if not isinstance(header, dict):
        msg = f"{where}: the header is not an object."
        raise DamagedModelError(msg)
    header.pop("__metadata__", None)
    data = size - 8 - length
    last = 0
    for name, entry in header.items():
        try:
            begin, end = map(_whole, entry["data_offsets"])
            valid = 0 <= begin <= end <= data
            last = max(last, end)
            count = _count(entry["shape"])
        except (TypeError, KeyError, ValueError) as error:
            msg = f'{where}: tensor "{name}" is described wrongly.'
            raise DamagedModelError(msg) from error
        if not valid or count > size:
            claimed = f"{count:,}" if count < 2**63 else "more than 2^63"
            msg = f'{where}: tensor "{name}" claims {claimed} numbers in a file of {size:,} bytes; not loaded.'
            raise DamagedModelError(msg)
    if filled and last < data:
        msg = f"{where}: {data - last:,} bytes belong to no tensor; not loaded."
        raise DamagedModelError(msg)
    return header


def _count(shape: Any) -> int:
    """How many numbers a tensor of this shape has.

    Raises:
        TypeError, ValueError: it is no shape.
    """
    # Before the product, which takes half a minute for the 500,000 that a header has room for.
    if len(shape) > MAX_DIMENSIONS:
        msg = "not a shape"
        raise ValueError(msg)
    return math.prod(map(_whole, shape))


def _whole(value: object) -> int:
    if type(value) is not int or not 0 <= value < 2**63:
        msg = "not a size"
        raise ValueError(msg)
    return value


def is_figure(value: object) -> TypeGuard[float]:
    """Whether a value from a file is a number that can be computed with and shown; a whole one has no limit in JSON."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < LARGEST_FIGURE


def shown(value: object) -> str:
    """A value from a file as it can stand in a sentence: cut after 80 characters."""
    text = str(value)
    return text if len(text) <= 80 else f"{text[:80]}..."


def quoted(text: str) -> str:
    """What a stranger's file says, so that no sentence and no command can hide in it."""
    return json.dumps(shown(text))


def plain(text: str) -> str:
    """A name or a version as it is; anything else quoted."""
    return text if re.fullmatch(r"[A-Za-z0-9._+!-]{1,80}", text) else quoted(text)


def size_of(path: Path) -> int:
    """The size of a regular file in bytes; a pipe, which could be waited for for ever, or a device is refused.

    Raises:
        OSError: there is none.
    """
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        msg = "it is not a regular file"
        raise OSError(msg)
    return status.st_size


def parse_json(content: bytes) -> Any:
    """A JSON value without what JSON lacks (NaN, Infinity, and 1e999, which Python reads as that) and without a name that occurs
    twice in an object.

    Raises:
        ValueError, RecursionError: it is none.
    """
    refuse_nested(content)
    return json.loads(content, object_pairs_hook=_object, parse_constant=_no_number, parse_float=_finite)


def refuse_nested(content: bytes) -> None:
    """Hold that JSON is no heap of lists and objects, before it is parsed.

    Raises:
        ValueError: it is.
    """
    # An empty list takes 20 times its text in memory, and half a second a megabyte, an object twice as much; in our files
    # one stands in 20 bytes.
    if content.count(b"[") + 2 * content.count(b"{") > len(content) // 8 + 1000:
        msg = "it has more lists and objects than such a file can have"
        raise ValueError(msg)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        msg = "a name occurs twice in an object"
        raise ValueError(msg)
    return value


def _no_number(name: str) -> None:
    msg = f"{name} is not a number"
    raise ValueError(msg)


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        msg = f"{shown(text)} is larger than any number that can be computed with"
        raise ValueError(msg)
    return value


def read_json(path: Path, *, where: str, limit: int = MAX_JSON_BYTES) -> dict[str, Any]:
    """A JSON object.

    Raises:
        DamagedModelError: missing, larger than ``limit`` bytes, or not a JSON object.
    """
    try:
        refuse_larger(path, limit, where=where)
        value = parse_json(path.read_bytes())
    except FileNotFoundError as error:
        msg = f"{where}: the file is missing."
        raise DamagedModelError(msg) from error
    except (OSError, ValueError, RecursionError) as error:
        msg = f"{where}: not JSON: {error}"
        raise DamagedModelError(msg) from error
    if not isinstance(value, dict):
        msg = f"{where}: not a JSON object."
        raise DamagedModelError(msg)
    return value


def refuse_larger(path: Path, limit: int, *, where: str) -> None:
    """Hold that a file is one of at most so many bytes, before it is hashed or read.

    Raises:
        DamagedModelError: it is larger.
        OSError: there is no such file.
    """
    size = size_of(path)
    if size > limit:
        msg = f"{where}: {size:,} bytes are more than such a file can have; not read."
        raise DamagedModelError(msg)


def are_texts(values: Iterable[Any]) -> bool:
    """Whether each value of a list that was read is text."""
    return all(type(each) is str for each in values)


def refuse_link(path: Path, *, where: str) -> None:
    """Hold that a file lies in its folder itself."""
    if path.is_symlink() and os.path.realpath(path.parent) != os.path.dirname(os.path.realpath(path)):  # noqa: PTH120
        msg = f"{where}: it is a link to a file outside the folder; not followed.  Put the file itself there."
        raise DamagedModelError(msg)
