"""One LSTM step of one stream in one function that Numba compiles; for ``step_kernels.py``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit

_HALF = np.float32(0.5)
_SATURATED = np.float32(7.90531)


def packed(weight: Any, kind: str) -> Any:
    """Weights (N, in, out) in a precision."""
    if kind == "float32":
        return weight
    return ((weight.view(np.uint32) + np.uint32(0x8000)) >> np.uint32(16)).astype(np.uint16)  # the upper half, rounded


def compiled_step(kind: str) -> Callable[..., None]:
    """The step for weights of a precision; compiled when it is first called."""
    widen = njit(_from_bfloat16 if kind == "bfloat16" else _as_float, fastmath=True, inline="always")
    tanh = njit(_tanh, fastmath=True, inline="always")

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


def _tanh(x: Any) -> Any:
    """A rational approximation, to 1e-6 (the one of Eigen), which unlike a call is computed for several numbers at once."""
    x = min(max(x, -_SATURATED), _SATURATED)
    y = x * x
    above = np.float32(-2.76076847742355e-16)
    above = above * y + np.float32(2.00018790482477e-13)
    above = above * y + np.float32(-8.60467152213735e-11)
    above = above * y + np.float32(5.12229709037114e-08)
    above = above * y + np.float32(1.48572235717979e-05)
    above = above * y + np.float32(6.37261928875436e-04)
    above = above * y + np.float32(4.89352455891786e-03)
    below = np.float32(1.19825839466702e-06)
    below = below * y + np.float32(1.18534705686654e-04)
    below = below * y + np.float32(2.26843463243900e-03)
    below = below * y + np.float32(4.89352518554385e-03)
    return x * above / below
