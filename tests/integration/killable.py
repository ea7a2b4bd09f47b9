"""A process that runs ``seqgen`` commands, each in a process of its own that can be killed at a given moment.

The commands are forked from here, where the framework has been imported already.  Reads a request a line, as JSON, from
standard input: ``arguments``, and ``after_seconds`` or ``at_call``, the moment of the kill; writes an answer a line.

``at_call`` counts what makes a file or folder safe or changes where it is: opening to write, fsync, rename, removal.  An
odd number kills before that call, an even one after it, so that the numbers go through every moment between two of them.
"""

from __future__ import annotations

import builtins
import io
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch  # noqa: F401  so that no command waits for it

from seqgen.cli.app import main

CALLS = ("fsync", "rename", "replace", "mkdir", "rmdir", "unlink")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def count_to(last: int | None, count: Callable[[int], None]) -> None:
    """Wrap the calls, so that the process is killed before or after one of them."""
    moments = 0

    def moment() -> None:
        nonlocal moments
        moments += 1
        count(moments)
        if moments == last:
            die()

    def wrapped(call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any, **options: Any) -> Any:
            moment()
            result = call(*arguments, **options)
            moment()
            return result

        return counted

    for name in CALLS:
        setattr(os, name, wrapped(getattr(os, name)))
    opened = io.open

    def counted_open(file: Any, mode: str = "r", *arguments: Any, **options: Any) -> Any:
        writes = any(letter in mode for letter in "wxa")
        if writes:
            moment()
        stream = opened(file, mode, *arguments, **options)
        if writes:
            moment()
        return stream

    io.open = builtins.open = counted_open  # type: ignore[assignment]


def command(request: Mapping[str, Any], log: Path) -> None:
    """Become ``seqgen ARGUMENTS``; what it says, and how many moments it had, goes into files beside ``log``."""
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    counter = os.open(log.with_suffix(".moments"), os.O_RDWR | os.O_CREAT | os.O_TRUNC)
    count_to(request.get("at_call"), lambda moments: void(os.pwrite(counter, f"{moments:8}".encode(), 0)))
    try:
        main(request["arguments"])
    except SystemExit as end:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(int(end.code or 0))


def void(_: object) -> None:
    """Nothing."""


def serve(log: Path) -> None:
    for line in sys.stdin:
        request = json.loads(line)
        process = os.fork()
        if process == 0:
            command(request, log)
        killed_at = None
        if "after_seconds" in request:
            time.sleep(request["after_seconds"])
            killed_at = time.time()
            os.kill(process, signal.SIGKILL)  # it is still there to be waited for, even if it has ended
        started = time.perf_counter()
        _, status = os.waitpid(process, 0)
        answer = {
            "killed_at": killed_at,
            "exit_code": os.waitstatus_to_exitcode(status),
            "said": log.read_text("utf-8", "replace"),
            "moments": int(log.with_suffix(".moments").read_text() or 0),
            "seconds": time.perf_counter() - started,
        }
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
