"""Encoding by several processes side by side.

A process is a fresh Python that makes the tokenizer of its class and state, and then takes batches of documents or parts
of them from its standard input.  It ends when that does.  (``multiprocessing`` would run the caller's script in each.)
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import queue
import reprlib
import signal
import struct
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import IO, Any, Self, TypeAlias

import numpy as np
import numpy.typing as npt

from seqgen.core.errors import PluginError
from seqgen.core.tokenizer import Tokenizer
from seqgen.core.types import Content, Ids
from seqgen.data.code import name_of

Encoded: TypeAlias = tuple[list[Ids], int]
"""The ids of each content, and how many characters they stand for together."""

_COUNT = struct.Struct("<q")


def cores() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def portable(tokenizer: Tokenizer) -> bool:
    """Whether another process can make this tokenizer: its class is one that can be imported."""
    kind = type(tokenizer)
    module = sys.modules.get(kind.__module__)
    return kind.__module__ != "__main__" and getattr(module, kind.__qualname__, None) is kind


def encode(tokenizer: Tokenizer, contents: Sequence[Content]) -> Encoded:
    """The ids of each content, by this process."""
    ids = [held(tokenizer, tokenizer.encode(content)) for content in contents]
    # As a number of Python, which JSON can hold: a sum of NumPy's is not.
    return ids, int(tokenizer.characters(np.concatenate(ids))) if ids else 0


def held(tokenizer: Tokenizer, ids: Ids) -> Ids:
    """The ids, if they are such as the tokenizer may give.

    Raises:
        PluginError: they are no array of integers (T,), or not all below ``vocab_size``.
    """
    if isinstance(ids, np.ndarray) and ids.ndim == 1:
        if not ids.size:
            return ids
        if ids.dtype.kind in "iu" and ids.min() >= 0 and ids.max() < tokenizer.vocab_size:
            return ids
    msg = (
        f"Tokenizer {name_of(type(tokenizer))} encodes a document as {reprlib.repr(ids)}, but must give a NumPy array of "
        f"integers (T,) from 0 to vocab_size - 1, which is {tokenizer.vocab_size - 1}.  seqgen check-plugin tells more"
    )
    raise PluginError(msg)


@dataclass
class Workers:
    """Processes that encode.

    Attributes:
        tokenizer: a portable one.
        dtype: of the ids.
        count: how many processes.
    """

    tokenizer: Tokenizer
    dtype: np.dtype[Any]
    count: int
    _free: queue.SimpleQueue[_Worker] = field(default_factory=queue.SimpleQueue, init=False)
    _all: list[_Worker] = field(default_factory=list, init=False)
    _ended: bool = field(default=False, init=False)

    def __enter__(self) -> Self:
        for _ in range(self.count):
            worker = _Worker.start(self.tokenizer, self.dtype)
            self._all.append(worker)
            self._free.put(worker)
        self._pool = ThreadPoolExecutor(self.count, thread_name_prefix="encoding")
        return self

    def __exit__(self, *_: object) -> None:
        self._ended = True
        for worker in self._all:
            worker.end()
        self._pool.shutdown(cancel_futures=True)

    def map(self, batches: Iterable[Sequence[Content]]) -> Iterator[Encoded]:
        """What ``encode`` gives for each batch, in order; a few batches are read ahead."""
        waiting: deque[Future[Encoded]] = deque()
        for batch in batches:
            waiting.append(self._pool.submit(self._encode, batch))
            if len(waiting) > self.count:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()

    def _encode(self, batch: Sequence[Content]) -> Encoded:
        if not batch:
            return [], 0
        worker = self._free.get()
        try:
            return worker.encode(batch)
        except (OSError, EOFError):
            if self._ended:  # nobody waits for it any more, as after Ctrl-C, and to encode it here would take seconds
                raise
            # It has failed, or been killed.  Here the same failure shows as what it is, or does not happen.
            return encode(self.tokenizer, batch)
        finally:
            self._free.put(worker)


@dataclass
class _Worker:
    process: subprocess.Popen[bytes]
    dtype: np.dtype[Any]

    @classmethod
    def start(cls, tokenizer: Tokenizer, dtype: np.dtype[Any]) -> _Worker:
        process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-P", "-c", f"from {__name__} import serve; serve()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # what fails there is done here again, and says so
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path)},  # noqa: PTH109
        )
        kind = type(tokenizer)
        task = {"module": kind.__module__, "class": kind.__qualname__, "dtype": dtype.str, "state": tokenizer.state()}
        worker = cls(process, dtype)
        with contextlib.suppress(OSError):  # it shows with the first batch
            _write(worker._stdin, json.dumps(task).encode())
        return worker

    @property
    def _stdin(self) -> IO[bytes]:
        assert self.process.stdin is not None
        return self.process.stdin

    def encode(self, batch: Sequence[Content]) -> Encoded:
        """What the process makes of a batch.

        Raises:
            OSError, EOFError: it has ended.
        """
        assert self.process.stdout is not None
        _send(self._stdin, batch)
        lengths = np.frombuffer(_read(self.process.stdout), np.int64)
        (characters,) = _COUNT.unpack(_read(self.process.stdout))
        ids = np.frombuffer(_read(self.process.stdout), self.dtype)
        return np.split(ids, np.cumsum(lengths)[:-1]), characters

    def end(self) -> None:
        """Let it end."""
        with contextlib.suppress(OSError):
            self._stdin.close()
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


def serve() -> None:
    """What a process does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for who started it
    source, target = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a tokenizer prints does not come between
    task = json.loads(_read(source))
    tokenizer: Tokenizer = getattr(importlib.import_module(task["module"]), task["class"]).from_state(task["state"])
    with contextlib.suppress(EOFError, BrokenPipeError):
        while True:
            ids, characters = encode(tokenizer, _unpacked(_read(source), _read(source), _read(source)))
            lengths = np.array([each.size for each in ids], np.int64)
            joined = np.concatenate(ids).astype(task["dtype"], copy=False)
            _write(target, lengths.tobytes(), _COUNT.pack(characters), joined.tobytes())


def _send(stream: IO[bytes], contents: Sequence[Content]) -> None:
    """Write the length of each content in bytes, whether each is text, and all of them."""
    data = [each.encode("utf-8", "surrogatepass") if isinstance(each, str) else each for each in contents]
    lengths: npt.NDArray[np.int64] = np.array([len(each) for each in data], np.int64)
    _write(stream, lengths.tobytes(), bytes(isinstance(each, str) for each in contents))
    stream.write(_COUNT.pack(int(lengths.sum())))
    stream.writelines(data)  # not joined, which would be another copy
    stream.flush()


def _unpacked(lengths: bytes, texts: bytes, data: bytes) -> list[Content]:
    stops = np.cumsum(np.frombuffer(lengths, np.int64)).tolist()
    parts = [data[start:stop] for start, stop in zip([0, *stops], stops, strict=False)]
    return [part.decode("utf-8", "surrogatepass") if text else part for part, text in zip(parts, texts, strict=True)]


def _write(stream: IO[bytes], *blocks: bytes) -> None:
    for block in blocks:
        stream.write(_COUNT.pack(len(block)))
        stream.write(block)
    stream.flush()


def _read(stream: IO[bytes]) -> bytes:
    """A block.

    Raises:
        EOFError: there is no more.
    """
    length = stream.read(_COUNT.size)
    if len(length) < _COUNT.size:
        raise EOFError
    (size,) = _COUNT.unpack(length)
    block = stream.read(size)
    if len(block) < size:
        raise EOFError
    return block
