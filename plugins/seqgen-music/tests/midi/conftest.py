"""MIDI files made by hand, byte by byte, and by symusic."""

from __future__ import annotations

from collections.abc import Callable

import pytest

END = b"\x00\xff\x2f\x00"
NOTE = b"\x00\x90\x3c\x40\x60\x80\x3c\x40"  # middle C from now on for 96 ticks


@pytest.fixture(scope="session")
def smf() -> Callable[..., bytes]:
    """A Standard MIDI File of these tracks, each the bytes of its events."""

    def make(*tracks: bytes, division: int = 480, kind: int = 1) -> bytes:
        head = b"MThd" + b"".join(
            number.to_bytes(size, "big") for number, size in ((6, 4), (kind, 2), (len(tracks), 2))
        )
        body = b"".join(b"MTrk" + len(track).to_bytes(4, "big") + track for track in tracks)
        return head + division.to_bytes(2, "big") + body

    return make
