"""One time step of each recurrent layer, gates of all B sequences in one product, in place where possible.

The formulas are those of :mod:`seqgen.core.canonical`.  With sigmoid(a) = (1 + tanh(a / 2)) / 2 and the halves folded
into the weights, one call of tanh serves all gates; see :mod:`seqgen.backends.numpy.weights` for the layout.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from seqgen.backends.numpy.weights import Layer

Floats: TypeAlias = npt.NDArray[np.float32]
Parts: TypeAlias = tuple[Floats, ...]

_HALF = np.array(0.5, np.float32)
"""As an array, for one with a Python number takes twice as long at these sizes."""


@dataclass(frozen=True)
class Cell:
    """A kind of recurrent layer.

    Attributes:
        parts: names of what it carries, each (B, H); the first is its output.
        step: (input product (B, G*H), layer, parts before) -> parts after, all new arrays.
    """

    parts: tuple[str, ...]
    step: Callable[[Floats, Layer, Parts], Parts]


def _lstm(inputs: Floats, layer: Layer, before: Parts) -> Parts:
    hidden, cell = before
    size = hidden.shape[1]
    gates = np.dot(hidden, layer.recurrent_weight)  # (B, 4H): i f o g
    gates += inputs
    np.tanh(gates, out=gates)
    sigmoids = gates[:, : 3 * size]  # (B, 3H)
    sigmoids *= _HALF
    sigmoids += _HALF
    candidate = gates[:, 3 * size :]
    candidate *= gates[:, :size]
    cell = cell * gates[:, size : 2 * size]
    cell += candidate
    hidden = np.tanh(cell)
    hidden *= gates[:, 2 * size : 3 * size]
    return hidden, cell


def _gru(inputs: Floats, layer: Layer, before: Parts) -> Parts:
    (hidden,) = before
    size = hidden.shape[1]
    gates = np.dot(hidden, layer.recurrent_weight)  # (B, 3H): r z n
    sigmoids = gates[:, : 2 * size]  # (B, 2H)
    sigmoids += inputs[:, : 2 * size]
    np.tanh(sigmoids, out=sigmoids)
    sigmoids *= _HALF
    sigmoids += _HALF
    candidate = gates[:, 2 * size :]
    candidate += layer.recurrent_candidate_bias
    candidate *= gates[:, :size]
    candidate += inputs[:, 2 * size :]
    np.tanh(candidate, out=candidate)
    hidden = hidden - candidate
    hidden *= gates[:, size : 2 * size]
    hidden += candidate  # (1 - z) n + z h
    return (hidden,)


def _rnn(inputs: Floats, layer: Layer, before: Parts) -> Parts:
    hidden = np.dot(before[0], layer.recurrent_weight)  # (B, H)
    hidden += inputs
    return (np.tanh(hidden, out=hidden),)


CELLS: Mapping[str, Cell] = MappingProxyType(
    {"lstm": Cell(("hidden", "cell"), _lstm), "gru": Cell(("hidden",), _gru), "rnn": Cell(("hidden",), _rnn)}
)
