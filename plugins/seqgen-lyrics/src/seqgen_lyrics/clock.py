"""The time that the look-ahead takes: a safety net, since the same random seed is to write the same text on any machine."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Clock:
    """Tells when the look-ahead for one token has taken its time.

    Args:
        seconds: that it may take.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = 0.0

    def __deepcopy__(self, memo: dict[int, Any]) -> Clock:
        """It is shared, as the words are that stop by it: whoever looks ahead starts it anew."""
        return self

    def start(self, texts: int = 1) -> None:
        """Another token, of so many texts side by side."""
        self._end = time.monotonic() + self.seconds * texts

    def late(self) -> bool:
        """Whether it is to come to its end."""
        return time.monotonic() > self._end

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """What is made once for all tokens takes none of their time."""
        before = time.monotonic()
        try:
            yield
        finally:
            self._end += time.monotonic() - before
