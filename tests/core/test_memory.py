"""Which errors say that memory does not suffice."""

from __future__ import annotations

import pytest

from seqgen.core.memory import out_of_memory


class ResourceExhaustedError(Exception):
    """As TensorFlow's is called."""


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        ResourceExhaustedError(),
        RuntimeError(
            "[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes"
        ),
        RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying to allocate"),
        RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    ],
    ids=str,
)
def test_memory_does_not_suffice(error):
    assert out_of_memory(error)


@pytest.mark.parametrize(
    "error", [RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"), ValueError("out of memory")], ids=str
)
def test_something_else_is_wrong(error):
    assert not out_of_memory(error)
