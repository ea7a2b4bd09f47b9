"""From the canonical form to the layout that steps fastest.

| | canonical | here |
| --- | --- | --- |
| `recurrent_weight` | (G·H, H) | (H, G·H), contiguous |
| `input_weight` of layer 0, `bias`, `embedding.weight` | (G·H, in), (G·H), (V, E) | one table (V, G·H) |
| `input_weight` above | (G·H, H) | (H, G·H), contiguous |
| lstm gates | i f g o | i f o g, so that the sigmoids lie together |
| rows of sigmoid gates | a | a / 2, for sigmoid(a) = (1 + tanh(a / 2)) / 2; exact in binary |

(H, G·H) serves one sequence as fast as (G·H, H), and 4 to 64 sequences 1.2 to 2 times faster (OpenBLAS, H 128 to 512).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from seqgen.core.spec import ModelSpec
from seqgen.core.types import Ids

_LINE, _PAGE = 64, 2 << 20
"""Bytes of a cache line and of a large page of memory."""

_LARGE = 128 << 10
"""Bytes from which an array gets large pages, and with them up to 2 MB more than it needs."""

_ADVISED = 4 << 20
"""From so many bytes on NumPy asks Linux for large pages."""

_NONE = np.empty(0, np.float32)

_STRIP = 128
"""Rows that are transposed at a time: as many stay in the cache, which halves the time at H = 2800."""


@dataclass(frozen=True)
class Layer:
    """Weights of one recurrent layer.

    Attributes:
        input_weight: (H, G*H); None for layer 0, whose product with every token is ``Prepared.table``.
        bias: (1, G*H); with two axes, for NumPy adds arrays of equal shape faster than it broadcasts.
        recurrent_weight: (H, G*H).
        recurrent_candidate_bias: (1, H); (1, 0) for other networks than gru.
    """

    input_weight: npt.NDArray[np.float32] | None
    bias: npt.NDArray[np.float32]
    recurrent_weight: npt.NDArray[np.float32]
    recurrent_candidate_bias: npt.NDArray[np.float32]


@dataclass(frozen=True)
class Prepared:
    """All weights of a model.

    Attributes:
        table: (V, G*H) what each token gives to the gates of layer 0, bias included.
        layers: the recurrent layers.
        output_weight: (H, V).
        output_bias: (1, V).
    """

    table: npt.NDArray[np.float32]
    layers: tuple[Layer, ...]
    output_weight: npt.NDArray[np.float32]
    output_bias: npt.NDArray[np.float32]

    def of_tokens(self, ids: Ids) -> npt.NDArray[np.float32]:
        """The rows (B, G*H) of the table; for one token a view, which takes less time."""
        if len(ids) == 1:
            token = ids.item()
            return self.table[token : token + 1]
        return self.table.take(ids, axis=0)


@np.errstate(over="ignore", invalid="ignore")  # as where training diverged; whoever draws looks at the logits
def prepare(weights: Mapping[str, npt.NDArray[np.float32]], spec: ModelSpec) -> Prepared:
    """Canonical weights in the layout of this backend; each is read and written once, for they may be large."""
    layers = []
    for number in range(spec.num_layers):
        name = f"layers.{number}"
        input_weight = _transposed(weights[f"{name}.input_weight"], spec)  # (in, G*H)
        bias = _transposed(weights[f"{name}.bias"][:, None], spec)  # (1, G*H)
        candidate_bias = weights.get(f"{name}.recurrent_candidate_bias", _NONE)
        if number == 0:
            table = _input_product(weights, input_weight, spec)  # (V, G*H)
            table += bias
        layers.append(
            Layer(
                input_weight=input_weight if number else None,
                bias=bias,
                recurrent_weight=_transposed(weights[f"{name}.recurrent_weight"], spec),
                recurrent_candidate_bias=candidate_bias[None],
            )
        )
    output_weight = weights["embedding.weight" if spec.tie_embeddings else "output.weight"]
    return Prepared(table, tuple(layers), np.ascontiguousarray(output_weight.T), weights["output.bias"][None])


def _transposed(weight: npt.NDArray[np.float32], spec: ModelSpec) -> npt.NDArray[np.float32]:
    """Canonical (G*H, in) as (in, G*H), its gates in this backend's order and those of sigmoids halved."""
    order, sigmoids = {"lstm": ((0, 1, 3, 2), 3), "gru": ((0, 1, 2), 2), "rnn": ((0,), 0)}[spec.architecture]
    size = spec.hidden_size
    columns = aligned(*weight.shape[::-1])
    for place, gate in enumerate(order):
        scale = np.float32(0.5 if place < sigmoids else 1)
        for start in range(0, size, _STRIP):
            stop = min(start + _STRIP, size)
            rows = weight[gate * size + start : gate * size + stop]  # (up to _STRIP, in)
            np.multiply(rows.T, scale, out=columns[:, place * size + start : place * size + stop])
    return columns


def aligned(rows: int, columns: int, dtype: npt.DTypeLike = np.float32) -> npt.NDArray[Any]:
    """An array (rows, columns) of any content that begins with a cache line, and if it is large, with a large page.

    A load that crosses from one line to the next counts as two, and small pages, which lie anywhere in memory, push one another out of
    the caches.  Memory that is never touched costs nothing.
    """
    size = rows * columns * np.dtype(dtype).itemsize
    boundary, least = (_PAGE, _ADVISED) if size >= _LARGE else (_LINE, 0)
    memory = np.empty(max(size + boundary, least), np.uint8)
    start = -memory.ctypes.data % boundary
    return memory[start : start + size].view(dtype).reshape(rows, columns)


def _input_product(
    weights: Mapping[str, npt.NDArray[np.float32]], input_weight: npt.NDArray[np.float32], spec: ModelSpec
) -> npt.NDArray[np.float32]:
    """The product of every token's input with (in, G*H) weights, (V, G*H)."""
    if spec.input_encoding == "embedding":
        return weights["embedding.weight"] @ input_weight
    if spec.input_encoding == "one-hot":
        return input_weight.copy()
    scalars = np.arange(spec.vocab_size, dtype=np.float32) / np.float32(spec.vocab_size)
    return scalars[:, None] * input_weight
