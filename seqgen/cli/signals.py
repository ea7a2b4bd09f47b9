"""SIGTERM and SIGHUP end a command as Ctrl-C does, so that what is half written is removed: left to itself, Python ends in its midst."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Callable, Iterator
from types import FrameType

_NUMBERS = (signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else []))

TERMINAL_GONE = 128 + getattr(signal, "SIGHUP", 128)
"""The exit code where a terminal goes away; where there is no such signal none is that high."""


@contextlib.contextmanager
def left_to_the_system() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the process at once meanwhile, where ``heeded`` has changed that."""
    handlers = {number: signal.getsignal(number) for number in _NUMBERS}
    heeding = [number for number, handler in handlers.items() if getattr(handler, "__module__", None) == __name__]
    for number in heeding:
        signal.signal(number, signal.SIG_DFL)
    try:
        yield
    finally:
        for number in heeding:
            signal.signal(number, handlers[number])


@contextlib.contextmanager
def heeded(*, clock: Callable[[], float] = time.monotonic) -> Iterator[list[int]]:
    """Let the first SIGTERM or SIGHUP raise KeyboardInterrupt with its number, and give the numbers of those that came.

    One that comes more than ``seqgen.training.interruption.ONE_WISH_SECONDS`` later ends the process at once, for it may hang in
    its cleaning up; one that comes sooner asks for nothing new.  One that the process was started to ignore (``nohup``) stays
    ignored, and one that has a handler, where another program calls this one, stays that program's.  Outside the main
    thread nothing changes.

    Args:
        clock: seconds, from any origin.
    """
    came: list[int] = []
    first_at = 0.0

    def handle(number: int, _frame: FrameType | None) -> None:
        nonlocal first_at
        if not came:
            came.append(number)
            first_at = clock()
            raise KeyboardInterrupt(number)
        from seqgen.training.interruption import ONE_WISH_SECONDS  # which most commands do without

        if clock() - first_at > ONE_WISH_SECONDS:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)

    watched = []
    with contextlib.suppress(ValueError):  # of another thread than the main one
        for number in _NUMBERS:
            if signal.getsignal(number) == signal.SIG_DFL:
                signal.signal(number, handle)
                watched.append(number)
    try:
        yield came
    finally:
        for number in watched:
            signal.signal(number, signal.SIG_DFL)
