"""What a stranger, a bad disk or a broken copy makes of our files: mutations, and a watch on time, memory and writing."""

from __future__ import annotations

import contextlib
import gc
import json
import math
import os
import struct
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pydantic  # noqa: F401  before memory is watched: the first refusal imports it
import pytest

from seqgen.core.errors import SeqgenError

MANY = 10**12
VALUES = [
    *(None, True, False, "", "x", "é\ud800", "../../etc/passwd", "os.system", [], {}, [[]], {"a": 1}),
    *(0, -1, 1, 2**31, 2**63, MANY, -MANY, 10**400, 1.5, -0.5, 1e308, math.nan, math.inf, -math.inf),
]
"""What a value is replaced by."""

NAMES = [
    "../outside",
    "/etc/passwd",
    "..",
    ".",
    "",
    "a/b",
    "a\\b",
    "a\0b",
    "n" * 300,
    "\ud800",
    "CON",
    "model.safetensors",
]
"""What a name is replaced by."""

NASTY = [
    b"",
    b"\0",
    b"{}",
    b"[]",
    b"null",
    b'"x"',
    b"{",
    b"\xef\xbb\xbf{}",
    b"\xff\xfe{\0}\0",
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b'{"a":' * 900 + b"1" + b"}" * 900,
    b'{"vocab_size": 1, "vocab_size": 2}',
    b"9" * 5000,
    b"[" + b"9" * 5000 + b"]",
    b"[" + b"[]," * 1_000_000 + b"1]",
    struct.pack("<Q", 2**63) + b"{}",
    struct.pack("<Q", 2**64 - 1),
    struct.pack("<Q", 2) + b"{}",
    struct.pack("<Q", 2) + b"[]",
    b"PK\x03\x04" + b"\0" * 60,
    b"\x80\x04cposix\nsystem\n(S'exit 3'\ntR.",
]
"""Whole files that are something else; the last is a pickle that runs a command."""


def truncated(content: bytes, random: Random) -> bytes:
    """Cut: at nothing, the first bytes, powers of two, near the end, anywhere."""
    lengths = [0, 1, 7, 8, 9, len(content) // 2, len(content) - 1, len(content) - 4, 1 << random.randrange(14)]
    return content[: max(0, random.choice([*lengths, random.randrange(len(content) + 1)]))]


def flipped(content: bytes, random: Random) -> bytes:
    """One to eight bits turned round, half of the time near the front, where sizes and names are."""
    changed = bytearray(content)
    for _ in range(random.randint(1, 8)):
        if changed:
            changed[random.randrange(random.choice([len(changed), min(len(changed), 200)]))] ^= 1 << random.randrange(8)
    return bytes(changed)


def spliced(content: bytes, random: Random) -> bytes:
    """A stretch repeated, removed, or replaced by noise."""
    start, size = random.randrange(len(content) + 1), random.choice([1, 3, 8, 100, 5000])
    middle = random.choice([b"", content[start : start + size] * 3, random.randbytes(size), b"\0" * size])
    return content[:start] + middle + content[start + size :]


def replaced(content: bytes, random: Random) -> bytes:
    """Another file altogether."""
    return random.choice(NASTY)


def _places(value: object) -> Iterator[tuple[object, object]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield value, key
            yield from _places(inner)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield value, index
            yield from _places(inner)


def altered(value: object, random: Random) -> bytes:
    """A JSON value with one to three of its parts replaced, renamed, removed, doubled or nested deep; as text."""
    for _ in range(random.randint(1, 3)):
        places = list(_places(value))
        if not places:
            break
        within, key = random.choice(places)
        match random.randrange(5):
            case 0 if isinstance(within, dict):
                within[random.choice(NAMES)] = within.pop(key)
            case 1:
                del within[key]
            case 2 if isinstance(within[key], int | float) and not isinstance(within[key], bool):
                within[key] = random.choice([within[key] + 1, within[key] - 1, -within[key], within[key] * MANY])
            case 3 if isinstance(within[key], list):
                within[key] = within[key] * random.choice([2, 1000])
            case _:
                within[key] = random.choice(VALUES)
    text = json.dumps(value)
    if random.random() < 0.1:  # a name twice
        text = text.replace("{", '{"format_version": 1, "format_version": 1,', 1)
    return text.encode()


def altered_json(content: bytes, random: Random) -> bytes:
    """``altered``, for a file of JSON."""
    return altered(json.loads(content), random)


def altered_header(content: bytes, random: Random) -> bytes:
    """``altered``, for the header of safetensors: shapes, offsets, types and names; sometimes with a length that lies."""
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    tensor = header[random.choice(list(header))]
    match random.randrange(6):
        case 0:
            tensor["dtype"] = random.choice(["F64", "F16", "BF16", "I64", "U8", "BOOL", "F8_E4M3", "C64", "x", "O", 7])
        case 1:
            tensor["data_offsets"] = random.choice(
                [[0, 2**63], [-4, 4], [8, 4], [0, 0], [0, MANY], tensor["data_offsets"] * 2]
            )
        case 2:
            tensor["data_offsets"] = header[random.choice(list(header))]["data_offsets"]  # overlapping
        case 3:
            tensor["shape"] = random.choice(
                [[MANY], [-1], [2**63, 2], [10**4000, 10**4000], [1] * 500, [0], [], [math.inf]]
            )
        case _:
            text = altered(header, random)
            return struct.pack("<Q", random.choice([len(text)] * 9 + [2**60])) + text + content[8 + length :]
    text = (
        json.dumps(header).encode() if tensor["shape"] != [10**4000] * 2 else b'{"a":{"shape":[' + b"9" * 4000 + b"]}}"
    )
    return struct.pack("<Q", len(text)) + text + content[8 + length :]


def strange_numbers(content: bytes, random: Random) -> bytes:
    """Numbers that are none, in the data of safetensors or of a token store."""
    value = random.choice([math.nan, math.inf, -math.inf, 3e38, -0.0])
    place = len(content) - 4 * random.randint(1, 8)
    return content[:place] + struct.pack("<f", value) + content[place + 4 :]


BYTES = (truncated, flipped, spliced, replaced)
JSON = (*BYTES, altered_json, altered_json, altered_json)
TENSORS = (*BYTES, altered_header, altered_header, altered_header, strange_numbers)


def mutations(name: str) -> tuple[Callable[[bytes, Random], bytes], ...]:
    """What can happen to a file of this name."""
    return JSON if name.endswith(".json") else TENSORS if name.endswith(".safetensors") else (*BYTES, strange_numbers)


@dataclass
class Watch:
    """Holds that what reads a damaged file ends well: with a sentence or a result, soon, in little memory.

    Nothing is run, unpickled, or written outside ``root`` meanwhile, by Python's audit events.

    Attributes:
        root: where may be written.
        cases: how many were watched.
        refused: how many ended with a sentence.
        seconds, megabytes: the worst of them; of memory only where it is measured.
        events: what was run or written elsewhere in the last one.
    """

    root: Path
    cases: int = 0
    refused: int = 0
    seconds: float = 0.0
    megabytes: float = 0.0
    events: list[str] = field(default_factory=list)

    @contextlib.contextmanager
    def __call__(self, *, memory: bool = False) -> Iterator[None]:
        """Around one reading.  ``memory`` measures what Python and NumPy allocate, which makes it several times slower."""
        self.cases += 1
        self.events.clear()
        sentence = "it was read"
        if memory:
            tracemalloc.start()
        gc.disable()  # a collection walks all that the tests hold, frameworks too: more than a second on a slow core
        start = time.thread_time()
        _active.append(self)
        try:
            yield
        except SeqgenError as error:
            self.refused += 1
            sentence = str(error)
        finally:
            _active.pop()
            seconds = time.thread_time() - start
            gc.enable()
            if not memory:
                self.seconds = max(self.seconds, seconds)
            else:
                self.megabytes = max(self.megabytes, tracemalloc.get_traced_memory()[1] / 2**20)
                tracemalloc.stop()
        assert 10 < len(sentence) < 3000, sentence[:200]
        assert self.seconds < 1
        assert self.megabytes < 200
        assert not self.events


_active: list[Watch] = []

_EXECUTES = {"os.system", "os.exec", "os.posix_spawn", "os.fork", "subprocess.Popen", "pickle.find_class"}


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    if not _active:
        return
    if event in _EXECUTES:
        _active[-1].events.append(event)
    elif event == "open" and isinstance(path := arguments[0], str) and arguments[2] & (os.O_WRONLY | os.O_RDWR):
        _active[-1].events += [] if Path(path).resolve().is_relative_to(_active[-1].root) else [f"write {path}"]


sys.addaudithook(_hook)  # it cannot be taken away again, and so does nothing but while something is watched


@pytest.fixture
def watch(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Watch]:
    """See ``Watch``; what is written must stay in ``tmp_path``."""
    watch = Watch(tmp_path.resolve())
    yield watch
    worst = f"{watch.seconds:.3f} s, {watch.megabytes:.0f} MB"
    print(f"{request.node.name}: {watch.cases} cases, {watch.refused} refused, {worst}")
