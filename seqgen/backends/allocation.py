"""Memory that is freed stays with the process, so that the next step finds it there."""

from __future__ import annotations

import ctypes
import platform

KEPT = 2**30
"""Bytes: arrays up to this size are taken from the heap, and as much of it is kept when it is free."""

# mallopt(3); the values are those of glibc's malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_MMAP_MAX = -1, -3, -4


def keep_freed_memory() -> None:
    """Ask the C library to keep what is freed, for the whole process.

    glibc gives large arrays back to the kernel as soon as they are freed, above 32 MiB always.  A step of training frees
    all that it made, so that the next one waits for each page to be handed out anew and zeroed.
    Nothing is changed under other C libraries.
    """
    if platform.libc_ver()[0] != "glibc":
        return
    libc = ctypes.CDLL(None)
    libc.mallopt(_M_TRIM_THRESHOLD, KEPT)
    # Older versions refuse a threshold above 32 MiB; they are told not to map any array instead.
    if not libc.mallopt(_M_MMAP_THRESHOLD, KEPT):
        libc.mallopt(_M_MMAP_MAX, 0)
