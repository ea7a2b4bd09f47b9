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


def log_softmax(logits: Array) -> npt.NDArray[np.float64]:
    """The natural logarithms (..., V) of the probabilities that logits (..., V) stand for; a row that is no numbers gives none."""
    exact: npt.NDArray[np.float64] = on_host(logits).astype(np.float64)
    with np.errstate(invalid="ignore", under="ignore"):  # also where a program has NumPy raise for what weighs nothing
        exact -= np.maximum.reduce(exact, axis=-1, keepdims=True)
        exact -= np.log(np.add.reduce(np.exp(exact), axis=-1, keepdims=True))
    return exact


def log_probabilities(logits: Array, ids: Ids) -> npt.NDArray[np.float64]:
    """The natural logarithms (B,) of the probabilities that softmax(logits), (B, V), gives these ids (B,)."""
    chosen: npt.NDArray[np.float64] = log_softmax(logits)[np.arange(len(ids)), ids]
    return chosen
