"""Arrays of whatever library, brought to NumPy, and the probabilities that logits stand for."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from seqgen.core.types import Array, Ids


def on_host(array: Array) -> npt.NDArray[Any]:
    """The array as a NumPy array: without a copy where it lies in main memory."""
    if type(array) is np.ndarray:
        return array
    from array_api_compat import is_torch_array, to_device

    return np.asarray(to_device(array, "cpu") if is_torch_array(array) else array)


def log_probabilities(logits: Array, ids: Ids) -> npt.NDArray[np.float64]:
    """The natural logarithms (B,) of the probabilities that softmax(logits), (B, V), gives these ids (B,)."""
    exact = on_host(logits).astype(np.float64)
    exact -= np.maximum.reduce(exact, axis=-1, keepdims=True)
    chosen = exact[np.arange(len(ids)), ids]
    result: npt.NDArray[np.float64] = chosen - np.log(np.add.reduce(np.exp(exact), axis=-1))
    return result
