"""Whether an error says that memory does not suffice, whatever library it comes from."""

from __future__ import annotations

from seqgen.core.plugin import text_of

_PHRASES = (
    "can't allocate memory",
    "not enough memory",
    "out of memory",
    "RESOURCE_EXHAUSTED",
    "STATUS_ALLOC_FAILED",  # of cuBLAS and cuDNN
)


def out_of_memory(error: Exception) -> bool:
    """Python's and NumPy's MemoryError, and what torch (by device), TensorFlow and JAX raise in its place."""
    named = type(error).__name__ in {"OutOfMemoryError", "ResourceExhaustedError"}
    said = text_of(error)
    told = isinstance(error, RuntimeError) and any(words in said for words in _PHRASES)
    return isinstance(error, MemoryError) or named or told
