"""What a step of training frees is there for the next one, and need not come from the kernel again."""

from __future__ import annotations

import ctypes
import platform

import pytest

from seqgen.backends.allocation import keep_freed_memory

SIZE = 48 * 2**20

PAGE_FAULTS = f"""
import resource
from seqgen.backends.allocation import keep_freed_memory
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    held = [b"x" * {SIZE}, b"y" * {SIZE}]
    del held
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
print(faults(), faults())
keep_freed_memory()
print(faults(), faults())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries are left as they are")
def test_memory_that_was_freed_is_used_again_without_a_page_fault(run_python):
    before, after = (list(map(int, line.split())) for line in run_python(PAGE_FAULTS).stdout.splitlines())
    if before[1] < SIZE // 4096:
        pytest.skip("this kernel hands out large pages")
    assert after[1] < before[1] // 20


def test_another_c_library_is_left_as_it_is(monkeypatch):
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    monkeypatch.setattr(ctypes, "CDLL", lambda _: pytest.fail("it was called"))
    keep_freed_memory()
