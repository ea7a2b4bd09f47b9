"""One LSTM step of one stream in one function that Numba compiles; for ``step_kernels.py``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit

from seqgen.backends.numba.kernels import tanh

_HALF = np.float32(0.5)


def packed(weight: Any, kind: str) -> Any:
    """Weights (N, in, out) in a precision."""
    if kind == "float32":
        return weight
    return ((weight.view(np.uint32) + np.uint32(0x8000)) >> np.uint32(16)).astype(np.uint16)  # the upper half, rounded


def compiled_step(kind: str) -> Callable[..., None]:
    """The step for weights of a precision; compiled when it is first called."""
    widen = njit(_from_bfloat16 if kind == "bfloat16" else _as_float, fastmath=True, inline="always")

    @njit(fastmath=True)
    def product(hidden: Any, weight: Any, start: Any, sums: Any) -> None:
        """Sums (out) = start (out) + hidden (in) @ weight (in, out); four rows at a time."""
        sums[:] = start
        for row in range(0, weight.shape[0], 4):
            a, b, c, d = hidden[row], hidden[row + 1], hidden[row + 2], hidden[row + 3]
            for column in range(weight.shape[1]):
                sums[column] += (
                    a * widen(weight[row, column])
                    + b * widen(weight[row + 1, column])
                    + c * widen(weight[row + 2, column])
                    + d * widen(weight[row + 3, column])
                )

    @njit(fastmath=True)
    def activate(gates: Any, hidden: Any, cell: Any) -> None:
        """The gates i f o g (4H), halved where they are sigmoids, to the next hidden state and cell (H), in place."""
        size = hidden.shape[0]
        for unit in range(size):
            i = _HALF + _HALF * tanh(gates[unit])
            f = _HALF + _HALF * tanh(gates[size + unit])
            o = _HALF + _HALF * tanh(gates[2 * size + unit])
            cell[unit] = f * cell[unit] + i * tanh(gates[3 * size + unit])
            hidden[unit] = o * tanh(cell[unit])

    @njit(fastmath=True)
    def step(
        token: int,
        table: Any,
        biases: Any,
        recurrent: Any,
        inputs: Any,
        output: Any,
        output_bias: Any,
        hidden: Any,
        cell: Any,
        gates: Any,
        logits: Any,
    ) -> None:
        for layer in range(hidden.shape[0]):
            start = table[token]
            if layer:
                start = np.empty_like(gates)
                product(hidden[layer - 1], inputs[layer - 1], biases[layer], start)
            product(hidden[layer], recurrent[layer], start, gates)
            activate(gates, hidden[layer], cell[layer])
        product(hidden[-1], output[0], output_bias, logits)

    return step  # type: ignore[no-any-return]


def _as_float(value: Any) -> Any:
    return np.float32(value)


def _from_bfloat16(value: Any) -> Any:
    return np.uint32(np.uint32(value) << np.uint32(16)).view(np.float32)
