"""Ctrl-C and SIGTERM: finish the step, save, and then end."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from types import FrameType
from typing import Any

ONE_WISH_SECONDS = 2.0
"""Within so many seconds a further SIGTERM or SIGHUP asks for nothing new: a terminal that is closed sends SIGHUP twice within a
millisecond, and systemd SIGHUP at once after SIGTERM.  A second SIGINT is a person's."""


@dataclass
class Interruption:
    """Whether, and by which signal, the run has been asked to end.

    Attributes:
        signal_number: the first of the signals; None before it.
        at_once: whether the first one, too, leaves at once, for there is no step to be finished.
        untold: says what could not be said when the signal came, once it is asked.
    """

    signal_number: int | None = None
    at_once: bool = False
    untold: Callable[[], None] | None = None

    def __call__(self) -> bool:
        """Whether to end now."""
        if self.untold is not None:
            tell, self.untold = self.untold, None
            tell()
        return self.signal_number is not None


@contextmanager
def interruption(
    on_first: Callable[[str], None], *, clock: Callable[[], float] = time.monotonic
) -> Iterator[Interruption]:
    """Watch for SIGINT, SIGTERM and SIGHUP; a second one leaves at once, by KeyboardInterrupt with its number, if it is SIGINT or
    comes more than ``ONE_WISH_SECONDS`` after the first.

    One that the process was started to ignore (``nohup``, or ``&`` in a script) stays ignored.  Outside the main thread
    signals cannot be watched; then nothing changes.

    Args:
        on_first: told the name of the first signal.
        clock: seconds, from any origin.
    """
    asked = Interruption()
    first_at = 0.0
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return

    def handle(number: int, _frame: FrameType | None) -> None:
        nonlocal first_at
        if asked.signal_number is not None:
            if number == signal.SIGINT or clock() - first_at > ONE_WISH_SECONDS:
                raise KeyboardInterrupt(number)
            return
        asked.signal_number, first_at = number, clock()
        if asked.at_once:
            raise KeyboardInterrupt(number)
        name = signal.Signals(number).name
        try:
            on_first(name)
        except RuntimeError:  # it came in the midst of writing, where Python refuses to write
            asked.untold = partial(on_first, name)

    numbers = [signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
    # What Python did not install, as where it is embedded, it could not put back.
    watched = [number for number in numbers if signal.getsignal(number) not in (signal.SIG_IGN, None)]
    before: dict[int, Any] = {number: signal.signal(number, handle) for number in watched}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
