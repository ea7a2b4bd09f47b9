"""Between the canonical form and the layout of Keras' recurrent layers.

| | canonical | Keras |
| --- | --- | --- |
| `layers.N.input_weight` | (G·H, in) | `kernel` (in, G·H) |
| `layers.N.recurrent_weight` | (G·H, H) | `recurrent_kernel` (H, G·H) |
| `layers.N.bias` | (G·H) | `bias` (G·H); for gru row 0 of (2, 3H) |
| `layers.N.recurrent_candidate_bias` | (H) | for gru row 1 of `bias`, from 2H on; the rest of that row is zero |
| gates of lstm | i f g o | i f c o, the same |
| gates of gru | r z n | z r h: the first two change places |

Embedding and output weights stay as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from seqgen.backends.keras.engine import Tensor, Tensors

_OF_GATES = ("input_weight", "recurrent_weight", "bias")
"""Tensors of a layer whose rows are those of its gates; the candidate's own bias is of one gate."""


def to_keras(name: str, value: npt.NDArray[Any], architecture: str) -> npt.NDArray[np.float32]:
    """A canonical tensor in Keras' layout."""
    if not _has_gates(name):
        return np.array(value, dtype=np.float32)
    return np.array(_swapped(value, architecture).T, dtype=np.float32, order="C")


def from_keras(name: str, value: npt.NDArray[Any], architecture: str) -> npt.NDArray[np.float32]:
    """A tensor in Keras' layout as canonical one."""
    if not _has_gates(name):
        return np.array(value, dtype=np.float32)
    return np.array(_swapped(value.T, architecture), dtype=np.float32, order="C")


def layer_weights(values: Tensors, number: int) -> list[Tensor]:
    """What Keras' recurrent layer of that number takes: kernel, recurrent kernel, bias."""
    own: Mapping[str, Tensor] = {
        name.rpartition(".")[2]: value for name, value in values.items() if name.startswith(f"layers.{number}.")
    }
    bias = own["bias"]
    if "recurrent_candidate_bias" in own:
        candidate = own["recurrent_candidate_bias"]
        bias = keras.ops.stack([bias, keras.ops.pad(candidate, [[2 * candidate.shape[0], 0]])])  # (2, 3H)
    return [own["input_weight"], own["recurrent_weight"], bias]


def _has_gates(name: str) -> bool:
    return name.startswith("layers.") and name.rpartition(".")[2] in _OF_GATES


def _swapped(rows: npt.NDArray[Any], architecture: str) -> npt.NDArray[Any]:
    """Rows of (G*H, ...) with the first two gates of gru exchanged, which is its own inverse."""
    if architecture != "gru":
        return rows
    first, second, third = np.split(rows, 3)
    return np.concatenate((second, first, third))
