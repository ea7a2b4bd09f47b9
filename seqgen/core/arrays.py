"""Arrays of whatever library, brought to NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from seqgen.core.types import Array


def on_host(array: Array) -> npt.NDArray[Any]:
    """The array as a NumPy array: without a copy where it lies in main memory."""
    if type(array) is np.ndarray:
        return array
    from array_api_compat import is_torch_array, to_device

    return np.asarray(to_device(array, "cpu") if is_torch_array(array) else array)
