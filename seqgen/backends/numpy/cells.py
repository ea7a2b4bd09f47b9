"""One time step of each recurrent layer, gates of all B sequences in one product, in memory that is made once.

The formulas are those of :mod:`seqgen.core.canonical`.  With sigmoid(a) = (1 + tanh(a / 2)) / 2 and the halves folded
into the weights, one call of tanh serves all gates; see :mod:`seqgen.backends.numpy.weights` for the layout.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from seqgen.backends.numpy.weights import Layer
from seqgen.core.types import State

Floats: TypeAlias = npt.NDArray[np.float32]
Step: TypeAlias = Callable[[Floats, State, dict[str, Floats], Floats | None], Floats]
"""(input product (B, G*H), state before, state to be written, output (B, H) to be written) -> output.

Without an output, all that is written is new arrays; with one, what else the layer carries changes in place.
"""

_HALF = np.array(0.5, np.float32)
"""As an array, for one with a Python number takes twice as long at these sizes."""


def _lstm(layer: Layer, names: Sequence[str], gates: Floats) -> Step:  # i f o g
    weight, (of_hidden, of_cell) = layer.recurrent_weight, names
    size = len(weight)
    sigmoids, candidate = gates[:, : 3 * size], gates[:, 3 * size :]
    i, f, o = (gates[:, gate * size : (gate + 1) * size] for gate in range(3))
    dot, add, multiply, tanh = np.dot, np.add, np.multiply, np.tanh

    def step(inputs: Floats, before: State, after: dict[str, Floats], output: Floats | None) -> Floats:
        dot(before[of_hidden], weight, gates)
        add(gates, inputs, gates)
        tanh(gates, gates)
        multiply(sigmoids, _HALF, sigmoids)
        add(sigmoids, _HALF, sigmoids)
        multiply(candidate, i, candidate)
        cell = before[of_cell]
        cell = multiply(cell, f, None if output is None else cell)
        add(cell, candidate, cell)
        hidden = tanh(cell, output)
        multiply(hidden, o, hidden)
        after[of_hidden], after[of_cell] = hidden, cell
        return hidden

    return step


def _gru(layer: Layer, names: Sequence[str], gates: Floats) -> Step:  # r z n
    weight, bias, (of_hidden,) = layer.recurrent_weight, layer.recurrent_candidate_bias, names
    size = len(weight)
    sigmoids, candidate = gates[:, : 2 * size], gates[:, 2 * size :]
    r, z = gates[:, :size], gates[:, size : 2 * size]
    dot, add, multiply, tanh = np.dot, np.add, np.multiply, np.tanh

    def step(inputs: Floats, before: State, after: dict[str, Floats], output: Floats | None) -> Floats:
        dot(before[of_hidden], weight, gates)
        add(sigmoids, inputs[:, : 2 * size], sigmoids)
        tanh(sigmoids, sigmoids)
        multiply(sigmoids, _HALF, sigmoids)
        add(sigmoids, _HALF, sigmoids)
        add(candidate, bias, candidate)
        multiply(candidate, r, candidate)
        add(candidate, inputs[:, 2 * size :], candidate)
        tanh(candidate, candidate)
        hidden = np.subtract(before[of_hidden], candidate, output)
        multiply(hidden, z, hidden)
        after[of_hidden] = add(hidden, candidate, hidden)  # (1 - z) n + z h
        return hidden

    return step


def _rnn(layer: Layer, names: Sequence[str], gates: Floats) -> Step:
    weight, (of_hidden,) = layer.recurrent_weight, names

    def step(inputs: Floats, before: State, after: dict[str, Floats], output: Floats | None) -> Floats:
        np.dot(before[of_hidden], weight, gates)
        np.add(gates, inputs, gates)
        after[of_hidden] = hidden = np.tanh(gates, output)
        return hidden

    return step


CELLS: Mapping[str, Callable[[Layer, Sequence[str], Floats], Step]] = MappingProxyType(
    {"lstm": _lstm, "gru": _gru, "rnn": _rnn}
)
"""(layer, names of what it carries in a state, gates (B, G*H) to work in) -> its step.

That arrays and their slices are made once takes a sixth off a step.
"""
